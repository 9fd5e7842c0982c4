package worker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
)

// calls makes a worker whose every message asks for one capture.
func calls(t *testing.T, gateway func(ctx context.Context, id string) error) *bench {
	b := newBench(t, func(e event.Event) (event.Result, error) {
		switch e.Type {
		case event.StockReserved:
			return event.Result{Call: event.Call{Op: event.Capture, Ref: e.Ref}}, nil
		case event.GatewayUnknown:
			return event.Result{Retry: true}, nil
		}
		return event.Result{Send: event.New(event.PaymentCaptured, e.Ref, time.Now())}, nil
	})
	b.Call = func(ctx context.Context, c event.Call) (event.Event, error) {
		answer := event.Event{Type: event.GatewayCaptured, Version: 1, Ref: c.Ref}
		err := gateway(ctx, c.OrderID)
		if err != nil {
			answer.Type = event.GatewayUnknown
		}
		return answer, err
	}
	return b
}

func TestASlowCardHoldsUpItsOwnOrderOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := calls(t, func(ctx context.Context, id string) error {
			if id == "o3" {
				<-release
			}
			return nil
		})
		b.send(t, ten()...)
		b.start(t)
		synctest.Wait()
		if len(b.sent) != 9 {
			t.Errorf("%d orders were captured beside the slow one, want 9", len(b.sent))
		}
		close(release)
		synctest.Wait()
		b.stop()
		if len(b.sent) != 10 {
			t.Errorf("%d orders were captured, want 10", len(b.sent))
		}
	})
}

func TestALeaseIsHeldWhileTheGatewayTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		b := calls(t, func(context.Context, string) error {
			asked++
			time.Sleep(5 * time.Minute)
			return nil
		})
		b.send(t, "o1")
		b.start(t)
		time.Sleep(10 * time.Minute)
		b.stop()
		if asked != 1 {
			t.Errorf("the gateway was asked %d times, want once: the lease lapsed", asked)
		}
	})
}

func TestAnAnswerLostTooOftenIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := calls(t, func(ctx context.Context, id string) error {
			if id == "o3" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		b.start(t)
		b.send(t, "o3")
		for i := range 60 { // the gateway answers others all the while
			time.Sleep(time.Minute)
			b.send(t, fmt.Sprintf("good%d", i))
		}
		b.stop()
		if dead := b.dead(t); len(dead) != 1 || !strings.Contains(dead["o3"], "deadline") {
			t.Errorf("dead letters: %v, want o3 for its deadline", dead)
		}
	})
}

func TestAGatewayThatAnswersNobodyKillsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(time.Hour)
		b := calls(t, func(ctx context.Context, id string) error {
			if time.Now().Before(back) {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		b.send(t, ten()...)
		b.start(t)
		time.Sleep(2 * time.Hour)
		b.stop()
		if dead := b.dead(t); len(dead) > 0 || len(b.sent) != 10 {
			t.Errorf("captured %d, dead %v; want ten and none", len(b.sent), dead)
		}
	})
}

func TestAStopFinishesOrGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := calls(t, func(ctx context.Context, id string) error {
			if id == "o3" {
				<-ctx.Done() // would take longer than a stop may
				return ctx.Err()
			}
			return nil
		})
		b.Limits.CallTimeout = time.Hour
		b.send(t, ten()...)
		b.start(t)
		synctest.Wait()
		begun := time.Now()
		b.stop()
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("the stop took %s", took)
		}
		if d := b.depth(t); d.InFlight != 0 || d.Ready+d.Delayed != 1 || len(b.sent) != 9 || len(b.dead(t)) > 0 {
			t.Errorf("after the stop: %+v, %d captured, dead %v; want the slow one given back, nine captured, none dead", d, len(b.sent), b.dead(t))
		}
	})
}

func TestCallsThatHangDoNotHoldUpWhatNeedsNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(e event.Event) (event.Result, error) {
			switch {
			case e.Type == event.GatewayUnknown:
				return event.Result{Retry: true}, nil
			case e.Type == event.StockReserved:
				return event.Result{Call: event.Call{Op: event.Capture, Ref: e.Ref}}, nil
			}
			return event.Result{}, nil
		})
		b.Call = func(ctx context.Context, c event.Call) (event.Event, error) {
			<-ctx.Done()
			return event.Event{Type: event.GatewayUnknown, Version: 1, Ref: c.Ref}, ctx.Err()
		}
		b.Limits.Calls = 2
		b.send(t, ten()...) // more than there are slots
		b.start(t)
		synctest.Wait()
		begun := time.Now()
		if err := b.queue.Send(t.Context(), []event.Event{event.New(event.CancelRequestedClient, event.Ref{OrderID: "cancelled"}, begun)}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !slices.Contains(b.handled, "cancelled") || time.Since(begun) > 0 {
			t.Error("a message that needs no call waited for those that do")
		}
		b.stop()
	})
}

func TestAPanicInACallIsAnUnknownAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := calls(t, func(_ context.Context, id string) error {
			if id == "o3" {
				panic("poison")
			}
			return nil
		})
		b.send(t, ten()...)
		b.start(t)
		for i := range 60 { // the gateway answers others all the while
			time.Sleep(time.Minute)
			b.send(t, fmt.Sprintf("good%d", i))
		}
		b.stop()
		if dead := b.dead(t); len(dead) != 1 || !strings.Contains(dead["o3"], "poison") || len(b.sent) < 60 {
			t.Errorf("%d captured, dead %v; want o3 dead for its panic", len(b.sent), dead)
		}
	})
}
