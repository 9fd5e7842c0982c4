package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var shopURL = &url.URL{Scheme: "http", Host: "shop.example"}

// post is a request as the stub saw it.
type post struct{ key, body string }

// stub is a server in memory that answers one request after the other, as a server
// that stalls would. answer is given the number of the request.
type stub struct {
	answer func(n int) string
	turn   chan struct{} // taken by the request under way; a mutex would stop synctest's clock
	all    sync.WaitGroup
	posts  []post
}

func (s *stub) dial(context.Context) (net.Conn, error) {
	theirs, ours := net.Pipe()
	s.all.Go(func() { s.serve(ours) })
	return theirs, nil
}

func (s *stub) serve(c net.Conn) {
	defer c.Close()
	for in := bufio.NewReader(c); ; {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		answer := s.next(post{request.Header.Get("Idempotency-Key"), string(body)})
		if _, err := io.WriteString(c, answer); err != nil || answer == "" || strings.Contains(answer, "Connection: close") {
			return
		}
	}
}

func (s *stub) next(p post) string {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.posts = append(s.posts, p)
	return s.answer(len(s.posts))
}

const (
	yes   = "HTTP/1.1 202 Accepted\r\nLocation: /orders/x\r\nContent-Length: 0\r\n\r\n"
	busy3 = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"
)

// playing plays a schedule of orders against the stub in fake time.
func playing(t *testing.T, s *stub, o Options, seconds float64, check func(r Result, took time.Duration)) {
	t.Helper()
	o.LookEvery, o.SKUs, o.Users = -1, 1, 1
	synctest.Test(t, func(t *testing.T) {
		s.turn = make(chan struct{}, 1)
		r := newRun(o, shopURL)
		r.dialer.dial = s.dial
		defer s.all.Wait()
		defer r.close()
		r.connect(t.Context())
		schedule := openLoop(time.Now(), o.Rate, r.arrivals(int64(o.Rate*seconds)))
		took := r.play(t.Context(), schedule)
		check(r.summarise(schedule, took), took)
	})
}

// TestAStallCountsForEverybodyWhoCameInIt: one answer of 1,000 takes a second. In a
// closed loop one latency in a thousand would show it; here all who came due in
// that second waited, so that half of the orders of two seconds are late.
func TestAStallCountsForEverybodyWhoCameInIt(t *testing.T) {
	s := &stub{answer: func(n int) string {
		if n == 500 {
			time.Sleep(time.Second)
		}
		return yes
	}}
	playing(t, s, Options{Rate: 500, Clients: 4}, 2, func(r Result, _ time.Duration) {
		near := func(got, want float64) bool { return got > want*.98 && got < want*1.02 }
		if r.Orders != 1000 || !near(r.MaxMs, 1000) || !near(r.P99Ms, 980) || !near(r.P90Ms, 800) || r.P50Ms > 10 {
			t.Errorf("%+v", r)
		}
		if len(r.Samples) != 2 || r.Samples[0].P99Ms > 10 || r.Samples[1].P99Ms < 900 || !near(r.Samples[1].Offered, 500) {
			t.Errorf("samples %+v", r.Samples)
		}
	})
}

// TestOrdersThatNoConnectionWasFreeForCount: a server that answers nothing for ten
// seconds, one connection, and ten orders due in the first.
func TestOrdersThatNoConnectionWasFreeForCount(t *testing.T) {
	s := &stub{answer: func(int) string { time.Sleep(10 * time.Second); return yes }}
	playing(t, s, Options{Rate: 10, Clients: 1}, 1, func(r Result, took time.Duration) {
		if r.Orders != 1 || r.Unsent != 9 || r.Errors != 0 || r.P50Ms < 9100 || r.P50Ms > 9900 || r.MaxMs < 9999 || took != 10*time.Second {
			t.Errorf("%v, %+v", took, r)
		}
	})
}

func TestAnAnswerThatNeverComesIsAnError(t *testing.T) {
	s := &stub{answer: func(int) string { time.Sleep(time.Hour); return yes }}
	playing(t, s, Options{Rate: 1, Clients: 2, Keys: true}, 1, func(r Result, took time.Duration) {
		if r.Errors != 1 || took > time.Minute {
			t.Errorf("%v, %+v", took, r)
		}
	})
}

func TestWhatIsRefusedIsSentAgainAsItWas(t *testing.T) {
	for _, keys := range []bool{true, false} {
		s := &stub{answer: func(n int) string {
			if n < 3 {
				return busy3
			}
			return yes
		}}
		playing(t, s, Options{Rate: 1, Clients: 1, Keys: keys}, 1, func(r Result, took time.Duration) {
			if r.Orders != 1 || r.Errors != 0 || r.Refused != 2 || r.Retries != 2 || r.RefusedP99Ms > 10 {
				t.Errorf("%+v", r)
			}
			if took < 6*time.Second || took > 9*time.Second || r.MaxMs < 6000 {
				t.Errorf("took %v, latency %v ms: not as Retry-After says", took, r.MaxMs)
			}
		})
		if len(s.posts) != 3 || s.posts[0] != s.posts[1] || s.posts[0] != s.posts[2] || keys != (s.posts[0].key != "") {
			t.Errorf("sent %q", s.posts)
		}
	}
}

