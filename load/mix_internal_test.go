package load

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

func TestSKUsAreDrawnWithinTheirBounds(t *testing.T) {
	for _, skus := range []int{1, 2, 1000} {
		for _, zipf := range []float64{0, 1.01, 3} {
			m := newMix(Options{SKUs: skus, Zipf: zipf}, shopURL)
			seen := make([]int, skus)
			for range 20_000 {
				seen[m.sku()]++
			}
			most := 20_000 / skus * 2
			if popular := seen[0] > most; skus == 1000 && popular != (zipf > 0) || seen[skus-1] == 0 && zipf == 0 {
				t.Errorf("%d SKUs, exponent %v: the first %d times, the last %d", skus, zipf, seen[0], seen[skus-1])
			}
		}
	}
}

func TestTheNameOfASKUIsTheSameInStockAndOrder(t *testing.T) {
	for _, i := range []int{0, 1, 9, 10, 99, 100, 999, 1000, 9999} {
		if got := string(appendSKU(nil, i)); got != sku(i) {
			t.Errorf("%s, want %s", got, sku(i))
		}
	}
}

func TestQuestionsComeInTheirShareAmongOrders(t *testing.T) {
	for _, o := range []Options{{}, {Polls: .01, Lists: .01}, {Polls: 1, Lists: 1}, {Lists: .3}} {
		m := newMix(o, shopURL)
		const orders = 10_000
		var kinds [3]int
		for n := range o.arrivals(orders) {
			kinds[m.kind(n)]++
		}
		off := func(k kind, share float64) bool { return math.Abs(float64(kinds[k])-share*orders) > 400 }
		if kinds[placing] != orders || off(polling, o.Polls) || off(listing, o.Lists) {
			t.Errorf("%+v: %v", o, kinds)
		}
	}
}

func TestTheHighestRateThatHoldsIsFound(t *testing.T) {
	for _, capacity := range []float64{3, 700, 1000, 15_300, 2e6} {
		asked := 0
		got, err := highest(func(rate float64) (bool, error) { asked++; return rate <= capacity, nil })
		want := min(capacity, mostRate)
		if err != nil || got > want || got < want/precision/1.001 || asked > 25 {
			t.Errorf("capacity %v: %v after %d steps, %v", capacity, got, asked, err)
		}
	}
	if got, err := highest(func(float64) (bool, error) { return false, nil }); err != nil || got != leastRate {
		t.Errorf("nothing holds: %v, %v", got, err)
	}
	broken := errors.New("gone")
	if _, err := highest(func(float64) (bool, error) { return false, broken }); err != broken {
		t.Errorf("error %v", err)
	}
}

func TestAScheduleKeepsItsRateAndItsNumber(t *testing.T) {
	start := time.Unix(1000, 0)
	s := openLoop(start, 100, 250)
	for n := range int64(250) {
		got, due, ok := s.take(start)
		if want := start.Add(time.Duration(n) * 10 * time.Millisecond); got != n || !due.Equal(want) || !ok {
			t.Fatalf("arrival %d: %d at %v, %t", n, got, due, ok)
		}
	}
	if _, _, ok := s.take(start); ok || !s.end.Equal(start.Add(2500*time.Millisecond)) {
		t.Errorf("it goes on past %v", s.end)
	}
	if got := openLoop(start, 100, 250).arrived(start.Add(time.Second)); got != 100 {
		t.Errorf("%d have arrived after a second", got)
	}
}
