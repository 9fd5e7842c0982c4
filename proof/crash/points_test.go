package crash_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	embedded "holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/system"
)

// TestEveryPoint plays each script on both ways of running the services, kills the
// process at every point in turn, and recovers what is left: as it was run, and
// what three processes left also by one.
func TestEveryPoint(t *testing.T) {
	empty := setUp(t)
	for _, way := range []way{together, apart} {
		for n, s := range scripts {
			t.Run(string(way)+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				points := 0
				for k := 1 + n%*every; ; k += *every {
					if !survives(t, empty, s, life{Way: way, Script: s.name, Point: int64(k)}) {
						break
					}
					points++
				}
				t.Logf("died %d times", points)
			})
		}
	}
}

// survives reports whether there was a point to die at, and checks what is left.
func survives(t *testing.T, empty string, s script, l life) (died bool) {
	t.Helper()
	l.Dir = copyOf(t, empty)
	told, died := l.lead(t)
	recovery := l.Way
	if l.Point%2 == 0 {
		recovery = together
	}
	if found := recovered(l.Dir, recovery, s, told); found != nil {
		t.Fatalf("%s, dead at point %d, recovered %s: %v", l.Way, l.Point, recovery, found)
	}
	if err := os.RemoveAll(l.Dir); err != nil {
		t.Error(err)
	}
	return died
}

// folder is an empty one, in memory where the system has such: what is proven here
// asks the kernel for nothing that a disk could do better.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "holdfast-crash-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// copyOf copies a folder.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	made := filepath.Join(folder(t), "data")
	if err := os.CopyFS(made, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return made
}

// setUp makes a data folder with stock, as setup does.
func setUp(t *testing.T) (dir string) {
	t.Helper()
	dir = folder(t)
	setUpIn(t, dir, func() {})
	return dir
}

// setUpIn tells when the stock has been counted; then it only closes the files.
func setUpIn(t *testing.T, dir string, counted func()) {
	t.Helper()
	e, errStores := embedded.Open(embedded.Options{Dir: dir})
	files, errQueues := embedded.OpenQueues(embedded.QueueOptions{Dir: dir, Capacity: queueCapacity})
	if err := errors.Join(errStores, errQueues); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Inventory.Count(t.Context(), startingStock()); err != nil {
		t.Fatal(err)
	}
	counted()
	if err := errors.Join(files.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
}

func startingStock() (all []inventory.Count) {
	for sku, onHand := range map[string]int64{plenty: inStock, second: inStock, none: 0, counted: inStock} {
		all = append(all, inventory.Count{SKU: sku, OnHand: onHand, Price: event.Money{Amount: price, Currency: "USD"}, At: system.Now()})
	}
	return all
}