func TestWhatIsRefusedForGoodIsAnErrorUnlessItIsDropped(t *testing.T) {
	s := &stub{answer: func(int) string { return busy3 }}
	playing(t, s, Options{Rate: 1, Clients: 1, Keys: true}, 1, func(r Result, _ time.Duration) {
		if r.Errors != 1 || r.Refused != tries || len(s.posts) != tries {
			t.Errorf("%+v after %d tries", r, len(s.posts))
		}
	})
	s = &stub{answer: s.answer}
	playing(t, s, Options{Rate: 5, Clients: 1, Keys: true, NoRetry: true}, 1, func(r Result, _ time.Duration) {
		if r.Errors != 0 || r.Retries != 0 || r.Refused != 5 || len(s.posts) != 5 {
			t.Errorf("%+v after %d tries", r, len(s.posts))
		}
	})
}

// TestABrokenConnectionIsTriedAgainWhereThatIsSafe: without a key a second order
// might come of it.
func TestABrokenConnectionIsTriedAgainWhereThatIsSafe(t *testing.T) {
	for _, keys := range []bool{true, false} {
		s := &stub{answer: func(n int) string {
			if n == 1 {
				return "" // and closes
			}
			return yes
		}}
		playing(t, s, Options{Rate: 1, Clients: 1, Keys: keys}, 1, func(r Result, _ time.Duration) {
			if again := len(s.posts) == 2 && s.posts[0] == s.posts[1] && r.Orders == 1 && r.Errors == 0; again != keys {
				t.Errorf("keys %t: %+v after %q", keys, r, s.posts)
			}
			if !keys && (r.Errors != 1 || len(s.posts) != 1) {
				t.Errorf("without keys: %+v after %q", r, s.posts)
			}
		})
	}
}

func TestAConnectionThatTheServerClosesIsMadeAnew(t *testing.T) {
	s := &stub{answer: func(int) string { return "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" }}
	playing(t, s, Options{Rate: 10, Clients: 1}, 1, func(r Result, _ time.Duration) {
		if r.Orders != 10 || r.Errors != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestALoadThatIsCutShortEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stub{turn: make(chan struct{}, 1), answer: func(int) string { return yes }}
		r := newRun(Options{Clients: 4, SKUs: 1, Users: 1, LookEvery: -1}, shopURL)
		r.dialer.dial = s.dial
		defer r.close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(time.Second, cancel)
		if took := r.play(ctx, openLoop(time.Now(), .1, 100)); took > time.Second+nap {
			t.Errorf("took %v", took)
		}
	})
}

func TestAServersFiguresAreReadFromItsMetrics(t *testing.T) {
	text := `# HELP holdfast_orders_accepted_total x
holdfast_orders_accepted_total 120
holdfast_orders_ended_total{status="COMPLETED"} 80
holdfast_orders_ended_total{status="CANCELLED"} 20
holdfast_queue_ready{queue="payment"} 3
holdfast_queue_in_flight{queue="payment"} 4
process_cpu_seconds_total 1.5
go_goroutines 12
holdfast_order_seconds_bucket{le="0.005"} %d
holdfast_order_seconds_bucket{le="0.01"} %d
holdfast_order_seconds_bucket{le="+Inf"} %d
holdfast_order_seconds_sum 1e-3
`
	read := func(counts ...any) figures {
		f := figures{queued: make(map[string]int)}
		if err := f.read(stringReader(fmt.Sprintf(text, counts...))); err != nil {
			t.Fatal(err)
		}
		return f
	}
	before, after := read(5, 5, 5), read(55, 105, 105)
	if after.accepted != 120 || after.ended != 100 || after.completed != 80 || after.queued["payment"] != 7 || after.cpu != 1.5 {
		t.Errorf("%+v", after)
	}
	for quantile, want := range map[float64]float64{.5: 5, .25: 2.5, .75: 7.5, 1: 10} {
		if got := endToEnd(before, after, quantile); got != want {
			t.Errorf("quantile %v: %v ms, want %v", quantile, got, want)
		}
	}
	if got := endToEnd(before, before, .99); got != 0 {
		t.Errorf("nothing ended, in %v ms", got)
	}
	if got := endToEnd(before, read(5, 5, 9), .99); got != 10 {
		t.Errorf("past the last bound: %v ms", got)
	}
}

func TestARateIsNotHeldWhenItFailsTwice(t *testing.T) {
	for _, c := range []struct {
		answers []bool
		want    bool
	}{{[]bool{true}, true}, {[]bool{false, true}, true}, {[]bool{false, false}, false}} {
		tries := 0
		ok, err := twice(func(float64) (bool, error) { tries++; return c.answers[tries-1], nil })(1)
		if ok != c.want || err != nil || tries != len(c.answers) {
			t.Errorf("%v: %t after %d tries, %v", c.answers, ok, tries, err)
		}
	}
}
