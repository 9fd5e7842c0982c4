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
		fmt.Fprintf(w, "holdfast_orders_ended_total{status=\"COMPLETED\"} %d\n", ended)
	default:
		fmt.Fprint(w, `{"orders": []}`)
	}
}

func measure(t *testing.T, s *shop, duration time.Duration) (load.Result, error) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	return load.Run(t.Context(), load.Options{URL: server.URL, Clients: 2, Duration: duration, SKUs: 1})
}

func TestAnOrderIsNotLostBecauseTheCounterIsLate(t *testing.T) {
	r, err := measure(t, &shop{behind: 4}, 50*time.Millisecond)
	if err != nil || r.Orders == 0 || r.Lost == nil || *r.Lost != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAnOrderThatNeverEndsIsLost(t *testing.T) {
	r, err := measure(t, &shop{behind: 1 << 40}, 50*time.Millisecond)
	if err != nil || r.Lost == nil || *r.Lost != 1 || r.Sound() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestWhatWasMeasuredOutlivesTheServer(t *testing.T) {
	r, err := measure(t, &shop{most: 100}, time.Second)
	if err == nil || !strings.Contains(err.Error(), "no longer answers") {
		t.Errorf("error: %v", err)
	}
	if r.Orders < 100 || r.Errors == 0 || r.MaxMs == 0 || r.Lost != nil || r.Breaches != nil {
		t.Errorf("%+v", r)
	}
}
