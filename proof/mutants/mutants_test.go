package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/proof/overlay"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestEveryRuleMakesItsMistakes holds the mutants of a toy file to a golden one.
func TestEveryRuleMakesItsMistakes(t *testing.T) {
	text, err := os.ReadFile("testdata/toy.go")
	if err != nil {
		t.Fatal(err)
	}
	mutants, err := mutate("toy.go", text)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, m := range mutants {
		fmt.Fprintf(&got, "%d %s\n%s", m.Line, m.Rule, m.Diff)
		if _, err := parser.ParseFile(token.NewFileSet(), m.File, m.Change().Text, 0); err != nil {
			t.Errorf("line %d, %s: %v", m.Line, m.Rule, err)
		}
		if bytes.Equal(m.Change().Text, text) {
			t.Errorf("line %d, %s, changes nothing", m.Line, m.Rule)
		}
	}
	golden := "testdata/toy.golden"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the mutants of the toy differ from %s; -update writes it anew:\n%s", golden, got.String())
	}
}

// TestTheRulesTogether: each of them has something to do in the toy.
func TestTheRulesTogether(t *testing.T) {
	text, err := os.ReadFile("testdata/toy.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{
		"operator", "negate", "constant", "boolean", "delete", "return early", "return", "swap",
		"drop", "ignore", "write", "other state", "other event", "other call",
	} {
		if !strings.Contains(string(text), " "+rule+"\n") {
			t.Errorf("no mutant of the toy is made by %q", rule)
		}
	}
}

func TestANumberIsTheSameWhateverElseIsAskedFor(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	all, err := options{every: 1}.mutants(root)
	if err != nil {
		t.Fatal(err)
	}
	some, err := options{subject: "payment", every: 1}.mutants(root)
	if err != nil {
		t.Fatal(err)
	}
	last := some[len(some)-1]
	one, err := options{only: []int{last.Number}, every: 1}.mutants(root)
	if err != nil || len(one) != 1 || one[0].Diff != last.Diff || all[last.Number-1].Diff != last.Diff {
		t.Errorf("number %d is %+v, %v; of all it is %+v", last.Number, one, err, all[last.Number-1])
	}
	if third, err := (options{every: 3}).mutants(root); err != nil || len(third) != len(all)/3 || third[1].Diff != all[5].Diff {
		t.Errorf("each third of %d are %d, %v", len(all), len(third), err)
	}
	if none, err := (options{only: []int{len(all) + 1}, every: 1}).mutants(root); err == nil {
		t.Errorf("there is a mutant past the last: %+v", none)
	}
}

func TestTheReportCountsWhatCompiles(t *testing.T) {
	of := func(v overlay.Verdict) Result {
		return Result{Mutant{Number: 7, File: "a.go", Line: 3, Rule: "drop", Diff: "- x\n"}, overlay.Outcome{Verdict: v}}
	}
	r := reportOf([]Result{of(overlay.Killed), of(overlay.TimedOut), of(overlay.Malformed), of(overlay.Killed), of(overlay.Survived)})
	var out strings.Builder
	r.write(&out)
	want := "survivor 7  a.go:3  drop\n- x\n\n4 mutants: 3 killed, 1 survived: 75.0 %; 1 more did not compile\n"
	if out.String() != want {
		t.Errorf("the report is\n%s\nwant\n%s", out.String(), want)
	}
	if unread := reportOf([]Result{of(overlay.Unread)}); unread.Survived != 1 {
		t.Errorf("a mutant that no test reads is none that survived: %+v", unread)
	}
}
