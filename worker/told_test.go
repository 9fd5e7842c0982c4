package worker_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
)

// told has a worker tell of what it receives and gives back, in words.
func told(b *bench) (lines *[]string) {
	lines = new([]string)
	b.Received = func(_ time.Time, batch iter.Seq[*event.Delivery]) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for d := range batch {
			*lines = append(*lines, fmt.Sprintf("%s received %d", d.Event.OrderID, d.Count))
		}
	}
	b.Returned = func(d *event.Delivery, after time.Duration, why error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		*lines = append(*lines, fmt.Sprintf("%s back in %s: %v", d.Event.OrderID, after, why))
	}
	return lines
}

func TestItIsToldWhatIsReceivedAndWhatIsGivenBackAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := false
		b := newBench(t, func(event.Event) (event.Result, error) {
			if !failed {
				failed = true
				return event.Result{}, errors.New("no luck")
			}
			return event.Result{}, nil
		})
		lines := told(b)
		misplaced := event.New(event.StockSettled, event.Ref{OrderID: "o8", Number: 8}, time.Now())
		if err := b.queue.Send(t.Context(), []event.Event{misplaced}); err != nil {
			t.Fatal(err)
		}
		b.send(t, "o1")
		b.start(t)
		time.Sleep(time.Second)
		b.stop()
		if want := []string{"o1 received 1", "o1 back in 100ms: no luck", "o1 received 2"}; !slices.Equal(*lines, want) {
			t.Errorf("told %q, want %q", *lines, want)
		}
	})
}

func TestAMessageThatFindsNoSlotIsSaidToWaitForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := calls(t, func(context.Context, string) error { time.Sleep(50 * time.Millisecond); return nil })
		b.Limits.Calls = 1
		lines := told(b)
		b.send(t, "o1", "o2")
		b.start(t)
		time.Sleep(time.Second)
		b.stop()
		want := []string{"o1 received 1", "o2 received 1", "o2 back in 100ms: too many gateway calls are in flight", "o2 received 2"}
		if !slices.Equal(*lines, want) {
			t.Errorf("told %q, want %q", *lines, want)
		}
	})
}

// unwritable are dead letters that cannot be stored the first time.
type unwritable struct {
	event.DeadLetters
	failed *bool
}

func (l unwritable) Put(ctx context.Context, letters []event.DeadLetter) error {
	if !*l.failed {
		*l.failed = true
		return event.Errorf(event.Unavailable, "the disk is full")
	}
	return l.DeadLetters.Put(ctx, letters)
}

func TestAMessageWhoseDeadLetterCannotBeStoredSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(event.Event) (event.Result, error) {
			return event.Result{Dead: event.Errorf(event.Unreachable, "poison")}, nil
		})
		b.DeadLetters = unwritable{b.letters, new(bool)}
		lines := told(b)
		b.send(t, "o1")
		b.start(t)
		time.Sleep(time.Second)
		b.stop()
		if len(*lines) != 3 || !strings.HasSuffix((*lines)[1], "the disk is full") || len(b.dead(t)) != 1 {
			t.Errorf("told %q; dead %v", *lines, b.dead(t))
		}
	})
}

func TestAnUnknownAnswerIsWhyItsMessageComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := errors.New("the answer was lost")
		b := calls(t, func(context.Context, string) error {
			defer func() { lost = nil }()
			return lost
		})
		lines := told(b)
		b.send(t, "o1")
		b.start(t)
		time.Sleep(time.Second)
		b.stop()
		if want := []string{"o1 received 1", "o1 back in 100ms: the answer was lost", "o1 received 2"}; !slices.Equal(*lines, want) {
			t.Errorf("told %q, want %q", *lines, want)
		}
	})
}
