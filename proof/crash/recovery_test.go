package crash_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"holdfast/api/client"
	"holdfast/audit"
	embedded "holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
)

// recovered opens what a crash has left, lets it come to its end, and returns what
// is wrong with it: nothing, if the client was told the truth.
func recovered(dir string, by way, of script, told notes) error {
	s, err := openShop(dir, fittings{way: by})
	if err != nil {
		return err
	}
	err = s.drain()
	for _, p := range of.purchases {
		err = errors.Join(err, s.check(p, told))
	}
	err = errors.Join(err, s.checkCounted(told))
	for _, p := range of.purchases {
		err = errors.Join(err, s.repeat(p, told))
	}
	err = errors.Join(err, s.drain(), s.close())
	if err != nil {
		return err
	}
	return errors.Join(intact(dir), audited(dir))
}

// check compares the end of an order with what its client was told.
func (s *shop) check(p purchase, told notes) error {
	o, err := s.stores[event.Order].Orders.Get(context.Background(), p.id)
	if errors.Is(err, event.NotFound) {
		if told[p.placing()].Status == http.StatusAccepted {
			return fmt.Errorf("order %s was accepted and is lost", p.id)
		}
		return nil
	}
	if err != nil {
		return err
	}
	asked, isAsked := told[p.asking()]
	switch {
	case isAsked && o.Status == p.after && p.after != "":
	case asked.Status == http.StatusAccepted:
		return fmt.Errorf("order %s ended %s (%s), though its %s was accepted", p.id, o.Status, o.Reason, p.then)
	case o.Status != p.end || o.Reason != p.reason:
		return fmt.Errorf("order %s ended %s (%s), want %s (%s)", p.id, o.Status, o.Reason, p.end, p.reason)
	}
	return s.checkCharge(p, o)
}

// checkCharge compares what the gateway's books say was charged with the end.
func (s *shop) checkCharge(p purchase, o order.Order) error {
	books, err := s.stores[event.Payment].Ledger.Get(context.Background(), []event.Ref{o.Ref})
	if err != nil {
		return err
	}
	var net int64
	for _, e := range books[0] {
		switch e.State {
		case simulated.Captured:
			net += e.Amount.Amount
		case simulated.Refunded:
			net -= e.Amount.Amount
		}
	}
	if want := p.charge(o.Status); net != want {
		return fmt.Errorf("order %s is %s and charged %d, want %d", p.id, o.Status, net, want)
	}
	return nil
}

// checkCounted compares the stock that was counted and adjusted with what the
// client was told.
func (s *shop) checkCounted(told notes) error {
	row, err := s.stores[event.Inventory].Inventory.Stock(context.Background(), counted)
	if err != nil {
		return err
	}
	may := []int64{inStock}
	if _, asked := told[counting]; asked {
		may = append(may, countedTo)
	}
	if told[counting].Status == http.StatusOK {
		may = []int64{countedTo}
	}
	if _, asked := told[adjusting]; asked {
		may = append(may, countedTo-broken)
	}
	if told[adjusting].Status == http.StatusOK {
		may = []int64{countedTo - broken}
		if again := s.ask(http.MethodPost, adjustPath, breakage); again.Body.String() != told[adjusting].Body {
			return fmt.Errorf("the adjustment made again got %s, and at first %s", again.Body, told[adjusting].Body)
		}
	}
	if !slices.Contains(may, row.OnHand()) {
		return fmt.Errorf("%d of %s on hand, want one of %d", row.OnHand(), counted, may)
	}
	return nil
}

// repeat makes each request again that the client has made: one that was answered
// gets the same answer, and the other one is granted now.
func (s *shop) repeat(p purchase, told notes) error {
	w, asked := told[p.placing()]
	if !asked {
		return nil
	}
	defer s.clockFor(p)()
	again := s.ask(http.MethodPost, "/orders", p.body())
	answered := w.Status == http.StatusAccepted
	if again.Code != http.StatusAccepted || answered && (again.Body.String() != w.Body || again.Header().Get("Idempotent-Replayed") != "true") {
		return fmt.Errorf("order %s placed again got %d %v %s; at first %d %s", p.id, again.Code, again.Header(), again.Body, w.Status, w.Body)
	}
	if told[p.asking()].Status != http.StatusAccepted {
		return nil
	}
	if again = s.ask(http.MethodPost, "/orders/"+p.id+"/"+p.then, p.with); again.Code != http.StatusAccepted {
		return fmt.Errorf("the %s of order %s asked for again got %d %s", p.then, p.id, again.Code, again.Body)
	}
	var o client.Order
	if err := json.Unmarshal(again.Body.Bytes(), &o); err != nil || o.Status != string(p.after) {
		return fmt.Errorf("the %s of order %s asked for again says %s, %v", p.then, p.id, o.Status, err)
	}
	return nil
}

// audited audits the folder as the audit command does.
func audited(dir string) error {
	e, err := embedded.Open(embedded.Options{Dir: dir, ReadOnly: true})
	if err != nil {
		return err
	}
	defer e.Close()
	files, err := embedded.OpenQueues(embedded.QueueOptions{Dir: dir, ReadOnly: true})
	if err != nil {
		return err
	}
	defer files.Close()
	report, err := audit.Check(context.Background(), audit.Stores{
		Orders: e.Orders, Inventory: e.Inventory, Payments: e.Payments, Ledger: e.Ledger, DeadLetters: e.DeadLetters, Queues: files.Queues,
	}, audit.Options{Drained: true})
	if err != nil {
		return err
	}
	if report.Found > 0 || len(report.Letters) > 0 {
		return fmt.Errorf("audit: %+v %+v", report.Breaches, report.Letters)
	}
	return nil
}

// intact lets SQLite check every page of every file.
func intact(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.db"))
	for _, path := range paths {
		err = errors.Join(err, checkIntegrity(path))
	}
	return err
}

func checkIntegrity(path string) error {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return err
	}
	defer conn.Close()
	return sqlitex.ExecuteTransient(conn, "PRAGMA integrity_check", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		if said := s.ColumnText(0); said != "ok" {
			return fmt.Errorf("%s: %s", path, said)
		}
		return nil
	}})
}
