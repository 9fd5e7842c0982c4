package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/worker"
)

// bench is one worker over a memory queue; a test scripts the service, the
// gateway and the faults. It runs in a synctest bubble, so time is virtual.
type bench struct {
	*worker.Worker
	queue   *memory.Queue
	letters event.DeadLetters

	mu      sync.Mutex
	handled []string
	sent    []event.Event
	running sync.WaitGroup
	cancel  context.CancelFunc
}

func newBench(t *testing.T, handle func(event.Event) (event.Result, error)) *bench {
	b := &bench{queue: memory.NewQueue(10_000), letters: memory.New().DeadLetters[event.Payment]}
	b.Worker = &worker.Worker{
		Service: event.Payment, Queue: b.queue, DeadLetters: b.letters,
		Handle: func(_ context.Context, _ time.Time, batch []event.Event) ([]event.Result, error) {
			results := make([]event.Result, len(batch))
			for i, e := range batch {
				var err error
				if results[i], err = handle(e); err != nil {
					return nil, err
				}
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, e := range batch {
				b.handled = append(b.handled, e.OrderID)
			}
			return results, nil
		},
		Send: func(_ context.Context, events []event.Event) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.sent = append(b.sent, events...)
			return nil
		},
		Now: time.Now, Rand: func() float64 { return 1 }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Limits: worker.DefaultLimits,
	}
	return b
}

func (b *bench) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b.cancel = cancel
	b.running.Go(func() { b.Run(ctx) })
}

func (b *bench) stop() { b.cancel(); b.running.Wait() }

func (b *bench) send(t *testing.T, ids ...string) {
	t.Helper()
	var events []event.Event
	for _, id := range ids {
		events = append(events, event.New(event.StockReserved, event.Ref{OrderID: id}, time.Now()))
	}
	if err := b.queue.Send(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) depth(t *testing.T) event.Depth {
	t.Helper()
	d, err := b.queue.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// dead is the ids of the dead-lettered orders, and their reasons.
func (b *bench) dead(t *testing.T) map[string]string {
	t.Helper()
	letters, err := b.letters.List(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	dead := make(map[string]string)
	for _, l := range letters {
		dead[l.Event.OrderID] = l.Reason
	}
	return dead
}

func ten() (ids []string) {
	for i := range 10 {
		ids = append(ids, fmt.Sprintf("o%d", i))
	}
	return ids
}

// TestWhatNoServiceHereCanReadIsBuried: what is no event, or a newer build's, or
// in the wrong queue never reaches the service, and is kept word for word.
func TestWhatNoServiceHereCanReadIsBuried(t *testing.T) {
	newer := `{"specversion":"1.0","id":"o7:StockReserved","type":"holdfast.StockReserved","eventversion":99,"subject":"o7","time":"2026-11-23T12:00:00Z","data":{"x":1}}`
	misplaced := event.New(event.StockSettled, event.Ref{OrderID: "o8", Number: 8}, time.Now())
	asked := event.New(event.GatewayCaptured, event.Ref{OrderID: "o9", Number: 9}, time.Now())
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(event.Event) (event.Result, error) { return event.Result{}, nil })
		if err := b.queue.Send(t.Context(), []event.Event{event.Decode([]byte("poison")), event.Decode([]byte(newer)), misplaced, asked}); err != nil {
			t.Fatal(err)
		}
		b.send(t, "good")
		b.start(t)
		synctest.Wait()
		b.stop()
		if !slices.Equal(b.handled, []string{"good"}) || b.depth(t) != (event.Depth{}) {
			t.Errorf("handled %v, %+v left in the queue", b.handled, b.depth(t))
		}
		for id, want := range map[string]string{"": "not an event envelope", "o7": "version 99", "o8": "carries no events", "o9": "gateway: captured"} {
			if reason := b.dead(t)[id]; !strings.Contains(reason, want) {
				t.Errorf("the reason of %q is %q, want %q", id, reason, want)
			}
		}
		letter, err := b.letters.Get(t.Context(), "o7:StockReserved")
		if text, _ := letter.Event.Encode(); err != nil || string(text) != newer {
			t.Errorf("kept %s, %v", text, err)
		}
	})
}

