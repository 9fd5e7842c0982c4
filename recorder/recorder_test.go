package recorder_test

import (
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/order"
	"holdfast/recorder"
)

// clock is a clock that a test moves. It tells milliseconds, as the services' does.
type clock struct{ at time.Time }

func (c *clock) now() time.Time       { return c.at.Truncate(time.Millisecond) }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

// start is a recorder that begins three seconds into an interval.
func start() (*recorder.Recorder, *clock) {
	c := &clock{time.Date(2026, 11, 23, 9, 0, 3, 0, time.UTC)}
	return recorder.New(c.now), c
}

func ref(n int64) event.Ref { return event.Ref{OrderID: fmt.Sprint("order-", n), Number: n} }

// deliveries are the events of a type of so many orders, received for the count-th time.
func deliveries(t event.Type, count int, numbers ...int64) iter.Seq[*event.Delivery] {
	return func(yield func(*event.Delivery) bool) {
		for _, n := range numbers {
			if !yield(&event.Delivery{Event: event.Event{Type: t, Ref: ref(n)}, Count: count}) {
				return
			}
		}
	}
}

// numbers are so many of them, from the first on.
func numbers(first int64, n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = first + int64(i)
	}
	return list
}

func TestAnOrdersEntriesComeBackInTheirOrderAsTheyWere(t *testing.T) {
	r, c := start()
	begun := c.at
	r.Received(event.Inventory, deliveries(event.OrderPlaced, 1, 6, 7, 8))
	r.Received(event.Payment, deliveries(event.StockReserved, 1, 7)) // within the same millisecond
	notes := []recorder.Entry{
		{Service: event.Payment, Kind: recorder.Called, Op: event.Capture, Outcome: recorder.Unknown, Detail: "the connection broke", Took: 12345 * time.Microsecond},
		{Service: event.Payment, Kind: recorder.Returned, Event: event.StockReserved, Detail: "no answer", Count: 1, Next: begun.Add(12 * time.Second)},
		{Service: event.Order, Kind: recorder.Swept, Count: 2, Next: begun.Add(2 * time.Minute)},
		{Service: event.Payment, Kind: recorder.Dead, Event: event.RefundRequested, Detail: "it cannot be", Count: 3},
		{Service: event.Payment, Kind: recorder.Called, Op: event.Refund, Outcome: "refunded", Took: time.Second},
	}
	for _, e := range notes {
		r.Note(ref(7), e)
		r.Note(ref(8), recorder.Entry{Service: event.Order, Kind: recorder.Swept})
	}
	c.pass(time.Second)
	r.Received(event.Payment, deliveries(event.StockReserved, 2, 7))
	want := append([]recorder.Entry{
		{Service: event.Inventory, Kind: recorder.Received, Event: event.OrderPlaced, Count: 1},
		{Service: event.Payment, Kind: recorder.Received, Event: event.StockReserved, Count: 1},
	}, notes...)
	want = append(want, recorder.Entry{Service: event.Payment, Kind: recorder.Received, Event: event.StockReserved, Count: 2})
	got := r.Of(ref(7))
	for i := range got {
		at := begun
		if i == len(want)-1 {
			at = c.at
		}
		if !got[i].At.Truncate(time.Millisecond).Equal(at) {
			t.Errorf("%s is of %s, want %s", got[i].Kind, got[i].At, at)
		}
		if got[i].At = (time.Time{}); !got[i].Next.Equal(want[min(i, len(want)-1)].Next) {
			t.Errorf("%s happens again at %s", got[i].Kind, got[i].Next)
		}
		got[i].Next, want[min(i, len(want)-1)].Next = time.Time{}, time.Time{}
	}
	if !slices.Equal(got, want) {
		t.Errorf("remembered\n%+v\nwant\n%+v", got, want)
	}
}

// TestMessagesOfABatchKeepTheirOrder: they were received at one time.
func TestMessagesOfABatchKeepTheirOrder(t *testing.T) {
	r, _ := start()
	r.Received(event.Inventory, func(yield func(*event.Delivery) bool) {
		deliveries(event.OrderPlaced, 1, 7)(yield)
		deliveries(event.PaymentCaptured, 1, 7)(yield)
	})
	if got := r.Of(ref(7)); len(got) != 2 || got[0].Event != event.OrderPlaced {
		t.Errorf("remembered %+v, want OrderPlaced first", got)
	}
}

