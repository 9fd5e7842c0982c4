package crash_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// told is a word, and how many requests the disk had had by then.
type told struct {
	word
	ops int
}

// record plays a script on a recorded disk, moves each log into its file now and
// then, and returns what the client was told and when.
func record(t *testing.T, dir string, s script) (*disk, []told) {
	t.Helper()
	d := recordDisk(t, dir)
	var words []told
	err := s.on(life{Dir: dir, Way: together}, &death{}, func(w word) {
		words = append(words, told{w, d.length()})
		if len(words)%3 == 0 {
			checkpoint(t, dir, storeFiles...)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, words
}

var storeFiles = []string{"order.db", "inventory.db", "payment.db", "gateway.db"}

// checkpoint moves the logs into the files, as every so many pages would.
func checkpoint(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, file := range files {
		conn, err := sqlite.OpenConn(filepath.Join(dir, file), sqlite.OpenReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if err := sqlitex.ExecuteTransient(conn, "PRAGMA wal_checkpoint(PASSIVE)", nil); err != nil {
			t.Error(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// cuts are where the power is cut: before each sync, when the most is at stake, and
// each time that the client was told something.
func cuts(d *disk, words []told) []int {
	at := make(map[int]bool)
	for i, o := range d.ops {
		if o.kind == synced {
			at[i] = true
		}
	}
	for _, w := range words {
		at[w.ops] = true
	}
	return slices.Sorted(maps.Keys(at))
}

// TestPowerCut plays each script, and cuts the power at every sync and every
// answer; the gateway's books are on the same disk.
func TestPowerCut(t *testing.T) {
	empty := setUp(t)
	for n, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, empty)
			before := contents(t, dir)
			d, words := record(t, dir, s)
			at := cuts(d, words)
			for i := n % *every; i < len(at); i += *every {
				for k, f := range fates {
					chance := rand.New(rand.NewPCG(uint64(at[i]), uint64(k)))
					afterCut(t, d.image(before, at[i], f, chance), s, heard(words, at[i]), fmt.Sprintf("power cut after %d requests, unsynced writes %s", at[i], f))
				}
			}
			t.Logf("%d cuts of %d requests", len(at), len(d.ops))
		})
	}
}

// cutEverywhere cuts the power of an empty folder's disk after every request and
// checks what is left.
func (d *disk) cutEverywhere(t *testing.T, check func(left string, n int) error) {
	t.Helper()
	for n := 0; n < len(d.ops); n += *every {
		for k, f := range fates {
			left := folder(t)
			restore(t, left, d.image(nil, n, f, rand.New(rand.NewPCG(uint64(n), uint64(k)))))
			if err := check(left, n); err != nil {
				t.Fatalf("power cut after %d requests, unsynced writes %s: %v", n, f, err)
			}
			if err := os.RemoveAll(left); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("cuts at %d requests", len(d.ops))
}

// heard are the words up to a cut.
func heard(words []told, cut int) notes {
	all := make(notes)
	for _, w := range words {
		if w.ops <= cut {
			all[w.What] = w.word
		}
	}
	return all
}

// afterCut checks what a power cut has left.
func afterCut(t *testing.T, image map[string][]byte, s script, words notes, what string) {
	t.Helper()
	dir := folder(t)
	restore(t, dir, image)
	if err := intact(dir); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := recovered(dir, together, s, words); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// restore writes files to a folder.
func restore(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// contents are the files of a folder but the logs' indexes, which no power cut
// leaves.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.db*"))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, path := range paths {
		if filepath.Ext(path) == ".db" || filepath.Ext(path) == ".db-wal" {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(path)] = content
		}
	}
	return files
}
