package event_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"holdfast/event"
)

// light is a service with three states, to see Decide at work.
type light string

const (
	off   light = ""
	green light = "green"
	red   light = "red"
)

var lights = event.Table[light]{
	event.OrderPlaced:     {Expect: off, Cells: map[light]event.Cell[light]{off: {To: green, Send: event.StockReserved}, green: {Send: event.StockReserved}}},
	event.PaymentCaptured: {Expect: green, Cells: map[light]event.Cell[light]{green: {To: red}, red: {To: green}}},
	event.PaymentVoided:   {Expect: green, Elsewhere: true, Cells: map[light]event.Cell[light]{green: {To: red}}},
	event.StockReserved: {Expect: off, MaxAge: aDay, Cells: map[light]event.Cell[light]{
		off: {To: green}, green: {Send: event.StockReserved}, red: {To: green}}},
}

// lamps is a store of lights that notes the size of each write.
type lamps struct {
	state  map[string]light
	writes []int
	before func() // runs before each write, as another writer would
}

func (l *lamps) write(_ context.Context, steps []event.Step[light]) ([]event.Written[light], error) {
	if l.before != nil {
		l.before()
	}
	l.writes = append(l.writes, len(steps))
	written := make([]event.Written[light], len(steps))
	for i, s := range steps {
		id := s.Event.OrderID
		changed := slices.Contains(s.From, l.state[id])
		if changed {
			l.state[id] = s.To
		}
		written[i] = event.Written[light]{Record: l.state[id], Changed: changed}
	}
	return written, nil
}

func (l *lamps) decide(t *testing.T, batch ...event.Event) ([]event.Verdict[light, light], error) {
	t.Helper()
	return event.Decide(t.Context(), lights.Rules(), noon, batch, func(s light) light { return s }, l.write)
}

func message(kind event.Type, id string) event.Event {
	return event.New(kind, event.Ref{OrderID: id}, noon)
}

func TestEventsOfOneOrderInABatchApplyOneAfterAnother(t *testing.T) {
	l := &lamps{state: map[string]light{}}
	verdicts, err := l.decide(t, message(event.OrderPlaced, "a"), message(event.PaymentCaptured, "a"), message(event.OrderPlaced, "b"))
	if err != nil || l.state["a"] != red || l.state["b"] != green {
		t.Fatalf("%v, %v; want a red and b green", l.state, err)
	}
	if !slices.Equal(l.writes, []int{2, 1}) {
		t.Errorf("writes of %v steps, want one of two and one of one", l.writes)
	}
	for i, v := range verdicts {
		if v.Err != nil || !v.Changed {
			t.Errorf("message %d: %+v", i, v)
		}
	}
}

func TestAMessageIsDecidedByTheStateThatItFinds(t *testing.T) {
	l := &lamps{state: map[string]light{"a": red}}
	if _, err := l.decide(t, message(event.PaymentCaptured, "a")); err != nil || l.state["a"] != green {
		t.Errorf("%v, %v; want a green by its red cell", l.state, err)
	}
	verdicts, err := l.decide(t, message(event.OrderPlaced, "a"))
	if err != nil || verdicts[0].Changed || verdicts[0].Send != event.StockReserved {
		t.Errorf("a repeat: %+v, %v; want the event again and no change", verdicts, err)
	}
}

func TestAMissingCellIsUnreachableUnlessItsColumnSaysOtherwise(t *testing.T) {
	l := &lamps{state: map[string]light{"a": red}}
	verdicts, err := l.decide(t, message(event.OrderPlaced, "a"), message(event.PaymentVoided, "b"), message(event.PaymentRefunded, "c"))
	if err != nil || !errors.Is(verdicts[0].Err, event.Unreachable) || verdicts[1].Err != nil || !errors.Is(verdicts[2].Err, event.UnknownEvent) {
		t.Errorf("%+v, %v; want unreachable, ignored, unknown", verdicts, err)
	}
}

func TestManyMessagesOfOneOrderInABatchAreNoContention(t *testing.T) {
	l := &lamps{state: map[string]light{}}
	batch := make([]event.Event, 100)
	for i := range batch {
		batch[i] = message(event.OrderPlaced, "a")
	}
	verdicts, err := l.decide(t, batch...)
	if err != nil || !verdicts[0].Changed || verdicts[99].Changed || verdicts[99].Send != event.StockReserved {
		t.Errorf("%v; want the first to change the record and the last to say the same again", err)
	}
}

func TestRecordsThatWillNotHoldStillGiveTheBatchBack(t *testing.T) {
	l := &lamps{state: map[string]light{"a": green}}
	l.before = func() { l.state["a"] = map[light]light{green: red, red: green}[l.state["a"]] }
	if _, err := l.decide(t, message(event.PaymentCaptured, "a")); !errors.Is(err, event.Unavailable) {
		t.Errorf("Decide = %v, want Unavailable", err)
	}
}
