package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
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

func TestATransactionWritesASKUOnceForAllItsOrders(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.apply(hundred(0, "A")[:99]...)
		made := s.wantTransactions(1, 1)
		if made[0].actionsOn("reservations") != 99 || made[0].actionsOn("stock") != 1 {
			t.Errorf("%d actions", len(made[0].acts))
		}
		s.apply(change(0, inventory.Settled), change(1, inventory.ReleasedVoided), change(200, inventory.Held, one("A")))
		if made = s.wantTransactions(2, 2); made[1].actionsOn("stock") != 1 {
			t.Errorf("a settle, a release and a hold of one SKU write it %d times", made[1].actionsOn("stock"))
		}
		s.wantRow("A", "901 available, 98 reserved, 1 sold")
		if reads := len(s.made("BatchGetItem")); reads != 2 { // the price, and wantRow's
			t.Errorf("%d reads, want one of the price", reads-1)
		}
	})
}

func TestWhatWaitsForASKUGoesTogether(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.fails(1, refused, "InternalServerError") // so that the first is under way for a while
		var callers sync.WaitGroup
		for i, c := range hundred(0, "A")[:60] {
			callers.Go(func() {
				if written, err := s.Apply(t.Context(), []inventory.Change{c}); err != nil || written[0].Record.State != inventory.Held {
					t.Errorf("hold %d: %+v, %v", i, written, err)
				}
			})
		}
		callers.Wait()
		s.wantTransactions(3, 2)
		s.wantRow("A", "940 available, 60 reserved, 0 sold")
	})
}

func TestThePrefixThatFitsIsAdmittedInOneRetry(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.count("A", 60, benchPrice)
		s.apply(change(900, inventory.Held, one("A"))) // the price is known, 59 are left
		s.calls = nil
		changes := hundred(0, "A")[:80]
		changes[10].Lines = []event.Line{{SKU: "A", Qty: 55}, one("B")} // one too many after ten
		wantStates(t, s.apply(changes...), "10 HELD, 1 REJECTED, 49 HELD, 20 REJECTED")
		s.wantTransactions(2, 2)
		s.wantRow("A", "0 available, 60 reserved, 0 sold")
		s.wantRow("B", "1000 available, 0 reserved, 0 sold")
		if reads := len(s.made("BatchGetItem")); reads != 3 { // B's row for the refusal that names it, and wantRow's
			t.Errorf("%d reads", reads)
		}
	})
}

func TestAHoldIsNotServedByWhatComesBackAfterIt(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.apply(change(0, inventory.Held, one("last")))
		wantStates(t, s.apply(change(1, inventory.Held, one("last")), change(0, inventory.ReleasedVoided)), "1 REJECTED, 1 RELEASED(voided)")
		s.wantRow("last", "1 available, 0 reserved, 0 sold")
		s.apply(change(2, inventory.Held, one("last")))
		wantStates(t, s.apply(change(3, inventory.Held, one("last")), change(2, inventory.ReleasedVoided), change(4, inventory.Held, one("last"))),
			"1 REJECTED, 1 RELEASED(voided), 1 HELD")
		s.wantRow("last", "0 available, 1 reserved, 0 sold")
	})
}

func TestASoldOutSKUCostsNoFailedTransactionAndIsNeverRefusedWhatIsThere(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.apply(change(0, inventory.Held, one("last")))
		wantStates(t, s.apply(change(1, inventory.Held, one("last"))), "1 REJECTED")
		s.wantTransactions(2, 2) // that there is no more was met, not known
		for n := range 20 {
			wantStates(t, s.apply(change(10+n, inventory.Held, one("last"))), "1 REJECTED")
		}
		s.wantTransactions(2, 2)
		s.count("last", 4, benchPrice) // by another process: three more
		wantStates(t, s.apply(change(50, inventory.Held, one("last")), change(51, inventory.Held, event.Line{SKU: "last", Qty: 3})), "1 HELD, 1 REJECTED")
		if _, err := s.process().Apply(t.Context(), []inventory.Change{change(0, inventory.ReleasedVoided)}); err != nil {
			t.Fatal(err)
		}
		wantStates(t, s.apply(change(52, inventory.Held, event.Line{SKU: "last", Qty: 3})), "1 HELD")
		s.wantRow("last", "0 available, 4 reserved, 0 sold")
	})
}

