package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/event"
	"holdfast/order"
	"holdfast/recorder"
)

// tallies are the order store's counts, as this test says them.
type tallies struct {
	order.Store
	tally order.Tally
	err   error
	asked int
}

func (s *tallies) Tally(ctx context.Context) (order.Tally, error) {
	s.asked++
	if err := ctx.Err(); err != nil {
		return order.Tally{}, err
	}
	return s.tally, s.err
}

// startCounting starts a server at a time that the test sets, whose orders the test
// counts.
func startCounting(t *testing.T, options ...func(*api.Config)) (s *server, counts *tallies, now *time.Time) {
	now = new(epoch)
	s = start(t, append(options, func(c *api.Config) {
		c.Now = func() time.Time { return *now }
		c.Recorder = recorder.New(c.Now)
	})...)
	counts = &tallies{Store: s.orders.Store}
	s.orders.Store = counts
	return s, counts, now
}

func TestOverview(t *testing.T) {
	s, counts, now := startCounting(t, func(c *api.Config) { c.Engine = "memory" })
	r := s.recorder
	counts.tally = order.Tally{Open: 3, ByStatus: map[order.Status]int{order.Completed: 5, order.Pending: 3}}
	o := order.Order{Ref: event.Ref{OrderID: "late", Number: 1}, Status: order.Pending, History: []order.Entry{{Status: order.Pending, At: *now}}}
	r.Changed(o)
	r.Late(o, *now)
	o.Status, o.History = order.Completed, append(o.History, order.Entry{Status: order.Completed, At: now.Add(250 * time.Millisecond)})
	done := o
	done.Number = 2
	r.Changed(done)
	*now = now.Add(recorder.Interval)
	r.Counted(3)
	*now = now.Add(recorder.Interval)
	a := s.get("/overview")
	got := read[client.Overview](t, a)
	if got.Engine != "memory" || got.Version != "test" || got.IntervalSeconds != 10 || !got.Since.Equal(epoch.Truncate(time.Millisecond)) || !got.Now.Equal(now.Truncate(time.Millisecond)) {
		t.Errorf("%s", a.body)
	}
	if got.Open == nil || *got.Open != 3 || got.ByStatus["COMPLETED"] != 5 || len(got.ByStatus) != len(order.Statuses) || got.EndedSince["COMPLETED"] != 1 {
		t.Errorf("%s", a.body)
	}
	if len(got.Points) == 0 || got.Points[0].Accepted != 1 || got.Points[0].Ended != 1 || got.Points[0].P50 == nil || *got.Points[0].P99 < 0.2 || *got.Points[0].P99 > 0.3 {
		t.Errorf("%s", a.body)
	}
	if last := got.Points[len(got.Points)-1]; last.P50 != nil || last.P99 != nil || last.Ended != 0 {
		t.Errorf("where nothing ended: %+v", last)
	}
	if got.OverdueCount != 1 || len(got.Overdue) != 1 || got.Overdue[0].OrderID != "late" || got.Overdue[0].Status != "PENDING" {
		t.Errorf("%s", a.body)
	}
}

func TestOrdersAreCountedOnceASecond(t *testing.T) {
	s, counts, now := startCounting(t)
	for range 3 {
		s.get("/overview").want(t, 200)
	}
	if counts.asked != 1 {
		t.Errorf("counted %d times in one instant", counts.asked)
	}
	*now = now.Add(time.Second)
	s.get("/overview").want(t, 200)
	*now = now.Add(-time.Minute) // a clock that jumps back does not freeze the count
	s.get("/overview").want(t, 200)
	if counts.asked != 3 {
		t.Errorf("counted %d times, want 3", counts.asked)
	}
}

func TestCountsThatCost(t *testing.T) {
	s, counts, now := startCounting(t, func(c *api.Config) { c.Recount = 10 * time.Second })
	for range 10 {
		s.get("/overview").want(t, 200)
		*now = now.Add(time.Second)
	}
	s.get("/overview").want(t, 200)
	if counts.asked != 2 {
		t.Errorf("counted %d times in ten seconds, want 2", counts.asked)
	}
}

func TestOrdersThatCannotBeCounted(t *testing.T) {
	s, counts, now := startCounting(t)
	counts.err = errors.New("the file is gone")
	for range 2 {
		a := s.get("/overview")
		if got := read[client.Overview](t, a); a.status != 200 || got.Open != nil || got.ByStatus != nil || !strings.Contains(a.body, `"open":null`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if n := strings.Count(s.log.String(), "the file is gone"); n != 1 || counts.asked != 1 {
		t.Errorf("counted %d times, logged %s", counts.asked, s.log)
	}
	// An engine may keep no count by status.
	counts.err, *now = nil, now.Add(time.Second)
	if got := read[client.Overview](t, s.get("/overview")); got.Open == nil || got.ByStatus != nil {
		t.Errorf("%+v", got)
	}
}

// Whoever asks first may leave; those who come after get the count.
func TestACountOutlivesWhoAskedForIt(t *testing.T) {
	s, counts, _ := startCounting(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	s.serve(newRequest("GET", "/overview", "").WithContext(ctx))
	if got := read[client.Overview](t, s.get("/overview")); got.Open == nil || counts.asked != 1 {
		t.Errorf("%+v, counted %d times", got, counts.asked)
	}
}
