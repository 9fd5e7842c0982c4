package recorder_test

import (
	"testing"
	"time"

	"holdfast/order"
	"holdfast/recorder"
)

// late has the recorder hear that the sweeper asked about an order whose hold ended
// so long ago, for the third time, and asks again in eight minutes.
func late(r *recorder.Recorder, c *clock, n int64, ago time.Duration) {
	o := placed(c, n)
	o.Attempts, o.Due = 3, c.now().Add(8*time.Minute)
	r.Late(o, c.now().Add(-ago))
}

func TestOverdueOrdersAreToldTheLongestFirstUntilTheyChange(t *testing.T) {
	r, c := start()
	late(r, c, 1, time.Hour)
	late(r, c, 2, 3*time.Hour)
	late(r, c, 3, 2*time.Hour)
	late(r, c, 2, 3*time.Hour) // asked about again
	late(r, c, 4, 4*time.Hour)
	r.Changed(in(c, placed(c, 4), order.Completed))
	got, n := r.Overdue(2)
	want := recorder.Overdue{OrderID: "order-2", Status: order.Pending, Since: c.now().Add(-3 * time.Hour), Sweeps: 3, SweptAt: c.now()}
	if n != 3 || len(got) != 2 || got[0] != want || got[1].OrderID != "order-3" {
		t.Errorf("%d overdue: %+v; want three, order-2 and order-3 first", n, got)
	}
	r.Changed(in(c, placed(c, 2), order.Cancelling))
	r.Changed(in(c, placed(c, 3), order.Completed))
	if got, n = r.Overdue(2); n != 1 || got[0].OrderID != "order-1" {
		t.Errorf("after two have changed: %d, %+v", n, got)
	}
}

// TestAnOrderThatNobodyHereAsksAboutAnyMoreIsNotOverdue: another process has ended
// it, or asks in this one's stead.
func TestAnOrderThatNobodyHereAsksAboutAnyMoreIsNotOverdue(t *testing.T) {
	r, c := start()
	late(r, c, 1, time.Hour)
	c.pass(17 * time.Minute)
	if _, n := r.Overdue(10); n != 1 {
		t.Error("forgotten while the sweeper is late")
	}
	c.pass(time.Second)
	if _, n := r.Overdue(10); n != 0 {
		t.Error("still overdue after twice the time, and a minute")
	}
}

func TestOverdueOrdersAreBounded(t *testing.T) {
	r, c := start()
	for n := range int64(10_000) {
		late(r, c, n+1, time.Hour)
	}
	c.pass(time.Minute)
	late(r, c, 1, 2*time.Hour) // asked about again
	if got, n := r.Overdue(100); n != 4096 || len(got) != 100 || !got[0].SweptAt.Equal(c.now()) {
		t.Errorf("%d are remembered, %d told, the first %+v; want 4096 and 100", n, len(got), got[0])
	}
	c.pass(time.Hour)
	late(r, c, 20_000, time.Hour)
	if got, n := r.Overdue(100); n != 1 || got[0].OrderID != "order-20000" {
		t.Errorf("%d, %+v; those of an hour ago keep a new one out", n, got)
	}
}