func TestAnUnknownSKUIsKnownAsSoonAsItIsThere(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		wantStates(t, s.apply(change(0, inventory.Held, one("new"))), "1 REJECTED")
		s.wantTransactions(0, 0)
		s.count("new", 1, benchPrice)
		wantStates(t, s.apply(change(1, inventory.Held, one("new"))), "1 HELD")
	})
}

func TestAStalePriceIsNeverSoldAt(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.apply(change(0, inventory.Held, one("A")))
		dearer := event.Money{Amount: 2999, Currency: "EUR"}
		s.count("A", 1000, dearer)
		s.calls = nil
		written := s.apply(change(1, inventory.Held, one("A")), change(2, inventory.Held, one("A"), one("B")))
		wantStates(t, written, "1 HELD, 1 REJECTED")
		if written[0].Record.Total != dearer || written[1].Record.Reason != inventory.MixedCurrency {
			t.Errorf("held at %v; %q", written[0].Record.Total, written[1].Record.Reason)
		}
		s.wantTransactions(2, 2)
	})
}

func TestNothingIsRefusedForAPriceThatIsNoMore(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.apply(change(0, inventory.Held, one("A")), change(1, inventory.Held, one("B")))
		euros := event.Money{Amount: 5, Currency: "EUR"}
		s.count("A", 1000, euros)
		s.count("B", 1000, euros)
		s.prices.Remove("B") // of which the new price is read, while the old one of A is remembered
		wantStates(t, s.apply(change(2, inventory.Held, one("A"), one("B"))), "1 HELD")
	})
}

func TestASKUHasATransactionOfItsOwnWhileThereIsRoom(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		var few, many []inventory.Change
		for n := range 64 {
			sku := fmt.Sprint("S", n)
			s.count(sku, 9, benchPrice)
			many = append(many, change(100+n, inventory.Held, one(sku)))
			if n < 10 {
				few = append(few, change(n, inventory.Held, one(sku)))
			}
		}
		s.calls = nil
		s.apply(few...)
		s.wantTransactions(10, 10)
		s.calls = nil
		s.apply(many...)
		s.wantTransactions(maxUnderway, maxUnderway)
	})
}

func TestASaleConfirmsItsPrice(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		for n := range 10 {
			s.apply(change(n, inventory.Held, one("A")))
			time.Sleep(priceLife * 3 / 4)
		}
		if reads := len(s.made("BatchGetItem")); reads != 1 {
			t.Errorf("%d reads of a price that ten sales confirmed", reads)
		}
		time.Sleep(priceLife)
		s.apply(change(99, inventory.Held, one("A")))
		if reads := len(s.made("BatchGetItem")); reads != 2 {
			t.Errorf("%d reads; the price is older than a second", reads)
		}
	})
}

func TestTheSameIsAskedAgainUnderTheSameToken(t *testing.T) {
	for _, c := range []struct {
		fate    fate
		problem string
	}{
		{lost, ""}, {dropped, ""}, {refused, "InternalServerError"}, {refused, "ThrottlingException"}, {refused, "ProvisionedThroughputExceededException"},
		{refused, "TransactionInProgressException"}, {refused, "RequestLimitExceeded"},
	} {
		inShop(t, func(t *testing.T, s *shop) {
			s.fails(1, c.fate, c.problem)
			wantStates(t, s.apply(change(0, inventory.Held, one("last"))), "1 HELD")
			s.wantTransactions(2, 1)
			s.wantRow("last", "0 available, 1 reserved, 0 sold")
		})
	}
}

