package inventory_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/inventory"
)

func good() inventory.Adjustment {
	return inventory.Adjustment{ID: "breakage-7", SKU: "A123", Delta: -3, Reason: "damaged", At: time.UnixMilli(1)}
}

func TestAnAdjustmentWithinItsBoundsIsValid(t *testing.T) {
	for name, change := range map[string]func(*inventory.Adjustment){
		"as it stands":         func(*inventory.Adjustment) {},
		"one unit":             func(a *inventory.Adjustment) { a.Delta = 1 },
		"the most units in":    func(a *inventory.Adjustment) { a.Delta = inventory.MaxOnHand },
		"the most units out":   func(a *inventory.Adjustment) { a.Delta = -inventory.MaxOnHand },
		"the longest reason":   func(a *inventory.Adjustment) { a.Reason = strings.Repeat("é", 128) },
		"a reason with spaces": func(a *inventory.Adjustment) { a.Reason = "fell off the shelf, again" },
		"the longest id":       func(a *inventory.Adjustment) { a.ID = strings.Repeat("x", 64) },
	} {
		a := good()
		change(&a)
		if err := a.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAdjustmentOutOfItsBoundsNamesThePlace(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*inventory.Adjustment)
		place  string
	}{
		"no SKU":              {func(a *inventory.Adjustment) { a.SKU = "" }, "path.sku"},
		"an unfit SKU":        {func(a *inventory.Adjustment) { a.SKU = "A 1" }, "path.sku"},
		"no id":               {func(a *inventory.Adjustment) { a.ID = "" }, "body.adjustment_id"},
		"an unfit id":         {func(a *inventory.Adjustment) { a.ID = "a/b" }, "body.adjustment_id"},
		"too long an id":      {func(a *inventory.Adjustment) { a.ID = strings.Repeat("x", 65) }, "body.adjustment_id"},
		"no delta":            {func(a *inventory.Adjustment) { a.Delta = 0 }, "body.delta"},
		"too many units":      {func(a *inventory.Adjustment) { a.Delta = inventory.MaxOnHand + 1 }, "body.delta"},
		"too many units out":  {func(a *inventory.Adjustment) { a.Delta = -inventory.MaxOnHand - 1 }, "body.delta"},
		"as many as fit":      {func(a *inventory.Adjustment) { a.Delta = math.MinInt64 }, "body.delta"},
		"no reason":           {func(a *inventory.Adjustment) { a.Reason = "" }, "body.reason"},
		"too long a reason":   {func(a *inventory.Adjustment) { a.Reason = strings.Repeat("é", 129) }, "body.reason"},
		"a reason of lines":   {func(a *inventory.Adjustment) { a.Reason = "broken\nlost" }, "body.reason"},
		"a reason not UTF-8":  {func(a *inventory.Adjustment) { a.Reason = "\xff" }, "body.reason"},
		"a reason of control": {func(a *inventory.Adjustment) { a.Reason = "a\x00b" }, "body.reason"},
	} {
		a := good()
		c.change(&a)
		var err *event.Error
		if !errors.As(a.Validate(), &err) || err.Code != event.Invalid || len(err.Fields) != 1 || err.Fields[0].Location != c.place {
			t.Errorf("%s: %+v, want Invalid at %s alone", name, err, c.place)
		}
	}
	var all *event.Error
	if !errors.As(inventory.Adjustment{}.Validate(), &all) || len(all.Fields) != 4 {
		t.Errorf("an empty adjustment: %+v, want all four places", all)
	}
}

func TestAnAdjustmentThatCannotBeMadeChangesNoCount(t *testing.T) {
	row := inventory.Stock{SKU: "A123", Available: 3, Reserved: 4, Sold: 5, Version: 6}
	for _, c := range []struct {
		delta int64
		code  event.Code // empty: it is made
	}{
		{-3, ""}, {-4, event.Conflict}, {-7, event.Conflict}, {math.MinInt64, event.Conflict},
		{inventory.MaxOnHand - 7, ""}, {inventory.MaxOnHand - 6, event.Conflict}, {math.MaxInt64, event.Conflict},
	} {
		a := good()
		a.Delta = c.delta
		got, entry, err := a.Apply(&row)
		want := row
		if c.code == "" {
			want.Available, want.Version, want.UpdatedAt = row.Available+c.delta, row.Version+1, a.At
		}
		if got != want || (entry == inventory.LedgerRow{}) != (c.code != "") || (c.code == "") != (err == nil) || err != nil && !errors.Is(err, c.code) {
			t.Errorf("by %d: %+v, %+v, %v; want %+v, %q", c.delta, got, entry, err, want, c.code)
		}
	}
}

func TestAnAdjustmentIsReplayedByItsSKUAndDeltaAlone(t *testing.T) {
	a := good()
	row := inventory.LedgerRow{AdjustmentID: a.ID, SKU: a.SKU, Delta: a.Delta, Reason: "lost", At: time.UnixMilli(99)}
	if got, err := a.Replay(row); err != nil || got != row {
		t.Errorf("replayed as %+v, %v; want the ledger's row", got, err)
	}
	for _, change := range []func(*inventory.LedgerRow){
		func(r *inventory.LedgerRow) { r.SKU = "B456" },
		func(r *inventory.LedgerRow) { r.Delta = -4 },
		func(r *inventory.LedgerRow) { r.Delta = 3 },
	} {
		other := row
		change(&other)
		got, err := a.Replay(other)
		var mismatch *event.Error
		if !errors.As(err, &mismatch) || mismatch.Code != event.Mismatch || mismatch.Fields[0].Location != "body.adjustment_id" || got != (inventory.LedgerRow{}) {
			t.Errorf("of %+v: %+v, %v; want a Mismatch at the id", other, got, err)
		}
	}
}
