package inventory_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"holdfast/event"
	"holdfast/inventory"
)

// trillion bounds units and prices: with an order's bounds every sum fits in 63 bits.
const trillion = 1_000_000_000_000

func TestACountWithinItsBoundsIsValidAndOthersNameThePlace(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*inventory.Count)
		places []string
	}{
		"as it stands":            {func(*inventory.Count) {}, nil},
		"none on hand":            {func(c *inventory.Count) { c.OnHand = 0 }, nil},
		"the most on hand":        {func(c *inventory.Count) { c.OnHand = trillion }, nil},
		"no price":                {func(c *inventory.Count) { c.Price = event.Money{} }, nil},
		"the lowest price":        {func(c *inventory.Count) { c.Price.Amount = 1 }, nil},
		"the highest price":       {func(c *inventory.Count) { c.Price.Amount = trillion }, nil},
		"no SKU":                  {func(c *inventory.Count) { c.SKU = "" }, []string{"path.sku"}},
		"fewer than none":         {func(c *inventory.Count) { c.OnHand = -1 }, []string{"body.on_hand"}},
		"one too many":            {func(c *inventory.Count) { c.OnHand = trillion + 1 }, []string{"body.on_hand"}},
		"for nothing":             {func(c *inventory.Count) { c.Price.Amount = 0 }, []string{"body.price.amount"}},
		"one too dear":            {func(c *inventory.Count) { c.Price.Amount = trillion + 1 }, []string{"body.price.amount"}},
		"in small letters":        {func(c *inventory.Count) { c.Price.Currency = "usd" }, []string{"body.price.currency"}},
		"in no currency":          {func(c *inventory.Count) { c.Price.Currency = "" }, []string{"body.price.currency"}},
		"wrong in several ways":   {func(c *inventory.Count) { c.SKU, c.OnHand = "a b", -1 }, []string{"path.sku", "body.on_hand"}},
		"in four capital letters": {func(c *inventory.Count) { c.Price.Currency = "USDT" }, []string{"body.price.currency"}},
	} {
		t.Run(name, func(t *testing.T) {
			count := inventory.Count{SKU: "A", OnHand: 7, Price: dollars(100), At: noon}
			c.change(&count)
			err := count.Validate()
			var bad *event.Error
			var places []string
			if errors.As(err, &bad) {
				for _, f := range bad.Fields {
					places = append(places, f.Location)
					if f.Value == nil || f.Message == "" {
						t.Errorf("the problem shows nothing: %+v", f)
					}
				}
			}
			if !slices.Equal(places, c.places) || err != nil && (bad.Code != event.Invalid || bad.Detail == "") {
				t.Errorf("Validate: %+v, want the places %v", err, c.places)
			}
			if _, stored := shop(t).Count(t.Context(), count); (stored == nil) != (err == nil) {
				t.Errorf("Count: %v, though Validate says %v", stored, err)
			}
		})
	}
}

func TestACountKeepsWhatIsReservedAndThePriceUnlessItNamesOne(t *testing.T) {
	old := inventory.Stock{SKU: "A", Available: 4, Reserved: 3, Sold: 2, Price: dollars(100), Version: 8, UpdatedAt: noon.Add(-1)}
	row, entry, err := inventory.Count{SKU: "A", OnHand: 3, At: noon}.Apply(&old)
	if want := (inventory.Stock{SKU: "A", Reserved: 3, Sold: 2, Price: dollars(100), Version: 9, UpdatedAt: noon}); err != nil || row != want {
		t.Errorf("counted %+v, %v, want %+v", row, err, want)
	}
	if want := (inventory.LedgerRow{SKU: "A", Delta: -4, Reason: inventory.ReasonCounted, At: noon}); entry != want {
		t.Errorf("booked %+v, want %+v", entry, want)
	}
	if row, _, err = (inventory.Count{SKU: "A", OnHand: 9, Price: dollars(5), At: noon}).Apply(&old); err != nil || row.Price != dollars(5) || row.Available != 6 {
		t.Errorf("counted %+v, %v", row, err)
	}
	if old.Version != 8 {
		t.Errorf("the row itself became %+v", old)
	}
}