// TestWhatIsWaitedForCanBeTold: how often the gateway was asked in vain, and when it
// is asked next.
func TestWhatIsWaitedForCanBeTold(t *testing.T) {
	r, c := start()
	called := func(outcome string) {
		r.Note(ref(1), recorder.Entry{Service: event.Payment, Kind: recorder.Called, Op: event.Capture, Outcome: outcome})
	}
	for _, outcome := range []string{recorder.Unknown, "captured", recorder.Unknown, recorder.Unknown, recorder.Unknown} {
		c.pass(time.Minute)
		called(outcome)
		r.Note(ref(1), recorder.Entry{Service: event.Payment, Kind: recorder.Returned, Event: event.StockReserved, Next: c.at.Add(12 * time.Second)})
	}
	asked, next := 0, time.Time{}
	for _, e := range r.Of(ref(1)) {
		switch {
		case e.Kind == recorder.Returned:
			next = e.Next
		case e.Kind == recorder.Called && e.Outcome == recorder.Unknown:
			asked++
		case e.Kind == recorder.Called:
			asked = 0
		}
	}
	if asked != 3 || next.Sub(c.at) != 12*time.Second {
		t.Errorf("asked %d times, next in %s; want 3 and 12s", asked, next.Sub(c.at))
	}
}

func TestTroubleIsRememberedBehindAnyNumberOfOrdersThatFareWell(t *testing.T) {
	r, _ := start()
	r.Received(event.Payment, deliveries(event.StockReserved, 1, 1))
	r.Note(ref(1), recorder.Entry{Service: event.Payment, Kind: recorder.Called, Op: event.Capture, Outcome: recorder.Unknown, Detail: "time-out"})
	r.Received(event.Payment, deliveries(event.StockReserved, 2, 1))
	for first := int64(2); first < 200_000; first += 1000 {
		r.Received(event.Payment, deliveries(event.StockReserved, 1, numbers(first, 1000)...))
		r.Note(ref(first), recorder.Entry{Service: event.Payment, Kind: recorder.Called, Op: event.Capture, Outcome: "captured"})
	}
	if got := r.Of(ref(1)); len(got) != 2 || got[0].Detail != "time-out" || got[1].Count != 2 {
		t.Errorf("remembered %+v, want the call and the second receive", got)
	}
	if got := r.Of(ref(2)); len(got) > 0 {
		t.Errorf("still remembered: %+v", got)
	}
}

func TestOfAnOrderTheLatestEntriesAreTold(t *testing.T) {
	r, _ := start()
	for i := range 2000 {
		r.Note(ref(1), recorder.Entry{Service: event.Order, Kind: recorder.Swept, Count: i})
		r.Received(event.Order, deliveries(event.StockSettled, 1, 1))
	}
	got := r.Of(ref(1))
	if n := len(got); n != 500 || got[n-2].Count != 1999 || got[0].Count != 1750 {
		t.Errorf("%d entries, from %+v to %+v", n, got[0], got[n-1])
	}
}

// TestWhatHasNoNumberIsNoOrders: a message that nobody can read names none.
func TestWhatHasNoNumberIsNoOrders(t *testing.T) {
	r, _ := start()
	r.Note(event.Ref{}, recorder.Entry{Service: event.Order, Kind: recorder.Dead, Detail: "poison"})
	r.Note(ref(1), recorder.Entry{Service: event.Order, Kind: recorder.Dead, Event: "Nonsense", Detail: "no such type"})
	if got := r.Of(event.Ref{}); len(got) > 0 {
		t.Errorf("of no order: %+v", got)
	}
	if got := r.Of(ref(1)); len(got) != 1 || got[0].Event != "" || got[0].Detail != "no such type" {
		t.Errorf("of one with a type that nobody knows: %+v", got)
	}
}

func TestTextsAreBoundedInLengthAndNumber(t *testing.T) {
	r, _ := start()
	note := func(n int64, text string) {
		r.Note(ref(n), recorder.Entry{Service: event.Order, Kind: recorder.Dead, Detail: text})
	}
	detail := func(n int64) string { return r.Of(ref(n))[0].Detail }
	note(1, strings.Repeat("ü", 500))
	if got := detail(1); got != strings.Repeat("ü", 100)+"…" {
		t.Errorf("a long text became %q", got)
	}
	note(2, "x"+strings.Repeat("ü", 500))
	if got := detail(2); got != "x"+strings.Repeat("ü", 99)+"…" {
		t.Errorf("a character was cut in two: %q", got)
	}
	for n := range int64(2000) {
		note(3, "the same as ever")
		note(n+4, fmt.Sprint("failure ", n))
	}
	if old, latest := detail(4), detail(2003); old != "" || latest != "failure 1999" {
		t.Errorf("the oldest text is %q, want none; the latest %q", old, latest)
	}
	note(5000, "rare")
	for range 2000 {
		note(3, "the same as ever")
	}
	if entries := r.Of(ref(3)); entries[len(entries)-1].Detail != "the same as ever" || detail(5000) != "rare" {
		t.Error("a text that comes again and again is lost, or drives out another")
	}
}

