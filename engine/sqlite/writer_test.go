package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

var (
	start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	price = event.Money{Amount: 1999, Currency: "USD"}
)

// holdJob is a job that holds one unit of A for an order.
func holdJob(e *engine.Engine, n int, id string) *job {
	return &job{ctx: context.Background(), rows: 1, done: make(chan error, 1), change: func(t *tx) error {
		_, err := e.Inventory.(stock).apply(t, inventory.Change{
			Ref: event.Ref{OrderID: id, Number: int64(n)}, From: []inventory.State{inventory.None}, To: inventory.Held,
			At: start, Lines: []event.Line{{SKU: "A", Qty: 1}},
		})
		return err
	}}
}

// stocked is an engine with n units of A, and the file they are in.
func stocked(t *testing.T, n int64) (*engine.Engine, *database) {
	t.Helper()
	e := openEngine(t, t.TempDir())
	if _, err := (&inventory.Service{Store: e.Inventory}).Count(t.Context(), inventory.Count{SKU: "A", OnHand: n, Price: price, At: start}); err != nil {
		t.Fatal(err)
	}
	return e, e.Inventory.(stock).db
}

func wantA(t *testing.T, e *engine.Engine, available, reserved int64) {
	t.Helper()
	s, err := e.Inventory.Stock(t.Context(), "A")
	if err != nil || s.Available != available || s.Reserved != reserved {
		t.Errorf("stock is %+v, %v; want %d available, %d reserved", s, err, available, reserved)
	}
}

func TestAFailingJobDoesNotFailItsNeighbours(t *testing.T) {
	e, db := stocked(t, 100)
	var batch []*job
	for n := 1; n <= 20; n++ {
		batch = append(batch, holdJob(e, n, fmt.Sprint("order-", n)))
	}
	bad := holdJob(e, 7, "another order of number 7")
	db.write.commit(append(batch, bad))
	for n, j := range batch {
		if err := <-j.done; err != nil {
			t.Errorf("job %d: %v", n+1, err)
		}
	}
	if err := <-bad.done; !errors.Is(err, event.Conflict) {
		t.Errorf("the failing job got %v", err)
	}
	wantA(t, e, 80, 20)
}

func TestABatchIsOneCommit(t *testing.T) {
	e, db := stocked(t, 100)
	commits := 0
	e.SetFault(func(p engine.Point) error {
		if p == engine.BeforeCommit {
			commits++
		}
		return nil
	})
	var batch []*job
	for n := range 64 {
		batch = append(batch, holdJob(e, n+1, fmt.Sprint("order-", n)))
	}
	db.write.commit(batch)
	if commits != 1 {
		t.Errorf("%d commits", commits)
	}
	wantA(t, e, 36, 64)
}

// A fault is the commit's, not a job's: none of its jobs is tried alone.
func TestAFaultFailsTheWholeCommit(t *testing.T) {
	e, db := stocked(t, 100)
	broken := errors.New("broken")
	e.SetFault(func(p engine.Point) error {
		if p == engine.BeforeCommit {
			return broken
		}
		return nil
	})
	batch := []*job{holdJob(e, 1, "a"), holdJob(e, 2, "b")}
	db.write.commit(batch)
	for _, j := range batch {
		if err := <-j.done; err != broken {
			t.Errorf("got %v", err)
		}
	}
	wantA(t, e, 100, 0)
	begin(t, db).Close() // the failed commit keeps no lock
}

// begin locks a file as another process does that writes to it.
func begin(t *testing.T, db *database) *sqlite.Conn {
	t.Helper()
	conn, err := sqlite.OpenConn(db.path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetBusyTimeout(time.Millisecond)
	if err := sqlitex.ExecuteTransient(conn, "BEGIN IMMEDIATE", nil); err != nil {
		t.Error(err)
	}
	return conn
}

func TestWhoeverLeavesBeforeTheWriterTakesTheJobIsNotServed(t *testing.T) {
	_, db := stocked(t, 100)
	taken, release := make(chan struct{}), make(chan struct{})
	busy := make(chan error)
	go func() {
		busy <- db.update(context.Background(), maxRows, func(*tx) error {
			close(taken)
			<-release
			return nil
		})
	}()
	<-taken
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		left <- db.update(ctx, 1, func(*tx) error {
			t.Error("the job was run")
			return nil
		})
	}()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	if err := <-busy; err != nil {
		t.Error(err)
	}

	idle := &writer{wake: make(chan struct{}, 1)}
	idle.enqueue(&job{ctx: ctx})
	if batch, more, _ := idle.take(); len(batch) != 0 || more {
		t.Errorf("%d jobs of callers that have gone, more to come: %t", len(batch), more)
	}
}

