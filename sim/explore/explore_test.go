package explore_test

import (
	"flag"
	"reflect"
	"slices"
	"testing"

	"holdfast/gateway"
	"holdfast/payment"
	"holdfast/sim/explore"
)

var full = flag.Bool("full", false, "explore two orders of one unit in full: 8,000,000 states, 1.3 GB, half a minute")

func finalDeclines(g payment.Gateway) payment.Gateway { return gateway.FinalDeclines{Gateway: g} }
func voidByCapture(g payment.Gateway) payment.Gateway { return gateway.VoidByCapture{Gateway: g} }

// world is a world to explore.
type world struct {
	name string
	explore.Options
}

var oneOrder = []world{
	{"one unit", explore.Options{Units: 1}},
	{"no unit", explore.Options{}},
	{"a unit comes in", explore.Options{Delivery: true}},
	{"declines forgotten", explore.Options{Units: 1, ForgetsDeclines: true, Adapter: finalDeclines}},
	{"no void of an unseen key", explore.Options{Units: 1, CannotVoid: true, Adapter: voidByCapture}},
	{"a rival for no unit", explore.Options{Rival: true}},
	{"a meek rival for one unit", explore.Options{Units: 1, Rival: true, Meek: true}},
}

var twoOrders = []world{
	{"a rival for one unit", explore.Options{Units: 1, Rival: true}},
	{"a rival for the unit that comes in", explore.Options{Rival: true, Delivery: true}},
	{"a rival, and a unit comes in", explore.Options{Units: 1, Rival: true, Delivery: true}},
	{"a rival, declines forgotten", explore.Options{Units: 1, Rival: true, ForgetsDeclines: true, Adapter: finalDeclines}},
	{"a rival, no void of an unseen key", explore.Options{Units: 1, Rival: true, CannotVoid: true, Adapter: voidByCapture}},
	{"a rival, each loss a step", explore.Options{Units: 1, Rival: true, Losses: true}},
}

// run explores a world in which nothing may break.
func run(t *testing.T, o explore.Options) explore.Result {
	t.Helper()
	r, err := explore.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Breach != nil {
		t.Fatal(r.Breach)
	}
	t.Logf("%d states, %d transitions, depth %d; %d records of an order, each at its end after %d sweeps or fewer",
		r.States, r.Transitions, r.Depth, r.Records, r.Sweeps)
	return r
}

func TestEveryInterleavingOfOneOrder(t *testing.T) {
	worlds := oneOrder
	if *full {
		worlds = slices.Concat(oneOrder, twoOrders)
	}
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) { run(t, w.Options) })
	}
}

// A message that is never sent, for a crash, leads nowhere that one which never
// arrives does not lead to. So the larger worlds may leave the first out.
func TestALossIsAMessageThatNeverArrives(t *testing.T) {
	for _, w := range oneOrder {
		if w.Rival && w.Units > 0 {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			never := run(t, w.Options)
			w.Losses = true
			lost := run(t, w.Options)
			if lost.Records != never.Records || !slices.Equal(lost.Met, never.Met) {
				t.Errorf("%d records with losses, %d without; or other cells are met", lost.Records, never.Records)
			}
		})
	}
}

func TestTheSameWorldGivesTheSameResult(t *testing.T) {
	o := explore.Options{Units: 1, ForgetsDeclines: true}
	first, second := broken(t, o), broken(t, o)
	if !reflect.DeepEqual(first, second) {
		t.Errorf("%+v, then %+v", first, second)
	}
}

// broken explores a world in which something must break.
func broken(t *testing.T, o explore.Options) explore.Result {
	t.Helper()
	r, err := explore.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Breach == nil {
		t.Fatalf("nothing breaks in %d states", r.States)
	}
	return r
}

// Without its adapter, neither processor is safe; with neither part of the
// contract, no adapter makes one safe.
func TestAProcessorBelowTheContractIsFoundOut(t *testing.T) {
	both := func(g payment.Gateway) payment.Gateway { return voidByCapture(finalDeclines(g)) }
	for _, w := range []world{
		{"declines forgotten", explore.Options{Units: 1, ForgetsDeclines: true}},
		{"no void of an unseen key", explore.Options{Units: 1, CannotVoid: true}},
		{"no void of an unseen key, the wrong adapter", explore.Options{Units: 1, CannotVoid: true, Adapter: finalDeclines}},
		{"neither", explore.Options{Units: 1, ForgetsDeclines: true, CannotVoid: true, Adapter: both}},
	} {
		t.Run(w.name, func(t *testing.T) { t.Log(broken(t, w.Options).Breach) })
	}
}

// The way to a breach is the shortest, and tells who did what.
func TestABreachTellsHowItCameAbout(t *testing.T) {
	got := broken(t, explore.Options{Units: 1, ForgetsDeclines: true}).Breach.String()
	want := `broken: payment's last word is the processor's
   1  order      place                        →PENDING !OrderPlaced
   2  inventory  OrderPlaced                  →HELD !StockReserved
   3  payment    StockReserved                →CHARGING capture
   4  processor  capture                      declined
   5  payment    gateway: declined            →DECLINED !PaymentDeclined
   6  processor  capture                      captured`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
