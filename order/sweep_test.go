package order_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/order"
)

// dueAfter is when the only order is due, counted from noon; negative: never.
func dueAfter(t *testing.T, s *order.Service) time.Duration {
	t.Helper()
	all, err := s.Store.Scan(t.Context(), 0, 2)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if all[0].Due.IsZero() {
		return -1
	}
	return all[0].Due.Sub(noon)
}

func sweep(t *testing.T, s *order.Service, at time.Duration) []event.Event {
	t.Helper()
	asked, err := s.Sweep(t.Context(), noon.Add(at), 10)
	if err != nil {
		t.Fatal(err)
	}
	return asked
}

func TestTheSweepersQuestionsGrowApartButMeetTheHoldsEnd(t *testing.T) {
	s := newService()
	var silent []string
	s.Silent = func(o order.Order) {
		if silent = append(silent, o.OrderID); o.Due.Sub(noon) != dueAfter(t, s) || o.Attempts != len(silent) {
			t.Errorf("question %d: %d attempts, the next at %s; it is due at %s", len(silent), o.Attempts, o.Due.Sub(noon), dueAfter(t, s))
		}
	}
	placed := place(t, s, request(nil))
	at := 30 * time.Second
	for n, pause := range []time.Duration{60, 120, 240} {
		if got := dueAfter(t, s); got != at {
			t.Fatalf("question %d is due after %s, want %s", n, got, at)
		}
		if early := sweep(t, s, at-time.Millisecond); len(early) > 0 {
			t.Fatalf("asked too early: %+v", early)
		}
		asked := sweep(t, s, at)
		if len(asked) != 1 || asked[0].Type != event.OrderPlaced || asked[0].ID() != placed.Send.ID() || !slices.Equal(asked[0].Lines, placed.Order.Lines) {
			t.Fatalf("question %d is %+v", n, asked)
		}
		at += pause * time.Second
	}
	if sweep(t, s, at); dueAfter(t, s) != 15*time.Minute {
		t.Errorf("after four questions it is due at %s, want at the hold's end", dueAfter(t, s))
	}
	for range 3 { // the longest pause, however often it was asked
		at = max(at, dueAfter(t, s))
		if asked := sweep(t, s, at); len(asked) != 1 || asked[0].Type != event.CancelRequestedExpired || asked[0].Ref != placed.Order.Ref {
			t.Fatalf("past the hold's end it asks %+v", asked)
		}
		if got := dueAfter(t, s) - at; got != 8*time.Minute || got != s.Terms.MaxBackoff() {
			t.Errorf("the longest pause is %s, and is said to be %s", got, s.Terms.MaxBackoff())
		}
	}
	if len(silent) != 7 {
		t.Errorf("heard of %d silent orders, want one a question", len(silent))
	}
}

func TestEachStepIsAskedForAgainByItsOwnQuestion(t *testing.T) {
	s := newService()
	id := place(t, s, request(nil)).Order.OrderID
	if _, _, err := s.Cancel(t.Context(), noon, id); err != nil {
		t.Fatal(err)
	}
	if asked := sweep(t, s, time.Hour); len(asked) != 1 || asked[0].Type != event.CancelRequestedClient {
		t.Errorf("of a cancel it asks %+v", asked)
	}
	s = newService()
	id = place(t, s, request(nil)).Order.OrderID
	handle(t, s, told(s, event.StockSettled, noon))
	if sweep(t, s, time.Hour); dueAfter(t, s) != -1 {
		t.Error("a completed order is due")
	}
	if _, _, err := s.Refund(t.Context(), noon, id, true); err != nil {
		t.Fatal(err)
	}
	if asked := sweep(t, s, time.Hour); len(asked) != 1 || asked[0].Type != event.RefundRequested || !asked[0].Restock {
		t.Errorf("of a refund it asks %+v", asked)
	}
}

func TestASweepTakesNoMoreThanItMayAndSkipsNone(t *testing.T) {
	s := newService()
	for _, id := range []string{"a", "b", "c"} {
		place(t, s, request(func(r *order.Request) { r.OrderID = id }))
	}
	var asked []string
	for _, most := range []int{2, 2} {
		events, err := s.Sweep(t.Context(), noon.Add(time.Minute), most)
		if err != nil || len(events) > most {
			t.Fatal(events, err)
		}
		for _, e := range events {
			asked = append(asked, e.OrderID)
		}
	}
	if !slices.Equal(asked, []string{"a", "b", "c"}) {
		t.Errorf("asked about %v", asked)
	}
}

func TestAStartAsksAtOnceAndAClockThatJumpedBackIsPulledIn(t *testing.T) {
	s := newService()
	place(t, s, request(nil))
	if n, err := s.Resync(t.Context(), noon); err != nil || n != 0 || dueAfter(t, s) != 30*time.Second {
		t.Errorf("in order, yet pulled in: %d, %v, due after %s", n, err, dueAfter(t, s))
	}
	back := noon.Add(-time.Hour)
	if n, err := s.Resync(t.Context(), back); err != nil || n != 1 || dueAfter(t, s) != -time.Hour+s.Terms.MaxBackoff() {
		t.Errorf("an hour back: %d, %v, due after %s", n, err, dueAfter(t, s))
	}
	if n, err := s.Recover(t.Context(), back); err != nil || n != 1 || dueAfter(t, s) != -time.Hour {
		t.Errorf("at the start: %d, %v, due after %s", n, err, dueAfter(t, s))
	}
}

// stuck is a store of which one method fails.
type stuck struct {
	order.Store
	due, postpone, create error
}

func (s stuck) Due(ctx context.Context, at time.Time, limit int) ([]order.Order, error) {
	if s.due != nil {
		return nil, s.due
	}
	return s.Store.Due(ctx, at, limit)
}

func (s stuck) Postpone(ctx context.Context, p []order.Postponement) error {
	if s.postpone != nil {
		return s.postpone
	}
	return s.Store.Postpone(ctx, p)
}

func (s stuck) Create(ctx context.Context, orders []order.Order) ([]order.Created, error) {
	if s.create != nil {
		return nil, s.create
	}
	return s.Store.Create(ctx, orders)
}

func TestAStoreThatFailsFailsItsCaller(t *testing.T) {
	gone := errors.New("the disk is gone")
	s := newService()
	place(t, s, request(nil))
	whole := s.Store
	for name, store := range map[string]stuck{"Due": {Store: whole, due: gone}, "Postpone": {Store: whole, postpone: gone}} {
		s.Store = store
		if _, err := s.Sweep(t.Context(), noon.Add(time.Hour), 1); !errors.Is(err, gone) {
			t.Errorf("%s fails, and Sweep says %v", name, err)
		}
	}
	s.Store = stuck{Store: whole, postpone: gone}
	if asked, err := s.Sweep(t.Context(), noon, 1); len(asked) > 0 || err != nil {
		t.Errorf("nothing is due, yet Sweep writes: %v, %v", asked, err)
	}
	s.Store = stuck{Store: whole, create: gone}
	if placed, err := s.Place(t.Context(), noon, []order.Request{request(nil)}); !errors.Is(err, gone) || placed != nil {
		t.Errorf("Create fails, and Place says %v, %v", placed, err)
	}
}