// The table's own check stands behind Reservation.Apply.
func TestNoCountFallsBelowZero(t *testing.T) {
	e, db := stocked(t, 1)
	err := db.update(t.Context(), 1, func(t *tx) error {
		s, err := e.Inventory.(stock).rows.get(t, "A")
		if err == nil {
			s.Available, s.Version = -1, s.Version+1
		}
		return err
	})
	if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultConstraint {
		t.Errorf("got %v", err)
	}
	wantA(t, e, 1, 0)
}

func TestAFullDiskFailsTheCommitAndNoOther(t *testing.T) {
	e, _ := stocked(t, 1)
	db := e.Orders.(orders).db
	limit := func(pages string) {
		t.Helper()
		err := db.update(t.Context(), maxRows, func(t *tx) error {
			_, err := number(t.conn, "PRAGMA max_page_count = "+pages)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	batch := make([]order.Order, 200)
	for i := range batch {
		batch[i] = order.Order{
			Ref: event.Ref{OrderID: fmt.Sprint("order-", i)}, Status: order.Pending, UserID: strings.Repeat("u", 100),
			History: []order.Entry{{Status: order.Pending, At: start}}, HoldUntil: start, Due: start,
		}
	}
	first, rest := batch[:1], batch[1:]
	if _, err := e.Orders.Create(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	limit("1") // SQLite takes it as: not one page more
	_, err := e.Orders.Create(t.Context(), rest)
	if !errors.Is(err, event.Unavailable) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("got %v", err)
	}
	if stored, err := e.Orders.Scan(t.Context(), 0, 1000); err != nil || len(stored) != 1 {
		t.Errorf("%d orders, %v; want the first alone", len(stored), err)
	}
	CheckIntegrity(t, e)

	limit("1073741823")
	if _, err := e.Orders.Create(t.Context(), rest); err != nil {
		t.Errorf("after space was freed: %v", err)
	}
	CheckIntegrity(t, e)
}

func TestAFileLockedByAnotherProcessIsUnavailable(t *testing.T) {
	e, db := stocked(t, 1)
	db.write.patience = time.Millisecond
	other := begin(t, db)
	defer other.Close()
	count := inventory.Count{SKU: "A", OnHand: 5, At: start}
	if _, err := (&inventory.Service{Store: e.Inventory}).Count(t.Context(), count); !errors.Is(err, event.Unavailable) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v", err)
	}
	wantA(t, e, 1, 0) // readers are not held up
	if err := sqlitex.ExecuteTransient(other, "ROLLBACK", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := (&inventory.Service{Store: e.Inventory}).Count(t.Context(), count); err != nil {
		t.Error(err)
	}
}

func TestAuditReadsBesideAnOpenWrite(t *testing.T) {
	e, db := stocked(t, 3)
	err := db.update(t.Context(), 1, func(x *tx) error {
		if err := x.exec("UPDATE stock SET available = 0", func(*statement) {}); err != nil {
			return err
		}
		audit, err := Open(Options{Dir: filepath.Dir(db.path), ReadOnly: true})
		if err != nil {
			return err
		}
		defer audit.Close()
		wantA(t, audit, 3, 0)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantA(t, e, 0, 0)
}

// A snapshot that was broken off must not leave its connection in the past.
func TestABrokenOffSnapshotEnds(t *testing.T) {
	e, db := stocked(t, 100)
	db.write.commit([]*job{holdJob(e, 1, "a"), holdJob(e, 2, "b")})
	for range 2 * storeReaders {
		ctx, leave := context.WithCancel(t.Context())
		_, err := e.Inventory.Snapshot(ctx, func(inventory.Reservation) error {
			leave()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
	db.write.commit([]*job{holdJob(e, 3, "c")})
	for range 2 * storeReaders {
		wantA(t, e, 97, 3)
	}
}