func TestATransactionThatIsInProgressIsWaitedFor(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.script = func(c *fakeCall) {
			switch {
			case c.op != "TransactWriteItems":
			case c.nth == 1:
				c.fate = lost
			case c.nth < 6:
				c.fate, c.problem = refused, "TransactionInProgressException"
			}
		}
		wantStates(t, s.apply(change(0, inventory.Held, one("last"))), "1 HELD")
		s.wantTransactions(6, 1)
		s.wantRow("last", "0 available, 1 reserved, 0 sold")
	})
}

func TestConflictsAndThrottlesOfAnItemAreTriedAgainAsTheyAre(t *testing.T) {
	codes := []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
	inShop(t, func(t *testing.T, s *shop) {
		s.script = func(c *fakeCall) {
			if c.op == "TransactWriteItems" && c.nth <= 6 {
				c.fate, c.reasons = refused, []string{"None", codes[c.nth%3]}
			}
		}
		wantStates(t, s.apply(change(0, inventory.Held, one("last"))), "1 HELD")
		s.wantTransactions(7, 1)
	})
}

func TestWhatNeverGoesThroughIsLeftToRedelivery(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.script = func(c *fakeCall) {
			if c.op == "TransactWriteItems" {
				c.fate, c.reasons = refused, []string{"None", "TransactionConflict"}
			}
		}
		begin := time.Now()
		_, err := s.Apply(t.Context(), []inventory.Change{change(0, inventory.Held, one("last"))})
		if !errors.Is(err, event.Unavailable) || time.Since(begin) != patience {
			t.Errorf("%v after %v, want Unavailable after %v", err, time.Since(begin), patience)
		}
		synctest.Wait()
		if made := s.made("TransactWriteItems"); len(made) < 100 {
			t.Errorf("%d tries in %v", len(made), patience)
		}
		s.wantRow("last", "1 available, 0 reserved, 0 sold")
	})
}

func TestATransactionIsPlannedAnewFiveTimesAtMost(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.script = func(c *fakeCall) { // another process changes the price before each
			if row := s.tables["t-stock"]["A"]; c.op == "TransactWriteItems" {
				row["pv"] = map[string]any{"N": fmt.Sprint(numberOf(row["pv"]) + 1)}
			}
		}
		_, err := s.Apply(t.Context(), hundred(0, "A")[:50])
		if !errors.Is(err, event.Unavailable) {
			t.Errorf("%v, want Unavailable", err)
		}
		s.wantTransactions(6, 6)
		s.wantRow("A", "1000 available, 0 reserved, 0 sold")
	})
}

func TestAnOrderThatIsHeldAlreadyIsNeverOutOfStock(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		if _, err := s.process().Apply(t.Context(), []inventory.Change{change(0, inventory.Held, one("last"))}); err != nil {
			t.Fatal(err)
		}
		wantStates(t, s.apply(change(1, inventory.Held, one("A")), change(0, inventory.Held, one("last")), change(2, inventory.Held, one("last"))),
			"1 HELD, 1 HELD unchanged, 1 REJECTED")
		again := s.process()
		again.noteShort(inventory.Reservation{Short: []event.Shortfall{{SKU: "last"}}})
		written, err := again.Apply(t.Context(), []inventory.Change{change(0, inventory.Held, one("last"))})
		if err != nil {
			t.Fatal(err)
		}
		wantStates(t, written, "1 HELD unchanged")
	})
}

func TestAWriteThatCameThroughUnderAForgottenTokenIsKnownAgain(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.script = func(c *fakeCall) {
			if c.op == "TransactWriteItems" && c.nth == 1 {
				c.fate = lost
			}
			clear(s.tokens)
		}
		wantStates(t, s.apply(change(0, inventory.Held, one("last")), change(1, inventory.Held, one("A"))), "2 HELD")
		s.wantRow("last", "0 available, 1 reserved, 0 sold")
		s.wantRow("A", "999 available, 1 reserved, 0 sold")
	})
}