func TestACountThatCannotBeMadeSaysWhy(t *testing.T) {
	old := inventory.Stock{SKU: "A", Available: 4, Reserved: 3, Price: dollars(100), Version: 8}
	seen, never := int64(8), int64(0)
	for name, c := range map[string]struct {
		old   *inventory.Stock
		count inventory.Count
		want  error
	}{
		"below what is reserved":         {&old, inventory.Count{SKU: "A", OnHand: 2}, event.Conflict},
		"of what has changed since":      {&old, inventory.Count{SKU: "A", OnHand: 5, IfVersion: &never}, event.Stale},
		"of what was read":               {&old, inventory.Count{SKU: "A", OnHand: 5, IfVersion: &seen}, nil},
		"of what should not be there":    {nil, inventory.Count{SKU: "A", OnHand: 5, Price: dollars(1), IfVersion: &never}, nil},
		"of what should be there":        {nil, inventory.Count{SKU: "A", OnHand: 5, Price: dollars(1), IfVersion: &seen}, event.Stale},
		"of something new without price": {nil, inventory.Count{SKU: "A", OnHand: 5}, event.Invalid},
	} {
		row, entry, err := c.count.Apply(c.old)
		if c.want == nil {
			if err != nil || row.OnHand() != 5 {
				t.Errorf("%s: %+v, %v", name, row, err)
			}
			continue
		}
		if !errors.Is(err, c.want) || entry != (inventory.LedgerRow{}) {
			t.Errorf("%s: %+v, %v, want %v", name, entry, err, c.want)
		}
		if c.old != nil && row != *c.old || row.SKU != "A" {
			t.Errorf("%s: the row it shows is %+v", name, row)
		}
	}
}

func TestAnAdjustmentGoesToTheRowAndTheLedger(t *testing.T) {
	s := shop(t)
	a := inventory.Adjustment{ID: "breakage-7", SKU: "A", Delta: -3, Reason: "damaged", At: noon}
	want := inventory.LedgerRow{AdjustmentID: "breakage-7", SKU: "A", Delta: -3, Reason: "damaged", At: noon}
	for range 2 {
		if row, err := s.Adjust(t.Context(), a); err != nil || row != want {
			t.Errorf("adjusted %+v, %v", row, err)
		}
	}
	wantStock(t, s, "A", 7, 0, 0)
	a.Delta = 0
	if row, err := s.Adjust(t.Context(), a); !errors.Is(err, event.Invalid) || row != (inventory.LedgerRow{}) {
		t.Errorf("by nothing: %+v, %v", row, err)
	}
	a.ID, a.Delta = "breakage-8", -8
	if _, err := s.Adjust(t.Context(), a); !errors.Is(err, event.Conflict) {
		t.Errorf("below zero: %v", err)
	}
}

func TestAnAdjustmentsReasonMayBeOneCharacter(t *testing.T) {
	a := good()
	a.Reason = "é"
	if err := a.Validate(); err != nil {
		t.Error(err)
	}
}

// cracked is a store whose disk is gone.
type cracked struct{ inventory.Store }

var errCracked = errors.New("the disk is gone")

func (cracked) Apply(context.Context, []inventory.Change) ([]event.Written[inventory.Reservation], error) {
	return nil, errCracked
}

func (cracked) Count(context.Context, []inventory.Count) ([]inventory.Counted, error) {
	return nil, errCracked
}

func (cracked) Adjust(context.Context, []inventory.Adjustment) ([]inventory.Adjusted, error) {
	return nil, errCracked
}

func TestAStoreThatFailsFailsItsCaller(t *testing.T) {
	s := inventory.Service{Store: cracked{}}
	if results, err := s.Handle(t.Context(), noon, []event.Event{message(event.PaymentCaptured)}); !errors.Is(err, errCracked) || results != nil {
		t.Errorf("Handle: %v, %v", results, err)
	}
	if _, err := s.Count(t.Context(), inventory.Count{SKU: "A", OnHand: 1}); !errors.Is(err, errCracked) {
		t.Errorf("Count: %v", err)
	}
	if _, err := s.Adjust(t.Context(), good()); !errors.Is(err, errCracked) {
		t.Errorf("Adjust: %v", err)
	}
}
