package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"holdfast/engine"
	"holdfast/engine/enginetest"
	"holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

func TestStores(t *testing.T) {
	enginetest.RunStores(t, func(t *testing.T) *engine.Engine { return open(t, t.TempDir()) })
}

func TestSerialStores(t *testing.T) {
	enginetest.RunSerialStores(t, func(t *testing.T) *engine.Engine { return open(t, t.TempDir()) })
}

// SQLite before 3.51.3 can corrupt a database in WAL mode
// (https://sqlite.org/wal.html#walresetbug).
func TestVersionHasNoKnownCorruption(t *testing.T) {
	var version int
	for part := range strings.SplitSeq(sqlite.Version(), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			t.Fatal(err)
		}
		version = version*1000 + n
	}
	if version < 3_051_003 {
		t.Errorf("linked with SQLite %s, want 3.51.3 or later", sqlite.Version())
	}
}

// fill writes a record of each kind.
func fill(t *testing.T, e *engine.Engine) {
	t.Helper()
	ctx := t.Context()
	create(t, e, 1)
	create(t, e, 2)
	r := ref(1)
	_, errOrder := e.Orders.Apply(ctx, []order.Change{{
		Ref: r, From: []order.Status{order.Pending}, To: order.Cancelled, Reason: order.HoldExpired, At: start, ReservedAt: start,
		Lines: priced, Total: price, Short: []event.Shortfall{{SKU: "A123", Qty: 1}},
	}})
	_, errCount := (&inventory.Service{Store: e.Inventory}).Count(ctx, inventory.Count{SKU: "A123", OnHand: 100, Price: price, At: start})
	_, errHold := e.Inventory.Apply(ctx, []inventory.Change{
		{Ref: r, From: []inventory.State{inventory.None}, To: inventory.Held, At: start, Lines: lines},
		{Ref: ref(2), From: []inventory.State{inventory.None}, To: inventory.Held, At: start, Lines: []event.Line{{SKU: "none", Qty: 3}}},
		{Ref: ref(3), From: []inventory.State{inventory.None}, To: inventory.ReleasedVoided, At: start},
	})
	_, errCharge := e.Payments.Apply(ctx, []payment.Change{{
		Ref: r, From: []payment.State{payment.None}, To: payment.Charging, At: start, Amount: price, Method: "sim_slow", ReservedAt: start,
	}})
	errLedger := e.Ledger.Update(ctx, r, func([]simulated.Entry) []simulated.Entry {
		return []simulated.Entry{{Key: r.OrderID, Order: r, State: simulated.Captured, Amount: price, Attempts: 2, At: start}}
	})
	errLetter := e.DeadLetters[event.Payment].Put(ctx, []event.DeadLetter{{ID: "x", Event: event.New(event.OrderPlaced, r, start), Reason: "why", Count: 3, DeadAt: start}})
	if err := errors.Join(errOrder, errCount, errHold, errCharge, errLedger, errLetter); err != nil {
		t.Fatal(err)
	}
}

// contents reads all that an engine holds.
func contents(t *testing.T, e *engine.Engine) []any {
	t.Helper()
	ctx := t.Context()
	orders, errOrders := e.Orders.Scan(ctx, 0, 100)
	var reservations []inventory.Reservation
	balances, errStock := e.Inventory.Snapshot(ctx, func(r inventory.Reservation) error {
		reservations = append(reservations, r)
		return nil
	})
	payments, errPayments := e.Payments.Scan(ctx, 0, 100)
	entries, errLedger := e.Ledger.Scan(ctx, 0, 100)
	letters, errLetters := e.DeadLetters[event.Payment].List(ctx, "", 100)
	if err := errors.Join(errOrders, errStock, errPayments, errLedger, errLetters); err != nil {
		t.Fatal(err)
	}
	return []any{orders, reservations, balances, payments, entries, letters}
}

