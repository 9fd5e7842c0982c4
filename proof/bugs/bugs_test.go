package bugs_test

import (
	"flag"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"holdfast/proof/bugs"
	"holdfast/proof/overlay"
)

var (
	plant = flag.Bool("plant", false, "build the system with each planted bug, and see that it is caught; takes about two minutes on two idle processors")
	seeds = flag.Int("seeds", 3000, "simulated worlds in which a bug must be caught")
)

// root is the module's.
const root = "../.."

// enough is how many planted bugs there are at the least.
const enough = 30

func TestEveryBugFindsItsPlace(t *testing.T) {
	all, err := bugs.Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < enough {
		t.Errorf("%d bugs, want %d at least", len(all), enough)
	}
	for _, b := range all {
		changes, err := b.Changes(root)
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
		for _, c := range changes {
			if _, err := parser.ParseFile(token.NewFileSet(), c.File, c.Text, 0); err != nil {
				t.Errorf("%s: %v", b.Name, err)
			}
			was, err := os.ReadFile(filepath.Join(root, c.File))
			if err != nil || string(was) == string(c.Text) {
				t.Errorf("%s leaves %s as it is: %v", b.Name, c.File, err)
			}
		}
	}
}

func TestABugWhosePlaceIsGoneIsNoBug(t *testing.T) {
	for name, e := range map[string]bugs.Edit{
		"text that is not there":   {File: "inventory/stock.go", Old: "no such text", New: "x"},
		"text that is there twice": {File: "inventory/stock.go", Old: "return", New: "x"},
		"a file that is not there": {File: "inventory/shelf.go", Old: "x", New: "y"},
	} {
		if _, err := (bugs.Bug{Edits: []bugs.Edit{e}}).Changes(root); err == nil {
			t.Errorf("%s: a bug all the same", name)
		}
	}
}

func TestABugIsReadAsItIsWritten(t *testing.T) {
	head := "wrong: a\nbreaks: b\n"
	for text, want := range map[string]*bugs.Bug{
		head + "--- f.go\nold\n\told\n--- becomes\nnew\n": {Name: "x", Wrong: "a", Breaks: "b", Edits: []bugs.Edit{{File: "f.go", Old: "old\n\told", New: "new"}}},
		head + "unseen: c: d\n--- f.go\n1\n--- becomes\n--- g.go\n2\n--- becomes\n3\n": {Name: "x", Wrong: "a", Breaks: "b", Unseen: "c: d",
			Edits: []bugs.Edit{{File: "f.go", Old: "1"}, {File: "g.go", Old: "2", New: "3"}}},
		head:                     nil, // changes nothing
		head + "--- f.go\nold\n": nil, // becomes nothing
		"wrong: a\n--- f.go\n1\n--- becomes\n2\n":                 nil,
		head + "why: unheard of\n--- f.go\n1\n--- becomes\n2\n":   nil,
		"breaks: b\nwhat is wrong\n--- f.go\n1\n--- becomes\n2\n": nil,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.bug"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := bugs.Read(dir)
		if want == nil {
			if err == nil {
				t.Errorf("%q is read as %+v", text, all)
			}
		} else if err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], *want) {
			t.Errorf("%q is read as %+v, %v", text, all, err)
		}
	}
}

// TestEveryPlantedBugIsCaught, with -plant, names each bug that the simulation
// lets pass, and tells what caught the others.
func TestEveryPlantedBugIsCaught(t *testing.T) {
	if !*plant {
		return // too long for every run of all tests; CI runs it by itself
	}
	all, err := bugs.Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	simulation, tests := sound(t, overlay.Simulation(*seeds)), sound(t, overlay.Tests())
	for _, b := range all {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel() // as many at a time as there are processors
			if b.Unseen != "" {
				catch(t, tests, b)
			} else {
				catch(t, simulation, b)
			}
		})
	}
}

// sound is a range on which nothing fails as the tree stands.
func sound(t *testing.T, killers []overlay.Killer) *overlay.Range {
	t.Helper()
	root, err := overlay.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := overlay.New(t.Context(), root, killers)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Sound(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func catch(t *testing.T, r *overlay.Range, b bugs.Bug) {
	t.Helper()
	changes, err := b.Changes(root)
	if err != nil {
		t.Fatal(err)
	}
	o, err := r.Try(t.Context(), changes...)
	switch {
	case err != nil:
		t.Fatal(err)
	case !o.Dead():
		t.Errorf("%s: %s That breaks %q. It %s after %s.\n%s", b.Name, b.Wrong, b.Breaks, o.Verdict, o.Took, o.Output)
	default:
		t.Logf("%s: %s by %s in %s", b.Name, o.Verdict, o.By, o.Took)
	}
}
