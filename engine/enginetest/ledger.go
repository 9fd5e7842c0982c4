package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway/simulated"
)

var ledgerTests = []storeTest{
	{"Update stores the entries that change returns", ledgerStores},
	{"Update hands out the order's entries in ascending Key", ledgerHandsOut},
	{"Update keeps the entries that change leaves out", ledgerKeepsOthers},
	{"Update stores entries that change altered in place", ledgerAlteredInPlace},
	{"Update writes nothing when change alters nothing", ledgerWritesNothing},
	{"Update runs change one at a time for one order", ledgerOneAtATime},
	{"Update loses none of many at once", ledgerInParallel},
	{"Get returns the entries in the order asked for", ledgerGet},
	{"Scan returns the entries of at most limit orders in ascending Number and Key", ledgerScan},
	{"Outage returns the time last given to SetOutage, zero if none was", ledgerOutage},
	{"SetOutage leaves the entries as they are", ledgerOutageApart},
	{"one of many outages asked for at once stands", raceOutages},
}

var ledgerWrites = []write{
	{
		name: "simulated.Ledger.Update",
		call: func(ctx context.Context, e *engine.Engine) error {
			return e.Ledger.Update(ctx, ref(1), func([]simulated.Entry) []simulated.Entry {
				return []simulated.Entry{entry(ref(1), "a"), entry(ref(1), "b")}
			})
		},
		written: func(t *testing.T, e *engine.Engine) bool { return len(entriesOf(t, e, ref(1))) == 2 },
	},
	{
		name:    "simulated.Ledger.SetOutage",
		prepare: func(t *testing.T, e *engine.Engine) { wantNoError(t, e.Ledger.SetOutage(t.Context(), after(60))) },
		call:    func(ctx context.Context, e *engine.Engine) error { return e.Ledger.SetOutage(ctx, after(90)) },
		written: func(t *testing.T, e *engine.Engine) bool { return outage(t, e).Equal(after(90)) },
	},
}

// entry is one with every field set.
func entry(r event.Ref, key string) simulated.Entry {
	return simulated.Entry{Key: key, Order: r, State: simulated.Captured, Amount: price, Method: "sim_slow", Attempts: 2, At: after(3)}
}

// book stores entries under their order.
func book(t *testing.T, e *engine.Engine, r event.Ref, entries ...simulated.Entry) {
	t.Helper()
	wantNoError(t, e.Ledger.Update(t.Context(), r, func([]simulated.Entry) []simulated.Entry { return entries }))
}

func entriesOf(t *testing.T, e *engine.Engine, r event.Ref) []simulated.Entry {
	t.Helper()
	return must(e.Ledger.Get(t.Context(), []event.Ref{r}))(t)[0]
}

func ledgerStores(t *testing.T, e *engine.Engine) {
	want := entry(ref(1), "order-0001")
	book(t, e, ref(1), want)
	wantSame(t, "entries", entriesOf(t, e, ref(1)), []simulated.Entry{want})
	want.State, want.Attempts, want.Amount = simulated.Refunded, 3, event.Money{Amount: 7, Currency: "EUR"}
	book(t, e, ref(1), want)
	wantSame(t, "altered", entriesOf(t, e, ref(1)), []simulated.Entry{want})
	open := simulated.Entry{Key: "open", Order: ref(2), State: simulated.Open, Attempts: 1, At: after(1)}
	book(t, e, ref(2), open)
	wantSame(t, "open", entriesOf(t, e, ref(2)), []simulated.Entry{open})
}

func ledgerHandsOut(t *testing.T, e *engine.Engine) {
	var seen []simulated.Entry
	look := func(have []simulated.Entry) []simulated.Entry {
		seen = slices.Clone(have)
		return nil
	}
	wantNoError(t, e.Ledger.Update(t.Context(), ref(1), look))
	if len(seen) != 0 {
		t.Errorf("a new order has entries: %+v", seen)
	}
	book(t, e, ref(1), entry(ref(1), "b"), entry(ref(1), "c"))
	book(t, e, ref(1), entry(ref(1), "a"))
	book(t, e, ref(2), entry(ref(2), "aa"))
	wantNoError(t, e.Ledger.Update(t.Context(), ref(1), look))
	wantSame(t, "handed out", seen, []simulated.Entry{entry(ref(1), "a"), entry(ref(1), "b"), entry(ref(1), "c")})
}

func ledgerKeepsOthers(t *testing.T, e *engine.Engine) {
	book(t, e, ref(1), entry(ref(1), "a"), entry(ref(1), "b"))
	altered := entry(ref(1), "b")
	altered.State = simulated.Voided
	wantNoError(t, e.Ledger.Update(t.Context(), ref(1), func(have []simulated.Entry) []simulated.Entry {
		have[0].State = simulated.Declined // of an entry that is not returned
		return []simulated.Entry{altered}
	}))
	wantSame(t, "entries", entriesOf(t, e, ref(1)), []simulated.Entry{entry(ref(1), "a"), altered})
}

func ledgerAlteredInPlace(t *testing.T, e *engine.Engine) {
	book(t, e, ref(1), entry(ref(1), "a"), entry(ref(1), "b"))
	wantNoError(t, e.Ledger.Update(t.Context(), ref(1), func(have []simulated.Entry) []simulated.Entry {
		have[1].State = simulated.Refunded
		return have
	}))
	want := entry(ref(1), "b")
	want.State = simulated.Refunded
	wantSame(t, "entries", entriesOf(t, e, ref(1)), []simulated.Entry{entry(ref(1), "a"), want})
}

