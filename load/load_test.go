package load_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/load"
)

// shop is a server that accepts every order and ends each at once. Its counter
// stays behind the orders for so many readings after the last of them.
type shop struct {
	placed, readings atomic.Int64
	behind           int64
	most             int64 // orders after which it goes away; 0: never
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	gone := s.most > 0 && s.placed.Load() >= s.most
	switch {
	case gone:
		panic(http.ErrAbortHandler)
	case r.Method == http.MethodPost:
		s.placed.Add(1)
		w.WriteHeader(http.StatusAccepted)
	case r.URL.Path == "/metrics":
		ended := s.placed.Load()
		if ended > 0 && s.readings.Add(1) <= s.behind {
			ended--
		}
		fmt.Fprintf(w, "holdfast_orders_accepted_total %d\nholdfast_orders_ended_total{status=\"COMPLETED\"} %d\n", s.placed.Load(), ended)
	default:
		fmt.Fprint(w, `{"orders": []}`)
	}
}

func measure(t *testing.T, s *shop, o load.Options) (load.Result, error) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	o.URL, o.SKUs, o.Users = server.URL, 1, 10
	if o.Clients = 2; o.Duration == 0 {
		o.Duration = 50 * time.Millisecond
	}
	return load.Run(t.Context(), o)
}

func TestAnOrderIsNotLostBecauseTheCounterIsLate(t *testing.T) {
	r, err := measure(t, &shop{behind: 4}, load.Options{Rate: load.Saturate})
	if err != nil || r.Orders == 0 || r.Lost == nil || *r.Lost != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAnOrderThatNeverEndsIsLost(t *testing.T) {
	r, err := measure(t, &shop{behind: 1 << 40}, load.Options{Rate: 1000})
	if err != nil || r.Lost == nil || *r.Lost != 1 || r.Sound() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestWhatWasMeasuredOutlivesTheServer(t *testing.T) {
	r, err := measure(t, &shop{most: 100}, load.Options{Rate: load.Saturate, Orders: 150, NoRetry: true})
	if err == nil || !strings.Contains(err.Error(), "no longer answers") {
		t.Errorf("error: %v", err)
	}
	if r.Orders < 100 || r.Errors == 0 || r.MaxMs == 0 || r.Lost != nil || r.Breaches != nil {
		t.Errorf("%+v", r)
	}
}

func TestALoadPlacesAsManyOrdersAsItIsTo(t *testing.T) {
	for _, rate := range []float64{load.Saturate, 20_000} {
		s := &shop{}
		r, err := measure(t, s, load.Options{Rate: rate, Orders: 777, Lists: .5, Polls: .25})
		if err != nil || r.Orders != 777 || s.placed.Load() != 777 || r.Errors > 0 || r.ListP99Ms == 0 {
			t.Errorf("at %v: %d placed, %+v, %v", rate, s.placed.Load(), r, err)
		}
	}
}

func TestTheHighestRateIsHeldAndAloneReported(t *testing.T) {
	s := &shop{}
	r, err := measure(t, s, load.Options{Rate: load.Max})
	if err != nil || r.Rate < 500 || r.Orders == 0 || *r.Lost != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if all := int(s.placed.Load()); r.Placed != all || r.Orders >= all {
		t.Errorf("%d orders held, %d in all, the server has %d", r.Orders, r.Placed, all)
	}
	if most := r.AcceptedPerS * r.DurationS * 1.01; r.CompletedPerS*r.DurationS > most {
		t.Errorf("completed %f orders of at most %f: the search's are among them", r.CompletedPerS*r.DurationS, most)
	}
}

func TestAServerIsQuietWhenItsQueuesStayEmpty(t *testing.T) {
	figures := []string{
		`{"name": "order", "depth": 1, "in_flight": 0}`,
		`{"name": "order", "depth": 0, "in_flight": 2}`,
		`{"name": "order", "depth": null, "in_flight": null}`,
		empty, empty, empty, empty,
		`{"name": "order", "depth": 1, "in_flight": 0}`,
		empty, empty, empty, empty, empty,
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"queues": [{"name": "payment", "depth": 0, "in_flight": 0}, %s]}`, figures[min(asked, len(figures)-1)])
		asked++
	}))
	defer server.Close()
	if err := load.Quiet(t.Context(), server.URL); err != nil || asked != len(figures) {
		t.Errorf("quiet after %d answers, %v", asked, err)
	}
}

const empty = `{"name": "order", "depth": 0, "in_flight": 0}`

// TestTheFirstSecondIsMeasuredToo: what was completed is told from the start on,
// and nothing that was completed before.
func TestTheFirstSecondIsMeasuredToo(t *testing.T) {
	r, err := measure(t, &shop{}, load.Options{Rate: 500, Orders: 600})
	if err != nil || len(r.Samples) == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	var completed, before float64
	for _, s := range r.Samples {
		completed += s.Completed * (s.At - before)
		before = s.At
	}
	if completed == 0 || completed > float64(r.Orders)+1 {
		t.Errorf("the samples tell of %f orders, of %d: %+v", completed, r.Orders, r.Samples)
	}
}
