package aws

import (
	"strings"
	"testing"
	"time"

	"holdfast/emulator"
	"holdfast/order"
)

// clock is a time that a test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func TestNumbersRiseWhateverTheClockDoes(t *testing.T) {
	now := &clock{time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	s := newNumbering(&core{now: now.Now}, "orders")
	s.node = 5
	var last int64
	draw := func(n int) {
		t.Helper()
		for _, number := range s.draw(n) {
			if number <= last {
				t.Fatalf("Number %d after %d", number, last)
			}
			if node := number >> sequenceBits & (1<<nodeBits - 1); node != 5 {
				t.Fatalf("Number %d is of node %d", number, node)
			}
			last = number
		}
	}
	draw(3)
	if at := numberedAt(last); !at.Equal(now.now) {
		t.Errorf("an order placed at %v is numbered at %v", now.now, at)
	}
	draw(10_000) // more than a millisecond's sequence
	if ahead := numberedAt(last).Sub(now.now); ahead != 2*time.Millisecond {
		t.Errorf("ten thousand Numbers run ahead of the clock by %v", ahead)
	}
	now.now = now.now.Add(-time.Hour)
	draw(2)
	now.now = now.now.Add(2 * time.Hour)
	draw(1)
	if at := numberedAt(last); !at.Equal(now.now) {
		t.Errorf("after the clock has come forward, an order placed at %v is numbered at %v", now.now, at)
	}
	now.now = time.Unix(0, 0)
	draw(1)
}

func TestNumbersBeforeTheirEpochArePositive(t *testing.T) {
	s := newNumbering(&core{now: func() time.Time { return time.Unix(0, 0) }}, "orders")
	s.node = 7
	if numbers := s.draw(2); numbers[0] < 7<<sequenceBits || numbers[1] <= numbers[0] {
		t.Errorf("Numbers %v of node 7", numbers)
	}
}

func TestADayHoldsItsNumbers(t *testing.T) {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{day, day.Add(7 * time.Hour), day.Add(24*time.Hour - time.Millisecond)} {
		s := newNumbering(&core{now: func() time.Time { return at }}, "orders")
		s.node = 1<<nodeBits - 1
		number := s.draw(1)[0]
		x := must(spanOf(dayOf(number)))(t)
		if dayOf(number) != "2026-11-23" || number < x.low || number > x.high {
			t.Errorf("the Number of an order placed at %v is of %s, which holds it: %t", at, dayOf(number), x.low <= number && number <= x.high)
		}
	}
	if _, err := startOf("yesterday"); err == nil || !strings.Contains(err.Error(), "yesterday") {
		t.Errorf("a day that is none: %v", err)
	}
}

func TestEachProcessThatPlacesOrdersHasANodeOfItsOwn(t *testing.T) {
	t.Parallel()
	m := emulator.ForTest(t)
	prefix := m.Fresh(t)
	nodes := make(map[int64]bool)
	for i := range 4 {
		c, _ := process(t, m, prefix)
		s := ordersOf(c)
		if i == 0 { // one that only reads
			must(s.List(t.Context(), order.Query{Limit: 1}))(t)
			must(s.Scan(t.Context(), 0, 1))(t)
			continue
		}
		createOrders(t, s, placed(string(rune('a'+i))))
		createOrders(t, s, placed(string(rune('A'+i))))
		nodes[s.numbering.node] = true
	}
	if len(nodes) != 3 || !nodes[1] || !nodes[2] || !nodes[3] {
		t.Errorf("three processes that place orders, and one that reads, took the nodes %v", nodes)
	}
}

func TestADayIsNamedOnceAProcess(t *testing.T) {
	c, w := alone(t)
	now := &clock{time.Date(2026, 11, 23, 23, 59, 59, 0, time.UTC)}
	c.now = now.Now
	s := ordersOf(c)
	for i, want := range []int{2, 0, 1, 0} { // the node and the day, nothing, the next day, nothing
		createOrders(t, s, placed(string(rune('a'+2*i))), placed(string(rune('b'+2*i))))
		if got := w.count("UpdateItem"); got != want {
			t.Errorf("batch %d took %d updates, want %d", i, got, want)
		}
		if i == 1 {
			now.now = now.now.Add(time.Minute)
		}
	}
	if days := must(s.numbering.dated(t.Context()))(t); len(days) != 2 || days[0] != "2026-11-23" || days[1] != "2026-11-24" {
		t.Errorf("days with orders: %v", days)
	}
}