func TestAClockThatJumpsBackKeepsTheEntriesTimesTrue(t *testing.T) {
	r, c := start()
	r.Received(event.Order, deliveries(event.StockSettled, 1, 1))
	c.pass(-time.Hour)
	r.Received(event.Order, deliveries(event.StockSettled, 1, 2))
	if got := r.Of(ref(2)); len(got) != 1 || !got[0].At.Equal(c.at) {
		t.Errorf("after a jump of an hour: %+v, want %s", got, c.at)
	}
}

func TestNobodyMayRemember(t *testing.T) {
	var r *recorder.Recorder
	r.Received(event.Order, deliveries(event.StockSettled, 1, 1))
	r.Note(ref(1), recorder.Entry{Service: event.Order, Kind: recorder.Dead})
	r.Changed(order.Order{})
	r.Late(order.Order{}, time.Time{})
	r.Counted(1)
}

// TestItsMemoryIsBounded fills all there is to fill.
func TestItsMemoryIsBounded(t *testing.T) {
	before := heap()
	r, c := start()
	for first := int64(1); first < 100_000; first += 1000 {
		c.pass(recorder.Interval)
		for _, s := range event.Services {
			r.Received(s, deliveries(event.StockReserved, 1, numbers(first, 1000)...))
			r.Received(s, deliveries(event.StockReserved, 2, numbers(first, 1000)...))
		}
		for n := range int64(100) {
			text := fmt.Sprint(first+n, strings.Repeat("x", 10_000))
			r.Note(ref(first+n), recorder.Entry{Service: event.Order, Kind: recorder.Dead, Detail: text})
			r.Note(ref(first+n), recorder.Entry{Service: event.Order, Kind: recorder.Dead, Detail: text[:200]})
			o := placed(c, first+n)
			o.OrderID += strings.Repeat("x", 64-len(o.OrderID)) // which is the longest
			o.Due = c.now().Add(24 * time.Hour)
			r.Changed(o)
			r.Late(o, c.now())
		}
	}
	bytes := heap() - before
	t.Logf("%d bytes", bytes)
	if bytes > 8<<20 || bytes < 6*32*1024*32 {
		t.Errorf("it takes %d bytes, want six full rings and 8 MB at most", bytes)
	}
	if _, n := r.Overdue(1); n != 4096 {
		t.Errorf("%d orders are overdue, want as many as are remembered", n)
	}
}

// heap is how many bytes are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestManyMayTellAndAskAtOnce is for the race detector, and loses nothing. Each
// goroutine does one thing alone, since a lock that it takes for another would keep it
// in step with the rest.
func TestManyMayTellAndAskAtOnce(t *testing.T) {
	r := recorder.New(time.Now)
	o := order.Order{Ref: ref(1), Status: order.Completed, History: []order.Entry{{Status: order.Pending, At: time.Now()}}}
	var everybody sync.WaitGroup
	begin := make(chan struct{})
	for range 2 {
		for _, do := range []func(i int){
			func(int) { r.Received(event.Payment, deliveries(event.StockReserved, 1, 1)) },
			func(i int) {
				r.Note(o.Ref, recorder.Entry{Service: event.Payment, Kind: recorder.Dead, Detail: fmt.Sprint("failure ", i)})
			},
			func(int) { r.Changed(o) },
			func(int) { r.Late(o, time.Now()) },
			func(i int) { r.Counted(i) },
			func(int) { r.Of(o.Ref) },
			func(int) { r.Hour() },
			func(int) { r.Looked() },
			func(int) { r.Ended() },
			func(int) { r.Overdue(10) },
		} {
			everybody.Go(func() {
				<-begin
				for i := range 200 {
					do(i)
					runtime.Gosched()
				}
			})
		}
	}
	close(begin)
	everybody.Wait()
	var at []time.Time
	for _, e := range r.Of(o.Ref) {
		at = append(at, e.At)
	}
	if kept := len(slices.Compact(at)); kept != 500 || r.Ended()[order.Completed] != 400 {
		t.Errorf("%d entries with times of their own and %d ends, want 500, which are the latest, and 400", kept, r.Ended()[order.Completed])
	}
}
