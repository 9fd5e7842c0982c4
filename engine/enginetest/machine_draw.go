package enginetest

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"holdfast/event"
)

// What the machines draw from. The choice is small, so that calls meet.
var (
	moments = rapid.Custom(func(t *rapid.T) time.Time {
		return start.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "half seconds")) * 500 * time.Millisecond)
	})
	drawnSKUs = []string{"A", "B", "C", "a", "A.1", "A-1", "_", "none"}
	prices    = rapid.SampledFrom([]event.Money{price, {Amount: 1, Currency: "USD"}, {Amount: 300, Currency: "EUR"}})
	payings   = rapid.SampledFrom([]string{"", "sim_approve", "card_1"})
	limits    = rapid.SampledFrom([]int{1, 2, 3, 7, 100})
	drawnRefs = rapid.Custom(func(t *rapid.T) event.Ref { return ref(rapid.IntRange(1, 8).Draw(t, "order")) })
)

// nameShared has rapid name the generators that machines share. It would do so when
// one is first drawn from within another, which another machine may be doing too.
func nameShared() {
	for _, g := range []fmt.Stringer{
		moments, prices, payings, limits, drawnRefs, fates, orderIDs, callers, users, moves, entryStates, keyNames, leases,
	} {
		_ = g.String()
	}
}

// drawLines draws lines of different SKUs, now and then of all there are.
func drawLines(t *rapid.T) []event.Line {
	n := rapid.SampledFrom([]int{1, 1, 2, 3, len(drawnSKUs)}).Draw(t, "lines")
	skus := rapid.Permutation(drawnSKUs).Draw(t, "skus")[:n]
	lines := make([]event.Line, n)
	for i, sku := range skus {
		lines[i] = line(sku, rapid.Int64Range(1, 4).Draw(t, "qty"))
	}
	return lines
}

// drawSome draws a few of the values given, at least as many as named, in their
// order.
func drawSome[T comparable](t *rapid.T, label string, least int, all []T) []T {
	chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(all), least, 3, rapid.ID).Draw(t, label)
	return slices.DeleteFunc(slices.Clone(all), func(v T) bool { return !slices.Contains(chosen, v) })
}

// drawBatch draws some calls of one item each, to be made in one.
func drawBatch[T any](t *rapid.T, one func(*rapid.T) T) []T {
	return rapid.SliceOfN(rapid.Custom(one), 1, 5).Draw(t, "batch")
}

// walkPages follows a list to its end; page returns what comes after a last item,
// the zero one at first.
func walkPages[T any](limit int, page func(last T) ([]T, error)) (all []T, err error) {
	for {
		var last T
		if len(all) > 0 {
			last = all[len(all)-1]
		}
		part, err := page(last)
		if err != nil || len(part) == 0 {
			return all, err
		}
		if len(part) > limit {
			return nil, event.Errorf(event.Invalid, "a page of %d, limit %d", len(part), limit)
		}
		all = append(all, part...)
	}
}
