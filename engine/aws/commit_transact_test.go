package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
	"holdfast/inventory"
)

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
