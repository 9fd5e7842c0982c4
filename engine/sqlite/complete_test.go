package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

// used is a folder whose files hold something.
func used(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	e, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s := inventory.Service{Store: e.Inventory}
	if _, err := s.Count(t.Context(), inventory.Count{SKU: "A", OnHand: 1, Price: event.Money{Amount: 1, Currency: "USD"}, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name+".db")); err != nil {
		t.Fatal(err)
	}
}

func TestAMissingFileBesideOnesInUseIsNotMadeAnew(t *testing.T) {
	for _, missing := range []string{"order", "payment", "gateway"} {
		t.Run(missing, func(t *testing.T) {
			dir := used(t)
			remove(t, dir, missing)
			for _, o := range []Options{{Dir: dir}, {Dir: dir, ReadOnly: true}} {
				_, err := Open(o)
				if !errors.Is(err, event.Unavailable) || !strings.Contains(err.Error(), missing+".db is missing, though") {
					t.Errorf("Open(%+v) = %v, want words about the missing file", o, err)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, missing+".db")); err == nil {
				t.Error("the file was made anew")
			}
		})
	}
}

func TestAFirstStartThatWasCutShortIsCarriedOn(t *testing.T) {
	dir := used(t)
	remove(t, dir, "inventory") // the only file that held anything
	remove(t, dir, "gateway")
	e := openEngine(t, dir)
	if err := e.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAFileDeletedWhileInUseTakesNoMoreWrites(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	if err := e.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	remove(t, dir, "order")
	_, err := e.Orders.Create(t.Context(), []order.Order{{Ref: event.Ref{OrderID: "o"}, History: []order.Entry{{Status: order.Pending}}}})
	if !errors.Is(err, event.Unavailable) || !strings.Contains(err.Error(), "deleted while in use") {
		t.Errorf("Create = %v, want words about the deleted file", err)
	}
	if err := e.Ready(t.Context()); !errors.Is(err, event.Unavailable) {
		t.Errorf("Ready = %v, want Unavailable", err)
	}
}

func TestReadyTriesAWriteWhereTheLastOneFailed(t *testing.T) {
	e := openEngine(t, t.TempDir())
	full := event.Errorf(event.Unavailable, "the disk is full")
	e.SetFault(func(engine.Point) error { return full })
	if err := e.Ready(t.Context()); err != nil {
		t.Errorf("Ready before any write = %v", err)
	}
	_, err := e.Orders.Create(t.Context(), []order.Order{{Ref: event.Ref{OrderID: "o"}, History: []order.Entry{{Status: order.Pending}}}})
	if !errors.Is(err, full) {
		t.Fatalf("Create = %v", err)
	}
	if err := e.Ready(t.Context()); !errors.Is(err, full) {
		t.Errorf("Ready on a full disk = %v", err)
	}
	e.SetFault(nil)
	for range 2 {
		if err := e.Ready(t.Context()); err != nil {
			t.Errorf("Ready with room again = %v", err)
		}
	}
}