func TestOnePoisonMessageDoesNotHoldUpItsBatch(t *testing.T) {
	for name, poison := range map[string]func() (event.Result, error){
		"the service says that it is dead": func() (event.Result, error) {
			return event.Result{Dead: event.Errorf(event.Unreachable, "poison")}, nil
		},
		"the service fails on it": func() (event.Result, error) { return event.Result{}, errors.New("poison") },
		"the service panics":      func() (event.Result, error) { panic("poison") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, func(e event.Event) (event.Result, error) {
					if e.OrderID == "o3" {
						return poison()
					}
					return event.Result{}, nil
				})
				b.send(t, ten()...)
				b.start(t)
				synctest.Wait()
				for _, id := range ten() {
					if id != "o3" && !slices.Contains(b.handled, id) {
						t.Errorf("%s was held up", id)
					}
				}
				time.Sleep(time.Hour) // virtual: every retry is over
				if dead := b.dead(t); len(dead) != 1 || !strings.Contains(dead["o3"], "poison") {
					t.Errorf("dead letters: %v, want o3 with its reason", dead)
				}
				b.stop()
				if d := b.depth(t); d.Ready+d.Delayed+d.InFlight > 0 {
					t.Errorf("the queue still holds %+v", d)
				}
			})
		})
	}
}

func TestAMessageThatNoQueueCarriesIsDeadLettered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(event.Event) (event.Result, error) { return event.Result{}, nil })
		for i, kind := range []event.Type{event.GatewayCaptured, event.OrderPlaced, "cancel", ""} {
			e := event.New(kind, event.Ref{OrderID: fmt.Sprintf("o%d", i)}, time.Now())
			if err := b.queue.Send(t.Context(), []event.Event{e}); err != nil {
				t.Fatal(err)
			}
		}
		b.start(t)
		synctest.Wait()
		b.stop()
		if len(b.handled) > 0 || len(b.dead(t)) != 4 {
			t.Errorf("handled %v, dead %v; want none and four", b.handled, b.dead(t))
		}
	})
}

func TestAnOutageOfTheStoreKillsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(time.Hour)
		b := newBench(t, func(event.Event) (event.Result, error) {
			if time.Now().Before(back) {
				return event.Result{}, event.Errorf(event.Unavailable, "the store is down")
			}
			return event.Result{}, nil
		})
		b.send(t, ten()...)
		b.start(t)
		time.Sleep(2 * time.Hour)
		b.stop()
		if dead := b.dead(t); len(dead) > 0 || len(b.handled) != 10 {
			t.Errorf("handled %v, dead %v; want ten handled and none dead", b.handled, dead)
		}
	})
}

// TestAnOutageIsTriedWithOneMessageAtATime: a queue with a dead-letter queue of
// its own counts each receive.
func TestAnOutageIsTriedWithOneMessageAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(time.Hour)
		tries, most, retried := 0, 0, 0
		b := newBench(t, nil)
		b.Handle = func(_ context.Context, _ time.Time, batch []event.Event) ([]event.Result, error) {
			if time.Now().Before(back) {
				if tries++; tries > 1 {
					most = max(most, len(batch))
				}
				return nil, event.Errorf(event.Unavailable, "the store is down")
			}
			b.handled = append(b.handled, make([]string, len(batch))...)
			return make([]event.Result, len(batch)), nil
		}
		b.Returned = func(*event.Delivery, time.Duration, error) { retried++ }
		b.send(t, ten()...)
		b.start(t)
		time.Sleep(2 * time.Hour)
		b.stop()
		if most != 1 || len(b.handled) != 10 || retried != 10+tries-1 {
			t.Errorf("after the first try up to %d messages at a time, %d handled, %d given back in %d tries; want 1, 10, %d", most, len(b.handled), retried, tries, 10+tries-1)
		}
	})
}