func TestACallerThatLeavesSparesTheOthers(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.fails(1, refused, "InternalServerError")
		ctx, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for i, c := range hundred(0, "A")[:10] {
			synctest.Wait() // the first is under way before the others come
			callers.Go(func() {
				caller := t.Context()
				if i%2 == 0 {
					caller = ctx
				}
				_, err := s.Apply(caller, []inventory.Change{c})
				if i%2 == 1 && err != nil || i%2 == 0 && !errors.Is(err, context.Canceled) {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		leave()
		callers.Wait()
		row, err := s.process().Stock(t.Context(), "A")
		if err != nil || row.Reserved != 6 { // what was under way is carried through
			t.Errorf("%+v, %v", row, err)
		}
	})
}

func TestAFaultInOneOrdersRecordsSparesTheOthers(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.apply(change(0, inventory.Held, one("A")), change(1, inventory.Held, one("A")), change(2, inventory.Held, one("B")))
		s.tables["t-stock"]["A"]["reserved"] = map[string]any{"N": "1"}
		errs := make([]error, 3)
		var callers sync.WaitGroup
		for n := range errs {
			callers.Go(func() { _, errs[n] = s.Apply(t.Context(), []inventory.Change{change(n, inventory.Settled)}) })
		}
		callers.Wait()
		s.wantRow("A", "998 available, 0 reserved, 1 sold")
		s.wantRow("B", "999 available, 0 reserved, 1 sold")
		both := errors.Join(errs[0], errs[1])
		if both == nil || errs[2] != nil || errors.Is(both, event.Unavailable) || !strings.Contains(both.Error(), "restore the stock and reservations tables") {
			t.Errorf("%v", errs)
		}
	})
}

func TestATransactionThatCanNeverBeRightIsNoOutage(t *testing.T) {
	for _, reasons := range [][]string{{"ValidationError", "None"}, nil} {
		inShop(t, func(t *testing.T, s *shop) {
			s.script = func(c *fakeCall) {
				if c.op == "TransactWriteItems" {
					c.fate, c.reasons, c.problem = refused, reasons, "IdempotentParameterMismatchException"
				}
			}
			_, err := s.Apply(t.Context(), []inventory.Change{change(0, inventory.Held, one("A"))})
			if err == nil || errors.Is(err, event.Unavailable) || len(s.made("TransactWriteItems")) != 1 {
				t.Errorf("%v after %d tries", err, len(s.made("TransactWriteItems")))
			}
		})
	}
}

func TestAWriteOfItsOwnWaitsForATransactionOnItsReservation(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.script = func(c *fakeCall) {
			if c.op == "PutItem" && c.nth < 4 {
				c.fate, c.problem = refused, "TransactionConflictException"
			}
		}
		tombstone := change(0, inventory.ReleasedVoided)
		tombstone.From = []inventory.State{inventory.None}
		wantStates(t, s.apply(tombstone), "1 RELEASED(voided)")
		if puts := len(s.made("PutItem")); puts != 4 {
			t.Errorf("%d puts", puts)
		}
		s.wantTransactions(0, 0)
	})
}

func TestACountMeetsOtherProcessesSales(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		sales := 0
		s.script = func(c *fakeCall) { // another process sells before each of the first counts is written
			if row := s.tables["t-stock"]["A"]; c.op == "TransactWriteItems" && sales < 7 {
				sales++
				for name, by := range map[string]int64{"available": -1, "reserved": 1, "v": 1} {
					row[name] = map[string]any{"N": fmt.Sprint(numberOf(row[name]) + by)}
				}
			}
		}
		counted, err := s.Count(t.Context(), []inventory.Count{{SKU: "A", OnHand: 50, At: benchStart}})
		if err != nil || counted[0].Err != nil || counted[0].Stock.Available != 43 || counted[0].Stock.Reserved != 7 {
			t.Errorf("%+v, %v", counted, err)
		}
		s.wantTransactions(8, 8)
	})
}
