package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/audit"
	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/system"
	"holdfast/worker"
)

// fullShop is a whole system, one file of which has no room left for a while.
type fullShop struct {
	t      *testing.T
	dir    string
	engine *engine.Engine
	queues *Queues
	orders *order.Service // the door's own, which runs whatever else does
	placed []string
	stops  []func()
}

const (
	ordersBefore = 20
	ordersWhile  = 300
	unitsForAll  = 1000
)

// TestAFileThatRunsFullInMidLoad has each file in turn take not one page more, in
// the middle of a load. What cannot be written is not written by halves, and all
// that was accepted ends once there is room again. A queue grows only where its
// reader is away.
func TestAFileThatRunsFullInMidLoad(t *testing.T) {
	for _, file := range []string{"order", "inventory", "payment", "gateway", "order.queue", "inventory.queue", "payment.queue"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			s := openFullShop(t)
			db := s.file(file)
			reader, isQueue := strings.CutSuffix(file, ".queue")
			atWork, away := event.Services, []event.Service{}
			if isQueue {
				away = []event.Service{event.Service(reader)}
				atWork = slices.DeleteFunc(slices.Clone(atWork), func(o event.Service) bool { return o == away[0] })
			}
			s.run(atWork)
			for range ordersBefore {
				s.check(s.place())
			}
			limitPages(t, db, "1") // SQLite takes it as: not one page more
			s.fill(db)
			s.audited(audit.Options{})
			CheckIntegrity(t, s.engine)

			limitPages(t, db, "1073741823")
			s.check(s.place())
			s.run(away)
			s.waitForEnds()
			s.stop()
			s.audited(audit.Options{Drained: true})
			CheckIntegrity(t, s.engine)
		})
	}
}

func openFullShop(t *testing.T) *fullShop {
	dir := t.TempDir()
	e := openEngine(t, dir)
	queues, err := OpenQueues(QueueOptions{Dir: dir, Capacity: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { queues.Close() })
	count := inventory.Count{SKU: "A", OnHand: unitsForAll, Price: price, At: start}
	if _, err := (&inventory.Service{Store: e.Inventory}).Count(t.Context(), count); err != nil {
		t.Fatal(err)
	}
	terms := order.Terms{Hold: time.Hour, Silence: 100 * time.Millisecond}
	return &fullShop{t: t, dir: dir, engine: e, queues: queues, orders: &order.Service{Store: e.Orders, Terms: terms}}
}

// file is one of the shop's files.
func (s *fullShop) file(name string) *database {
	if reader, ok := strings.CutSuffix(name, ".queue"); ok {
		return s.queues.Queues[event.Service(reader)].(*queue).db
	}
	return map[string]*database{
		"order": s.engine.Orders.(orders).db, "inventory": s.engine.Inventory.(stock).db,
		"payment": s.engine.Payments.(payments).db, "gateway": s.engine.Ledger.(ledger).db,
	}[name]
}

// run starts services beside those that run.
func (s *fullShop) run(services []event.Service) {
	limits := worker.DefaultLimits
	limits.BackoffBase, limits.BackoffCap = time.Millisecond, 100*time.Millisecond
	part := system.New(system.Config{
		Engine: s.engine, Services: services, Queues: s.queues.Queues, Terms: s.orders.Terms, Limits: limits,
		Gateway: &simulated.Gateway{Ledger: s.engine.Ledger, Now: system.Now},
		Log:     slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), SweepEvery: 5 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { part.Run(ctx) })
	s.stops = append(s.stops, func() { cancel(); running.Wait() })
}

// stop ends all services.
func (s *fullShop) stop() {
	for _, stop := range s.stops {
		stop()
	}
}

// place accepts an order as the door does: one that is stored is accepted, and
// whether its event could be sent is the sweeper's affair.
func (s *fullShop) place() error {
	placed, err := s.orders.Place(s.t.Context(), system.Now(), []order.Request{{
		Caller: "local", UserID: strings.Repeat("u", order.MaxUserID), OrderID: fmt.Sprint("order-", len(s.placed)),
		Lines: []event.Line{{SKU: "A", Qty: 1}}, PaymentMethod: simulated.Approve,
	}})
	if err != nil {
		return err
	}
	s.placed = append(s.placed, placed[0].Order.OrderID)
	if err := s.queues.Queues.Send(s.t.Context(), []event.Event{placed[0].Send}); err != nil && !errors.Is(err, event.Unavailable) {
		return err
	}
	return placed[0].Err
}

// fill places orders until the file is full, or has been for so many orders.
func (s *fullShop) fill(db *database) {
	s.t.Helper()
	for range ordersWhile {
		err := s.place()
		if errors.Is(err, event.Unavailable) && strings.Contains(err.Error(), "free some space") {
			s.wantNoOrder(fmt.Sprint("order-", len(s.placed)))
			return
		}
		s.check(err)
	}
	s.waitUntil("the file never ran full", db.write.failing.Load)
}

func (s *fullShop) wantNoOrder(id string) {
	s.t.Helper()
	if o, err := s.engine.Orders.Get(s.t.Context(), id); !errors.Is(err, event.NotFound) {
		s.t.Errorf("the refused order is %+v, %v", o, err)
	}
}

// waitForEnds waits until every order that was accepted has completed, and nothing
// is on its way.
func (s *fullShop) waitForEnds() {
	s.t.Helper()
	for _, id := range s.placed {
		s.waitUntil("order "+id+" has no end", func() bool {
			o, err := s.engine.Orders.Get(s.t.Context(), id)
			s.check(err)
			return o.Status == order.Completed
		})
	}
	empty := 0 // looks in a row: a message can slip from queue to queue behind one, but not behind five
	s.waitUntil("the queues are not empty", func() bool {
		empty++
		for _, q := range s.queues.Queues {
			d, err := q.Depth(s.t.Context())
			s.check(err)
			if d.Ready+d.Delayed+d.InFlight > 0 {
				empty = 0
			}
		}
		return empty == 5
	})
}

func (s *fullShop) waitUntil(failure string, holds func() bool) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(end) {
			s.t.Fatal(failure)
		}
	}
}

func (s *fullShop) audited(o audit.Options) {
	s.t.Helper()
	report, err := audit.Check(s.t.Context(), audit.Stores{
		Orders: s.engine.Orders, Inventory: s.engine.Inventory, Payments: s.engine.Payments, Ledger: s.engine.Ledger,
		DeadLetters: s.engine.DeadLetters, Queues: s.queues.Queues,
	}, o)
	s.check(err)
	if report.Found > 0 || len(report.Letters) > 0 {
		s.t.Errorf("audit: %+v %+v", report.Breaches, report.Letters)
	}
}

func (s *fullShop) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// limitPages sets how large a file may grow.
func limitPages(t *testing.T, db *database, pages string) {
	t.Helper()
	for {
		err := db.update(t.Context(), maxRows, func(x *tx) error {
			_, err := number(x.conn, "PRAGMA max_page_count = "+pages)
			return err
		})
		if err == nil {
			return
		}
		if !errors.Is(err, event.Unavailable) { // which a write of others in the same transaction may meet
			t.Fatal(err)
		}
	}
}
