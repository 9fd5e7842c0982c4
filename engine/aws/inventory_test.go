package aws

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
	"holdfast/inventory"
)

// longestName is as long as a name may be.
var longestName = strings.Repeat("x", 64)

func TestAReservationOfOneLineFitsAWriteUnit(t *testing.T) {
	s := newFakeDynamo().store(nil, nil)
	r := inventory.Reservation{
		Ref: event.Ref{OrderID: longestName, Number: math.MaxInt64}, State: inventory.ReleasedDeclined, Reason: inventory.MixedCurrency,
		Lines: []event.Line{{SKU: longestName, Qty: math.MaxInt64, UnitPrice: event.Money{Amount: math.MaxInt64, Currency: "USD"}}},
		Total: event.Money{Amount: math.MaxInt64, Currency: "USD"}, Restocked: true, HeldAt: benchStart, UpdatedAt: benchStart,
		Short: []event.Shortfall{{SKU: longestName, Qty: math.MaxInt64, Available: math.MaxInt64}},
	}
	i, err := s.reservations.seal(longestName, r, math.MaxInt64)
	if err != nil || itemBytes(i) > 1024 {
		t.Errorf("%d bytes, %v", itemBytes(i), err)
	}
	back, err := s.reservations.open(i)
	if err != nil || back.rev != math.MaxInt64 || !reflect.DeepEqual(back.record, r) {
		t.Errorf("read back as %+v, %v", back, err)
	}
}

func TestAStockRowFitsAWriteUnit(t *testing.T) {
	row := stockRow{priceVersion: math.MaxInt64, Stock: inventory.Stock{
		SKU: longestName, Available: math.MaxInt64, Reserved: math.MaxInt64, Sold: math.MaxInt64,
		Price: event.Money{Amount: math.MaxInt64, Currency: "USD"}, Version: math.MaxInt64, UpdatedAt: benchStart,
	}}
	i, err := encodeStock(row)
	if err != nil || itemBytes(i) > 1024 {
		t.Errorf("%d bytes, %v", itemBytes(i), err)
	}
	if back, err := decodeStock(i); err != nil || *back != row {
		t.Errorf("read back as %+v, %v", back, err)
	}
}

func TestABatchIsCutWhereAnOrderComesAgain(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		wantStates(t, s.apply(
			change(0, inventory.Held, one("last")), change(1, inventory.Held, one("last")), change(0, inventory.ReleasedVoided),
			change(2, inventory.Held, one("last")), change(2, inventory.Settled),
		), "1 HELD, 1 REJECTED, 1 RELEASED(voided), 1 HELD, 1 SETTLED")
		s.wantRow("last", "0 available, 0 reserved, 1 sold")
	})
}

func TestARememberedReservationCostsNoRead(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.apply(change(0, inventory.Held, one("A")))
		s.calls = nil
		s.apply(change(0, inventory.Settled))
		if len(s.calls) != 1 {
			t.Errorf("a settle of a remembered hold took %d requests", len(s.calls))
		}
		s.calls = nil
		wantStates(t, applied(t, s.process(), change(0, inventory.Settled)), "1 SETTLED unchanged")
		if len(s.calls) != 1 || s.calls[0].op != "BatchGetItem" {
			t.Errorf("a repeat elsewhere took %d requests, want one read", len(s.calls))
		}
	})
}

func TestAMemoryThatIsOutOfDateDecidesNothing(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.apply(change(0, inventory.Held, one("A")), change(1, inventory.Held, one("B")))
		applied(t, s.process(), change(0, inventory.Settled), change(1, inventory.Settled))
		either := change(0, inventory.ReleasedVoided)
		either.From = []inventory.State{inventory.Held, inventory.Settled}
		returned := change(1, inventory.Returned)
		returned.From, returned.Restock = []inventory.State{inventory.Settled}, true
		wantStates(t, s.apply(either, returned), "1 RELEASED(voided), 1 RETURNED")
		s.wantRow("A", "1000 available, 0 reserved, 0 sold")
		s.wantRow("B", "1000 available, 0 reserved, 0 sold")
	})
}

func TestARefundWithoutARestockIsOnePut(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.apply(change(0, inventory.Held, one("A")))
		s.apply(change(0, inventory.Settled))
		s.calls = nil
		returned := change(0, inventory.Returned)
		returned.From = []inventory.State{inventory.Settled}
		wantStates(t, s.apply(returned), "1 RETURNED")
		if len(s.calls) != 1 || s.calls[0].op != "PutItem" {
			t.Errorf("%d requests, want one put", len(s.calls))
		}
	})
}

// hung is a transport that never answers.
type hung struct{}

func (hung) Do(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAReservationThatCannotBeReadInTimeIsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeDynamo().store(hung{}, time.Now)
		_, err := s.Apply(t.Context(), []inventory.Change{change(0, inventory.Settled, one("last"))})
		if !errors.Is(err, event.Unavailable) {
			t.Errorf("%v, want Unavailable: no message is to blame", err)
		}
	})
}

// faraway is a transport on which each request takes a second.
type faraway struct{ *fakeDynamo }

func (f faraway) Do(r *http.Request) (*http.Response, error) {
	time.Sleep(time.Second) // virtual
	return f.fakeDynamo.Do(r)
}

func TestACountOfManySKUsTakesTheTimeItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := make([]inventory.Count, 12*maxBooked)
		for i := range counts {
			counts[i] = inventory.Count{SKU: fmt.Sprintf("sku-%d", i), OnHand: 1, Price: benchPrice, At: benchStart}
		}
		begin := time.Now()
		counted, err := newFakeDynamo().store(faraway{newFakeDynamo()}, time.Now).Count(t.Context(), counts)
		if err != nil || len(counted) != len(counts) || time.Since(begin) <= patience {
			t.Errorf("%d of %d counted in %v: %v", len(counted), len(counts), time.Since(begin), err)
		}
	})
}

func TestACountWhoseCallerHasLeftBeforeItBeganIsNotMade(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		ctx, leave := context.WithCancel(t.Context())
		m := &movement{ctx: ctx, booking: &booking{[]*entry{{sku: "A", apply: inventory.Count{SKU: "A", OnHand: 7}.Apply}}}, over: make(chan struct{})}
		leave()
		s.carry([]*movement{m})
		if _, err := m.wait(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
		s.wantRow("A", "1000 available, 0 reserved, 0 sold")
	})
}

func TestLowReadsSoManySKUs(t *testing.T) {
	c, w := alone(t)
	s := newStock(c)
	var counts []inventory.Count
	for i := range 9 {
		counts = append(counts, inventory.Count{SKU: fmt.Sprint("sku-", i), OnHand: int64(i % 2 * 50), Price: benchPrice, At: benchStart})
	}
	must(s.Count(t.Context(), counts))(t)
	w.count("BatchGetItem")
	for reach, want := range map[int][]string{2: {"sku-0"}, 6: {"sku-0", "sku-2", "sku-4"}, 100: {"sku-0", "sku-2", "sku-4", "sku-6", "sku-8"}} {
		var got []string
		for _, row := range must(s.low(t.Context(), 10, reach, 2))(t) {
			got = append(got, row.SKU)
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %d SKUs %v are low, want %v", reach, got, want)
		}
	}
	if reads := w.count("BatchGetItem"); reads != 1+3+5 {
		t.Errorf("%d pages were read, want 9", reads)
	}
}
