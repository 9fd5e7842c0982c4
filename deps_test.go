package holdfast_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed says which packages of this module each package may import. What is
// not listed is free. The shape is that of Go's own go/build/deps_test.go.
var allowed = map[string][]string{
	"holdfast/event":             {},
	"holdfast/order":             {"holdfast/event"},
	"holdfast/inventory":         {"holdfast/event"},
	"holdfast/payment":           {"holdfast/event"},
	"holdfast/worker":            {"holdfast/event"},
	"holdfast/gateway":           {"holdfast/event", "holdfast/payment"},
	"holdfast/gateway/simulated": {"holdfast/event", "holdfast/payment"},
	"holdfast/api/client":        {},
	"holdfast/api":               {"holdfast/event", "holdfast/order", "holdfast/inventory", "holdfast/payment", "holdfast/keys", "holdfast/recorder", "holdfast/api/client"},
	"holdfast/ops":               {"holdfast/api/client"},
	"holdfast/recorder":          {"holdfast/event", "holdfast/order"},
	"holdfast/bench/flame":       {},
	"holdfast/bench/measure":     {},
	"holdfast/audit":             {"holdfast/event", "holdfast/order", "holdfast/inventory", "holdfast/payment", "holdfast/gateway/simulated"},
	"holdfast/cost":              {},
	"holdfast/emf":               {},
	"holdfast/deploy":            {"holdfast/event"},
	"holdfast/emulator":          {"holdfast/deploy"},
	"holdfast/engine":            {"holdfast/event", "holdfast/order", "holdfast/inventory", "holdfast/payment", "holdfast/keys", "holdfast/gateway/simulated"},
}

// domain packages import nothing from outside the standard library.
var domain = []string{"holdfast/event", "holdfast/order", "holdfast/inventory", "holdfast/payment"}

// wiring is the one package that knows every engine. The simulations know the
// reference engine, whose state they copy and look into.
const wiring = "holdfast/cmd/holdfast"

func simulation(path string) bool {
	return path == "holdfast/sim" || strings.HasPrefix(path, "holdfast/sim/")
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestPackagesImportOnlyWhatTheirPlaceAllows(t *testing.T) {
	packages := list(t)
	standard := func(path string) bool { return !strings.Contains(strings.Split(path, "/")[0], ".") && !own(path) }
	for _, p := range packages {
		limits, limited := allowed[p.ImportPath]
		for _, path := range p.Imports {
			switch {
			case own(path) && limited && !slices.Contains(limits, path):
				t.Errorf("%s imports %s; it may import only %v", p.ImportPath, path, limits)
			case !own(path) && !standard(path) && slices.Contains(domain, p.ImportPath):
				t.Errorf("%s imports %s; the services use only the standard library", p.ImportPath, path)
			case engine(path) && engine(p.ImportPath):
				t.Errorf("%s imports %s; engines never import one another", p.ImportPath, path)
			case path == "holdfast/engine/memory" && simulation(p.ImportPath):
			case engine(path) && p.ImportPath != wiring:
				t.Errorf("%s imports %s; only %s knows the engines", p.ImportPath, path, wiring)
			}
		}
	}
}

func own(path string) bool { return path == "holdfast" || strings.HasPrefix(path, "holdfast/") }

func engine(path string) bool {
	return strings.HasPrefix(path, "holdfast/engine/") && path != "holdfast/engine/enginetest"
}

// list is every package of this module, with its imports, tests left out.
func list(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal("go list:", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < len(allowed) {
		t.Fatalf("go list named %d packages, fewer than there are rules", len(all))
	}
	return all
}
