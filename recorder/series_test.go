package recorder_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"holdfast/order"
	"holdfast/recorder"
)

// placed is an order that is created now.
func placed(c *clock, n int64) order.Order {
	return order.Order{Ref: ref(n), Status: order.Pending, History: []order.Entry{{Status: order.Pending, At: c.now()}}}
}

// in is the order in another status, since now.
func in(c *clock, o order.Order, s order.Status) order.Order {
	o.History = append(slices.Clip(o.History), order.Entry{Status: s, At: c.now()})
	o.Status = s
	return o
}

func TestEachIntervalHasItsOwnFigures(t *testing.T) {
	r, c := start()
	var open []order.Order
	for n := range int64(100) {
		o := placed(c, n+1)
		r.Changed(o)
		open = append(open, o)
	}
	r.Changed(in(c, open[0], order.Reserved)) // no end
	for i, o := range open[:98] {
		c.at = o.CreatedAt().Add(time.Duration(i+1) * time.Millisecond)
		r.Changed(in(c, o, order.Completed))
	}
	if got := r.Hour(); len(got) > 0 {
		t.Errorf("an interval under way is told: %+v", got)
	}
	c.pass(10 * time.Second)
	for _, o := range open[98:] { // three seconds into the next
		c.at = o.CreatedAt().Add(10 * time.Second)
		r.Changed(in(c, o, order.PaymentFailed))
	}
	c.pass(20 * time.Second)
	at := time.Date(2026, 11, 23, 9, 0, 10, 0, time.UTC)
	want := []recorder.Point{
		{At: at, Accepted: 100, Ended: 98, P50: 49 * time.Millisecond, P99: 98 * time.Millisecond, Open: -1},
		{At: at.Add(10 * time.Second), Ended: 2, P50: 10 * time.Second, P99: 10 * time.Second, Open: -1},
		{At: at.Add(20 * time.Second), Open: -1},
	}
	got := r.Hour()
	for i := range got { // to two figures
		got[i].P50, got[i].P99 = got[i].P50.Round(100*time.Millisecond), got[i].P99.Round(100*time.Millisecond)
		want[i].P50, want[i].P99 = want[i].P50.Round(100*time.Millisecond), want[i].P99.Round(100*time.Millisecond)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the hour is\n%+v\nwant\n%+v", got, want)
	}
}

func TestARefundIsASecondEnd(t *testing.T) {
	r, c := start()
	o := placed(c, 1)
	r.Changed(o)
	o = in(c, o, order.Completed)
	r.Changed(o)
	o = in(c, o, order.Refunding)
	r.Changed(o)
	c.pass(time.Second)
	r.Changed(in(c, o, order.Refunded))
	c.pass(10 * time.Second)
	if p := r.Hour()[0]; p.Ended != 1 || p.P99 != 0 {
		t.Errorf("%+v, want one first end, at once", p)
	}
	if got := r.Ended(); !maps.Equal(got, map[order.Status]int{order.Completed: 1, order.Refunded: 1}) {
		t.Errorf("ended: %v", got)
	}
}

func TestAnHourIsKeptAndNoMore(t *testing.T) {
	r, c := start()
	for n := range int64(500) {
		r.Changed(placed(c, n+1))
		c.pass(recorder.Interval)
	}
	got := r.Hour()
	if len(got) != 360 || !got[359].At.Equal(c.at.Truncate(recorder.Interval)) || !got[0].At.Equal(got[359].At.Add(recorder.Interval-time.Hour)) {
		t.Fatalf("%d points, from %s to %s", len(got), got[0].At, got[len(got)-1].At)
	}
	for _, p := range got {
		if p.Accepted != 1 {
			t.Errorf("%+v, want one order", p)
		}
	}
	r.Changed(placed(c, 501))
	c.pass(100 * 365 * 24 * time.Hour) // the clock was wrong; it must not take an hour to tell a century's hours
	got = r.Hour()
	if last := got[len(got)-1].At; len(got) != 360 || !last.Equal(c.at.Truncate(recorder.Interval)) {
		t.Errorf("after long nothing: %d points up to %s", len(got), last)
	}
	for _, p := range got {
		if p.Accepted > 0 {
			t.Errorf("an order of long ago is in %+v", p)
		}
	}
}

func TestAClockThatJumpsBackLeavesNoPointsInTheFuture(t *testing.T) {
	r, c := start()
	for n := range int64(60) {
		r.Changed(placed(c, n+1))
		c.pass(recorder.Interval)
	}
	c.pass(-5 * time.Minute)
	got := r.Hour()
	if n := len(got); n != 30 || got[n-1].At.After(c.at) {
		t.Errorf("%d points, the last of %s; it is %s", n, got[n-1].At, c.at)
	}
	r.Changed(placed(c, 61))
	c.pass(recorder.Interval)
	if got = r.Hour(); len(got) != 31 || got[30].Accepted != 2 {
		t.Errorf("then: %+v, want the order of the interval that the jump broke off, and the one since", got[len(got)-1])
	}
}

func TestTheOpenOrdersAreThoseOfTheIntervalThatHasJustEnded(t *testing.T) {
	r, c := start()
	r.Counted(1) // nothing has ended yet
	c.pass(7 * time.Second)
	r.Counted(42)
	c.pass(2 * recorder.Interval)
	r.Counted(7)
	var open []int
	for _, p := range r.Hour() {
		open = append(open, p.Open)
	}
	if !slices.Equal(open, []int{42, -1, 7}) {
		t.Errorf("open: %v, want 42, uncounted, 7", open)
	}
}

func TestItIsKnownWhenSomebodyLookedLast(t *testing.T) {
	r, c := start()
	if !r.Looked().IsZero() {
		t.Error("somebody looked before anybody did")
	}
	r.Hour()
	looked := c.now()
	c.pass(time.Minute)
	if !r.Looked().Equal(looked) {
		t.Errorf("looked at %s, want %s", r.Looked(), looked)
	}
}
