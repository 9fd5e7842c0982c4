package holdfast_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/engine/enginetest"
	"holdfast/sim"
)

// races is how many rows the race checklist has.
const races = 58

// quoted finds a test as docs/races.md names it: `./package TestName/subtest`.
var quoted = regexp.MustCompile("`(\\./\\S+) (Test[^`]+)`")

// TestEveryRaceNamesItsTests holds docs/races.md to the tree: every row is there,
// and every test that it names exists and skips nothing.
func TestEveryRaceNamesItsTests(t *testing.T) {
	text, err := os.ReadFile("docs/races.md")
	if err != nil {
		t.Fatal(err)
	}
	row := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		cells := strings.Split(line, " | ")
		number, err := strconv.Atoi(strings.TrimPrefix(cells[0], "| "))
		if err != nil {
			continue
		}
		if row++; number != row || len(cells) != 4 {
			t.Errorf("row %d stands where %d should, with %d cells: %s", number, row, len(cells), line)
			continue
		}
		tests := quoted.FindAllStringSubmatch(cells[2], -1)
		if len(tests) == 0 || strings.Trim(cells[3], " |") == "" {
			t.Errorf("row %d names %d tests and what was broken: %q", row, len(tests), cells[3])
		}
		if simulated := strings.HasSuffix(cells[2], "simulated"); simulated != slices.Contains(sim.Races(), row) {
			t.Errorf("row %d says simulated: %t; the simulation says otherwise", row, simulated)
		}
		for _, test := range tests {
			for _, dir := range packages(t, test[1]) {
				wantTest(t, dir, test[2])
			}
		}
	}
	if row != races {
		t.Errorf("%d rows, want %d", row, races)
	}
}

// packages are the folders that a pattern of `go test` means: of ./engine/...
// all engines.
func packages(t *testing.T, pattern string) []string {
	t.Helper()
	if pattern != "./engine/..." {
		return []string{pattern}
	}
	tests, err := filepath.Glob("engine/*/*_test.go")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no engine has tests: %v", err)
	}
	var dirs []string
	for _, file := range tests {
		dirs = append(dirs, filepath.Dir(file))
	}
	return slices.Compact(dirs)
}

// wantTest fails unless the package has the test, and the suite that it runs the
// subtest, if one is named.
func wantTest(t *testing.T, dir, name string) {
	t.Helper()
	name, subtest, _ := strings.Cut(name, "/")
	body := function(t, dir, name)
	if body == nil {
		t.Errorf("%s has no %s", dir, name)
		return
	}
	suite := map[string][]string{"RunStores": enginetest.StoreTests(), "RunSerialStores": enginetest.SerialStoreTests(), "RunQueue": enginetest.QueueTests(), "RunSharedQueue": enginetest.SharedQueueTests(),
		"RunRemoteQueue": enginetest.RemoteQueueTests(), "RunRemoteSharedQueue": enginetest.SharedQueueTests()}
	called := ""
	ast.Inspect(body, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Skip") {
			t.Errorf("%s in %s may be skipped", name, dir)
		} else if ok && suite[s.Sel.Name] != nil {
			called = s.Sel.Name
		}
		return true
	})
	if subtest != "" && !slices.ContainsFunc(suite[called], func(s string) bool { return runs(subtest, s) }) {
		t.Errorf("%s in %s has no %q", name, dir, subtest)
	}
}

// function is the body of a test, nil if the folder's tests have none of the name.
func function(t *testing.T, dir, name string) ast.Node {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == name {
				return d.Body
			}
		}
	}
	return nil
}

// runs reports whether `go test -run` with this pattern runs the subtest: each
// element of the pattern is a regular expression, unanchored.
func runs(pattern, subtest string) bool {
	patterns, elements := strings.Split(pattern, "/"), strings.Split(subtest, "/")
	if len(patterns) > len(elements) {
		return false
	}
	for i, p := range patterns {
		if ok, err := regexp.MatchString(p, elements[i]); err != nil || !ok {
			return false
		}
	}
	return true
}
