package aws

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/inventory"
)

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