func ledgerWritesNothing(t *testing.T, e *engine.Engine) {
	book(t, e, ref(1), entry(ref(1), "a"))
	e.SetFault(func(engine.Point) error { return errors.New("something was written") })
	defer e.SetFault(nil)
	for _, change := range []func([]simulated.Entry) []simulated.Entry{
		func([]simulated.Entry) []simulated.Entry { return nil },
		func(have []simulated.Entry) []simulated.Entry { return have },
	} {
		wantNoError(t, e.Ledger.Update(t.Context(), ref(1), change))
	}
}

func ledgerOneAtATime(t *testing.T, e *engine.Engine) {
	var inside, met atomic.Int32
	inParallel(t, 20, func(i int) error {
		return e.Ledger.Update(t.Context(), ref(1), func(have []simulated.Entry) []simulated.Entry {
			if inside.Add(1) > 1 {
				met.Add(1)
			}
			defer inside.Add(-1)
			return []simulated.Entry{entry(ref(1), fmt.Sprint("key", i))}
		})
	})
	if met.Load() > 0 {
		t.Error("change ran twice at a time for one order")
	}
	if n := len(entriesOf(t, e, ref(1))); n != 20 {
		t.Errorf("%d entries, want 20", n)
	}
}

func ledgerInParallel(t *testing.T, e *engine.Engine) {
	inParallel(t, 40, func(i int) error {
		r := ref(1 + i%4)
		return e.Ledger.Update(t.Context(), r, func(have []simulated.Entry) []simulated.Entry {
			if len(have) == 0 {
				return []simulated.Entry{{Key: r.OrderID, Order: r, State: simulated.Open, Attempts: 1, At: start}}
			}
			have[0].Attempts++
			return have
		})
	})
	for _, entries := range must(e.Ledger.Get(t.Context(), refs(4)))(t) {
		if len(entries) != 1 || entries[0].Attempts != 10 {
			t.Errorf("after ten requests: %+v", entries)
		}
	}
}

func ledgerGet(t *testing.T, e *engine.Engine) {
	book(t, e, ref(1), entry(ref(1), "a"))
	book(t, e, ref(2), entry(ref(2), "d"), entry(ref(2), "c"))
	got := must(e.Ledger.Get(t.Context(), []event.Ref{ref(2), ref(9), ref(1)}))(t)
	wantSame(t, "entries", got, [][]simulated.Entry{{entry(ref(2), "c"), entry(ref(2), "d")}, {}, {entry(ref(1), "a")}})
}

func ledgerScan(t *testing.T, e *engine.Engine) {
	var want []simulated.Entry
	for _, n := range []int{30, 4, 100, 5, 1} {
		book(t, e, ref(n), entry(ref(n), "b"), entry(ref(n), "a"))
	}
	for _, n := range []int{1, 4, 5, 30, 100} {
		want = append(want, entry(ref(n), "a"), entry(ref(n), "b"))
	}
	wantSame(t, "the first two orders", must(e.Ledger.Scan(t.Context(), 0, 2))(t), want[:4])
	wantSame(t, "the next two", must(e.Ledger.Scan(t.Context(), 4, 2))(t), want[4:8])
	wantSame(t, "the rest", must(e.Ledger.Scan(t.Context(), 30, 2))(t), want[8:])
	wantSame(t, "the end", must(e.Ledger.Scan(t.Context(), 100, 2))(t), want[10:])
}

func outage(t *testing.T, e *engine.Engine) time.Time {
	t.Helper()
	return must(e.Ledger.Outage(t.Context()))(t)
}

func ledgerOutage(t *testing.T, e *engine.Engine) {
	if until := outage(t, e); !until.IsZero() {
		t.Errorf("a new ledger has an outage until %v", until)
	}
	for _, until := range []time.Time{after(60), after(3600), after(1), start.In(time.FixedZone("", 7200)), after(2)} {
		wantNoError(t, e.Ledger.SetOutage(t.Context(), until))
		wantSame(t, "outage", outage(t, e), until)
	}
}

func ledgerOutageApart(t *testing.T, e *engine.Engine) {
	book(t, e, ref(1), entry(ref(1), "a"))
	wantNoError(t, e.Ledger.SetOutage(t.Context(), after(60)))
	wantSame(t, "entries", entriesOf(t, e, ref(1)), []simulated.Entry{entry(ref(1), "a")})
	book(t, e, ref(1), entry(ref(1), "b"))
	wantSame(t, "scan", must(e.Ledger.Scan(t.Context(), 0, 9))(t), []simulated.Entry{entry(ref(1), "a"), entry(ref(1), "b")})
	wantSame(t, "outage", outage(t, e), after(60))
}

func raceOutages(t *testing.T, e *engine.Engine) {
	inParallel(t, 20, func(i int) error { return e.Ledger.SetOutage(t.Context(), after(i)) })
	until := outage(t, e)
	if until.Before(start) || until.After(after(19)) || !until.Equal(until.Truncate(time.Second).Add(123*time.Millisecond)) {
		t.Errorf("the outage that stands is %v, which nobody asked for", until)
	}
	wantSame(t, "outage read again", outage(t, e), until)
}
