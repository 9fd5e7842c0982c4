package sqlite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"

	"zombiezen.com/go/sqlite"
)

// wantTallied compares an engine's tally with the orders' rows.
func wantTallied(t *testing.T, e *engine.Engine) {
	t.Helper()
	want := order.Tally{ByStatus: make(map[order.Status]int)}
	err := e.Orders.(orders).db.view(t.Context(), func(conn *sqlite.Conn) error {
		s, err := prepare(conn, "SELECT status, count(*) FROM orders GROUP BY status")
		if err != nil {
			return err
		}
		return s.rows(func(r *row) error {
			status, n := order.Status(r.text()), int(r.integer())
			if want.ByStatus[status] = n; !status.Ended() {
				want.Open += n
			}
			return nil
		})
	})
	got, errTally := e.Orders.Tally(t.Context())
	maps.DeleteFunc(got.ByStatus, func(_ order.Status, n int) bool { return n == 0 })
	if err := errors.Join(err, errTally); err != nil || got.Open != want.Open || !maps.Equal(got.ByStatus, want.ByStatus) {
		t.Errorf("the tally is %+v, the rows are %+v; %v", got, want, err)
	}
}

// TestProcessesTallyTogether: two engines stand for two processes that write at once.
func TestProcessesTallyTogether(t *testing.T) {
	d := newDirectory(t)
	writers := []*engine.Engine{d.engine, d.open(Options{Shared: true})}
	reader := d.open(Options{ReadOnly: true})
	var both sync.WaitGroup
	for i, e := range writers {
		both.Go(func() {
			for n := range 60 {
				o := order.Order{Ref: event.Ref{OrderID: fmt.Sprint("order-", n*2+i)}, Status: order.Pending, History: []order.Entry{{At: start}}, Due: start}
				created, err := e.Orders.Create(t.Context(), []order.Order{o})
				if err == nil && n%3 > 0 {
					_, err = e.Orders.Apply(t.Context(), []order.Change{{
						Ref: created[0].Order.Ref, From: []order.Status{order.Pending}, To: order.Statuses[n%len(order.Statuses)], At: start, Due: start,
					}})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	for _, e := range append(writers, reader) {
		wantTallied(t, e)
	}
	if err := writers[1].Close(); err != nil {
		t.Fatal(err)
	}
	wantTallied(t, d.open(Options{Shared: true}))
}

// TestWhatIsNotWrittenIsNotTallied: neither by a job that fails beside others, nor by a
// commit that does not come through.
func TestWhatIsNotWrittenIsNotTallied(t *testing.T) {
	d := newDirectory(t)
	s := d.engine.Orders.(orders)
	refused := errors.New("refused")
	jobOf := func(n int, fails error) *job {
		return &job{ctx: context.Background(), rows: 1, done: make(chan error, 1), change: func(t *tx) error {
			_, err := s.create(t, order.Order{Ref: event.Ref{OrderID: fmt.Sprint("order-", n)}, Status: order.Pending, History: []order.Entry{{At: start}}})
			return errors.Join(err, fails)
		}}
	}
	bad := jobOf(3, refused)
	s.db.write.commit([]*job{jobOf(1, nil), jobOf(2, nil), bad, jobOf(4, nil)})
	if err := <-bad.done; !errors.Is(err, refused) {
		t.Errorf("the failing job got %v", err)
	}
	wantTallied(t, d.engine)
	for _, table := range []string{"tally", "orders"} {
		d.run("CREATE TRIGGER refuse BEFORE INSERT ON " + table + " BEGIN SELECT raise(ABORT, 'refused'); END")
		if err := d.place(d.engine, 5); err == nil {
			t.Errorf("an order was placed though %s takes nothing", table)
		}
		wantTallied(t, d.engine)
		d.run("DROP TRIGGER refuse")
	}
	d.placeAll(d.engine, 6, 7)
	wantTallied(t, d.engine)
	if got, err := d.engine.Orders.Tally(t.Context()); err != nil || got.Open != 4 {
		t.Errorf("the tally is %+v, %v; want 4 open orders", got, err)
	}
}

// TestAnOlderFileIsTallied: and its orders are found by their statuses.
func TestAnOlderFileIsTallied(t *testing.T) {
	for _, many := range []int{0, 1, 30} {
		d := &directory{T: t, dir: t.TempDir(), placed: make(map[string][]string)}
		var rows string
		for n := range many {
			rows += fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'order-%d', 'c', 'u', '%s', '', NULL, 0, '', '', NULL, 0, '[{"status":"PENDING","at":0}]', 0, NULL, 0, x'', 1);`,
				n+1, n, order.Statuses[n*n/5%len(order.Statuses)])
		}
		steps := migrations("order")
		script(t, filepath.Join(d.dir, "order.db"), steps[0]+steps[1]+rows+fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 2", applicationIDs["order"]))
		d.engine = d.open(Options{})
		wantTallied(t, d.engine)
		d.placeAll(d.engine, 1000, 1001)
		wantTallied(t, d.engine)
		tally, err := d.engine.Orders.Tally(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range order.Statuses {
			page, err := d.engine.Orders.List(t.Context(), order.Query{Status: status, Limit: 100})
			if err != nil || len(page.Orders) != tally.ByStatus[status] || page.Next != "" {
				t.Errorf("%d orders are %s, %v; the tally says %d", len(page.Orders), status, err, tally.ByStatus[status])
			}
		}
	}
}