func TestAnEventThatCannotBeSentIsItsOwnMessagesFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(e event.Event) (event.Result, error) {
			return event.Result{Send: event.New(event.PaymentCaptured, e.Ref, time.Now())}, nil
		})
		send := b.Send
		b.Send = func(ctx context.Context, events []event.Event) error {
			if slices.ContainsFunc(events, func(e event.Event) bool { return e.OrderID == "o3" }) {
				return event.Errorf(event.Invalid, "the message is too large")
			}
			return send(ctx, events)
		}
		b.send(t, ten()...)
		b.start(t)
		time.Sleep(time.Hour)
		b.stop()
		if dead := b.dead(t); len(dead) != 1 || !strings.Contains(dead["o3"], "too large") || len(b.sent) != 9 {
			t.Errorf("dead %v, %d sent; want o3 with its reason, and nine", dead, len(b.sent))
		}
	})
}

func TestAMessageIsHandledAgainWhenItsEventCouldNotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		b := newBench(t, func(e event.Event) (event.Result, error) {
			return event.Result{Send: event.New(event.PaymentCaptured, e.Ref, time.Now())}, nil
		})
		send := b.Send
		b.Send = func(ctx context.Context, events []event.Event) error {
			if down {
				down = false
				return event.Errorf(event.Unavailable, "the queue is down")
			}
			return send(ctx, events)
		}
		b.send(t, "o1")
		b.start(t)
		time.Sleep(time.Minute)
		b.stop()
		if len(b.handled) != 2 || len(b.sent) != 1 {
			t.Errorf("handled %d times, sent %d events; want 2 and 1", len(b.handled), len(b.sent))
		}
	})
}

// frozen is a queue whose leases cannot be extended.
type frozen struct{ event.Queue }

func (frozen) Extend(context.Context, time.Duration, ...string) error {
	return event.Errorf(event.Unavailable, "the network is down")
}

func TestABatchThatTakesLongKeepsItsLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.Handle = func(_ context.Context, _ time.Time, batch []event.Event) ([]event.Result, error) {
			time.Sleep(10 * b.Limits.Lease) // the store is tried again and again
			return make([]event.Result, len(batch)), nil
		}
		b.send(t, ten()...)
		b.start(t)
		for range 100 {
			time.Sleep(b.Limits.Lease / 10)
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			if taken, err := b.queue.Receive(ctx, 10, time.Hour); err != nil || len(taken) > 0 {
				t.Fatalf("another worker has %d of the messages (%v)", len(taken), err)
			}
			cancel()
		}
		time.Sleep(b.Limits.Lease)
		b.stop()
		if d := b.depth(t); d != (event.Depth{}) {
			t.Errorf("the queue still holds %+v", d)
		}
	})
}

func TestALapsedLeaseMakesADuplicateAndTheLateAckChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.Queue = frozen{b.queue}
		slow := true
		b.Handle = func(_ context.Context, _ time.Time, batch []event.Event) ([]event.Result, error) {
			if slow {
				slow = false
				time.Sleep(5 * time.Minute) // the store hangs for longer than the lease
			}
			return make([]event.Result, len(batch)), nil
		}
		b.send(t, "o1")
		b.start(t)
		time.Sleep(time.Minute)
		second, err := b.queue.Receive(t.Context(), 1, time.Hour)
		if err != nil || len(second) != 1 || second[0].Count != 2 {
			t.Fatalf("second receive: %v, %v; want the event for the second time", second, err)
		}
		time.Sleep(10 * time.Minute) // the first worker's ack has come by now
		b.stop()
		if d := b.depth(t); d.InFlight != 1 {
			t.Errorf("the late ack took another's delivery: %+v", d)
		}
	})
}
