package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
	"holdfast/inventory"
)

// shop is a fake DynamoDB with processes that sell from it.
type shop struct {
	*fakeDynamo
	t *testing.T
	*stock
}

// inShop runs a test in virtual time, on a shop with one unit of "last" and plenty
// of "A" and "B".
func inShop(t *testing.T, test func(t *testing.T, s *shop)) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{fakeDynamo: newFakeDynamo(), t: t}
		s.fakeDynamo.script = func(*fakeCall) {}
		s.stock = s.process()
		for sku, n := range map[string]int64{"A": 1000, "B": 1000, "last": 1} {
			s.count(sku, n, benchPrice)
		}
		s.stock = s.process() // which remembers nothing
		s.calls, s.counts = nil, make(map[string]int)
		test(t, s)
	})
}

// process is another process's store.
func (s *shop) process() *stock { return s.fakeDynamo.store(s.fakeDynamo, time.Now) }

func (s *shop) count(sku string, onHand int64, price event.Money) {
	s.t.Helper()
	counted, err := s.process().Count(s.t.Context(), []inventory.Count{{SKU: sku, OnHand: onHand, Price: price, At: benchStart}})
	if err != nil || counted[0].Err != nil {
		s.t.Fatal(err, counted)
	}
}

// fails sets the fate of the nth transaction.
func (s *shop) fails(nth int, f fate, problem string) {
	s.script = func(c *fakeCall) {
		if c.op == "TransactWriteItems" && c.nth == nth {
			c.fate, c.problem = f, problem
		}
	}
}

func (s *shop) row(sku string) string {
	row, err := s.process().Stock(s.t.Context(), sku)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%d available, %d reserved, %d sold", row.Available, row.Reserved, row.Sold)
}

func (s *shop) wantRow(sku, want string) {
	s.t.Helper()
	if got := s.row(sku); got != want {
		s.t.Errorf("%s has %s; want %s", sku, got, want)
	}
}

// wantTransactions wants so many transactions so far, of so many tokens.
func (s *shop) wantTransactions(n, tokens int) []*fakeCall {
	s.t.Helper()
	made := s.made("TransactWriteItems")
	contents := make(map[string]string)
	for _, c := range made {
		if body, met := contents[c.token]; met && body != c.body {
			s.t.Error("one token has two contents")
		}
		contents[c.token] = c.body
	}
	if len(made) != n || len(contents) != tokens || len(slices.Compact(slices.Sorted(maps.Values(contents)))) != tokens {
		s.t.Errorf("%d transactions of %d tokens, want %d of %d, a token a content", len(made), len(contents), n, tokens)
	}
	return made
}

func change(n int, to inventory.State, lines ...event.Line) inventory.Change {
	from := inventory.Held
	if to == inventory.Held {
		from = inventory.None
	}
	ref := event.Ref{OrderID: fmt.Sprintf("o%03d", n), Number: int64(n + 1)}
	return inventory.Change{Ref: ref, From: []inventory.State{from}, To: to, At: benchStart, Lines: lines}
}

func one(sku string) event.Line { return event.Line{SKU: sku, Qty: 1} }

// hundred are holds of one unit each for the orders from n on.
func hundred(n int, sku string) (changes []inventory.Change) {
	for i := range 100 {
		changes = append(changes, change(n+i, inventory.Held, one(sku)))
	}
	return changes
}

func (s *shop) apply(changes ...inventory.Change) []event.Written[inventory.Reservation] {
	s.t.Helper()
	return applied(s.t, s.stock, changes...)
}

func applied(t *testing.T, s *stock, changes ...inventory.Change) []event.Written[inventory.Reservation] {
	t.Helper()
	written, err := s.Apply(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

// states are the answers' states, each as often as it comes in a row.
func states(written []event.Written[inventory.Reservation]) string {
	var runs []string
	for i := 0; i < len(written); {
		n := i
		for n < len(written) && written[n].Record.State == written[i].Record.State && written[n].Changed == written[i].Changed {
			n++
		}
		run := fmt.Sprintf("%d %s", n-i, written[i].Record.State)
		if !written[i].Changed {
			run += " unchanged"
		}
		runs, i = append(runs, run), n
	}
	return strings.Join(runs, ", ")
}

func wantStates(t *testing.T, written []event.Written[inventory.Reservation], want string) {
	t.Helper()
	if got := states(written); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}
