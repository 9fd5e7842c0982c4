package explore_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"holdfast/event"
	"holdfast/sim/explore"
)

var update = flag.Bool("update", false, "write the golden tables anew")

const tables = "testdata/tables.md"

// place is a cell's place in the tables.
type place struct {
	service        event.Service
	state, message string
}

func placeOf(c explore.Cell) place { return place{c.Service, c.State, c.Message} }

// met is what each cell was seen to do, in all the worlds.
func met(t *testing.T) map[place][]string {
	t.Helper()
	all := make(map[place][]string)
	for _, w := range oneOrder {
		if w.Rival && w.Units > 0 {
			continue
		}
		for _, c := range run(t, w.Options).Met {
			if at := placeOf(c); !slices.Contains(all[at], c.Does) {
				all[at] = append(all[at], c.Does)
			}
		}
	}
	return all
}

// neverMet are the cells that the tables have and no interleaving meets. All are
// of PROTOCOL's "any other" and "–" under the gateway's answers: they keep out an answer
// that a gateway within its contract does not give there.
var neverMet = map[place]string{
	{event.Payment, "", "gateway: captured"}: beforeTheCharge,
	{event.Payment, "", "gateway: declined"}: beforeTheCharge,
	{event.Payment, "", "gateway: voided"}:   beforeTheCharge,
	{event.Payment, "", "gateway: refunded"}: beforeTheCharge,
	{event.Payment, "", "gateway: unknown"}:  beforeTheCharge,

	{event.Payment, "DECLINED", "gateway: captured"}:  contradiction,
	{event.Payment, "CAPTURED", "gateway: declined"}:  contradiction,
	{event.Payment, "REFUNDING", "gateway: declined"}: contradiction,
	{event.Payment, "REFUNDED", "gateway: declined"}:  contradiction,
	{event.Payment, "CAPTURED", "gateway: voided"}:    contradiction,
	{event.Payment, "REFUNDING", "gateway: voided"}:   contradiction,
	{event.Payment, "REFUNDED", "gateway: voided"}:    contradiction,

	{event.Payment, "CHARGING", "gateway: refunded"}:         notAsked,
	{event.Payment, "CAPTURED", "gateway: refunded"}:         notAsked,
	{event.Payment, "DECLINED", "gateway: refunded"}:         notAsked,
	{event.Payment, "VOIDING(expired)", "gateway: refunded"}: notAsked,
}

const (
	beforeTheCharge = "nothing is asked of the gateway before there is a record"
	contradiction   = "the gateway would contradict the answer that brought the record here"
	notAsked        = "a refund is asked for in VOIDING(client) and REFUNDING, which lead to none of these states"
)

func TestEveryCellOfTheTablesIsMetOrExplained(t *testing.T) {
	seen := met(t)
	coded := make(map[place]bool)
	for _, c := range explore.Coded() {
		at := placeOf(c)
		coded[at] = true
		if _, explained := neverMet[at]; explained == (seen[at] != nil) {
			t.Errorf("%+v: met %v, explained %t", at, seen[at], explained)
		}
	}
	for at := range neverMet {
		if !coded[at] {
			t.Errorf("%+v is explained, and no table has it", at)
		}
	}
	compare(t, render(seen, coded))
}

// compare holds the tables as they were met against those that were read beside
// PROTOCOL's.
func compare(t *testing.T, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(tables, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(tables)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the tables as met differ from %s; compare them with the protocol's and run with -update. Got:\n%s", tables, got)
	}
}

// render lays the tables out as PROTOCOL does.
func render(seen map[place][]string, coded map[place]bool) string {
	var text strings.Builder
	fmt.Fprintln(&text, "What was seen to happen in each cell. ✗ no cell, and never met · never met, see neverMet")
	for _, s := range event.Services {
		states, messages := explore.Axes(s)
		fmt.Fprintf(&text, "\n## %s\n| state | %s |\n|%s\n", s, strings.Join(messages, " | "), strings.Repeat("---|", len(messages)+1))
		for _, state := range states {
			row := []string{state}
			if state == "" {
				row[0] = "none"
			}
			for _, m := range messages {
				row = append(row, cell(seen, coded, place{s, state, m}))
			}
			fmt.Fprintf(&text, "| %s |\n", strings.Join(row, " | "))
		}
	}
	return text.String()
}

func cell(seen map[place][]string, coded map[place]bool, at place) string {
	switch does := seen[at]; {
	case does != nil:
		slices.Sort(does)
		return strings.Join(does, "; or ")
	case coded[at]:
		return "·"
	}
	return "✗"
}