func create(t *testing.T, e *engine.Engine, n int) {
	t.Helper()
	if _, err := e.Orders.Create(t.Context(), []order.Order{newOrder(n)}); err != nil {
		t.Fatal(err)
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	e, err := sqlite.Open(sqlite.Options{Dir: filepath.Join(dir, "made")})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, e)
	before := contents(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if logs, _ := filepath.Glob(filepath.Join(dir, "made", "*-wal")); len(logs) > 0 {
		t.Errorf("Close left %v behind", logs)
	}
	after := contents(t, open(t, filepath.Join(dir, "made")))
	for i := range before {
		if !reflect.DeepEqual(before[i], after[i]) {
			t.Errorf("before: %+v\nafter:  %+v", before[i], after[i])
		}
	}
}

func TestReadOnlySeesALiveStoreAndWritesNothing(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	audit, err := sqlite.Open(sqlite.Options{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer audit.Close()
	fill(t, e)
	if live, seen := contents(t, e), contents(t, audit); !reflect.DeepEqual(live, seen) {
		t.Errorf("live: %+v\nseen: %+v", live, seen)
	}
	if _, err := audit.Orders.Create(t.Context(), []order.Order{newOrder(9)}); !errors.Is(err, event.Unavailable) {
		t.Errorf("a read-only store answered a write with %v", err)
	}
}

func TestReadOnlyMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, err := sqlite.Open(sqlite.Options{Dir: dir, ReadOnly: true})
	if !errors.Is(err, event.Unavailable) || !strings.Contains(err.Error(), "holdfast setup") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

// Two engines over one folder stand for two processes.
func TestTwoWritersShareTheStock(t *testing.T) {
	dir := t.TempDir()
	engines := []*engine.Engine{open(t, dir), open(t, dir)}
	ctx := t.Context()
	if _, err := (&inventory.Service{Store: engines[0].Inventory}).Count(ctx, inventory.Count{SKU: "A123", OnHand: 100, Price: price, At: start}); err != nil {
		t.Fatal(err)
	}
	held := make(chan int)
	for i, e := range engines {
		go func() {
			n := 0
			for k := range 100 {
				w, err := e.Inventory.Apply(ctx, []inventory.Change{{
					Ref: ref(2*k + i + 1), From: []inventory.State{inventory.None}, To: inventory.Held, At: start, Lines: lines,
				}})
				if err != nil {
					t.Error(err)
					break
				}
				if w[0].Record.State == inventory.Held {
					n++
				}
			}
			held <- n
		}()
	}
	if n := <-held + <-held; n != 100 {
		t.Errorf("%d holds on 100 units", n)
	}
	s, err := engines[1].Inventory.Stock(ctx, "A123")
	if err != nil || s.Available != 0 || s.Reserved != 100 {
		t.Errorf("stock %+v, %v", s, err)
	}
}

func TestARowOfAnotherOrderIsNeverUsed(t *testing.T) {
	e := open(t, t.TempDir())
	fill(t, e)
	ctx, other := context.Background(), event.Ref{OrderID: "other", Number: 1}
	_, errGet := e.Inventory.Get(ctx, []event.Ref{other})
	_, errHold := e.Inventory.Apply(ctx, []inventory.Change{{Ref: other, From: []inventory.State{inventory.Held}, To: inventory.Settled}})
	_, errPayment := e.Payments.Get(ctx, []event.Ref{other})
	_, errCharge := e.Payments.Apply(ctx, []payment.Change{{Ref: other, From: []payment.State{payment.Charging}, To: payment.Captured}})
	_, errEntries := e.Ledger.Get(ctx, []event.Ref{other})
	errUpdate := e.Ledger.Update(ctx, other, func(e []simulated.Entry) []simulated.Entry { return e })
	for i, err := range []error{errGet, errHold, errPayment, errCharge, errEntries, errUpdate} {
		if !errors.Is(err, event.Conflict) || !strings.Contains(err.Error(), "backup") {
			t.Errorf("call %d: got %v", i, err)
		}
	}
}
