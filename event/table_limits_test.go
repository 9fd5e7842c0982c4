package event_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"holdfast/event"
)

// TestABatchIsGivenBackAtTheSixteenthTry: other writers may come between fifteen
// times.
func TestABatchIsGivenBackAtTheSixteenthTry(t *testing.T) {
	for misses, want := range map[int]error{15: nil, 16: event.Unavailable} {
		l := &lamps{state: map[string]light{"a": green}}
		l.before = func() {
			if len(l.writes) < misses { // away from the state that Decide has just seen
				l.state["a"] = map[light]light{green: red, red: green}[l.state["a"]]
			}
		}
		_, err := l.decide(t, message(event.PaymentCaptured, "a"))
		if (want == nil) != (err == nil) || want != nil && !errors.Is(err, want) {
			t.Errorf("after %d misses: %v, want %v", misses, err, want)
		}
	}
}

// TestADeadMessageSaysWhatItMet: its age where that is why, else the state.
func TestADeadMessageSaysWhatItMet(t *testing.T) {
	old := message(event.StockReserved, "a")
	old.At = noon.Add(-2 * aDay)
	for _, c := range []struct {
		e    event.Event
		in   light
		says string
	}{
		{old, off, "older than the 24h0m0s"},
		{message(event.PaymentCaptured, "a"), off, `in state ""`},
		{message(event.OrderPlaced, "a"), red, `in state "red"`},
	} {
		l := &lamps{state: map[string]light{"a": c.in}}
		verdicts, err := l.decide(t, c.e)
		if err != nil || !errors.Is(verdicts[0].Err, event.Unreachable) || !strings.Contains(verdicts[0].Err.Error(), c.says) || verdicts[0].Record != c.in {
			t.Errorf("%s in %q: %+v, %v; want it to say %q", c.e.Type, c.in, verdicts, err, c.says)
		}
	}
}

// TestAnOlderVersionIsOfTheSameTypes: that a build reads an event's version does not
// put its type into every table.
func TestAnOlderVersionIsOfTheSameTypes(t *testing.T) {
	for version := 1; version <= event.Version; version++ {
		e := message(event.PaymentRefunded, "a")
		e.Version = version
		if err := lights.Rules().Check(e); !errors.Is(err, event.UnknownEvent) {
			t.Errorf("version %d of a type that the table has no column for: %v", version, err)
		}
		e.Type = event.PaymentCaptured
		if err := lights.Rules().Check(e); err != nil {
			t.Errorf("version %d of a type that it has: %v", version, err)
		}
	}
}

// TestAStepsStatesAreInOrder: the cells are a map, and a replay must not differ.
func TestAStepsStatesAreInOrder(t *testing.T) {
	same := event.Cell[light]{To: red}
	table := event.Table[light]{event.PaymentCaptured: {Expect: "d", Cells: map[light]event.Cell[light]{"d": same, "b": same, "a": same, "c": same}}}
	for range 20 {
		_, err := event.Decide(t.Context(), table.Rules(), noon, []event.Event{message(event.PaymentCaptured, "x")}, func(s light) light { return s },
			func(_ context.Context, steps []event.Step[light]) ([]event.Written[light], error) {
				if !slices.Equal(steps[0].From, []light{"a", "b", "c", "d"}) {
					t.Fatalf("it may leave %v", steps[0].From)
				}
				return []event.Written[light]{{Record: red, Changed: true}}, nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestAVerdictIsOfTheStateFoundLast: a message that met another state on its way to
// its verdict says nothing of that state's cell.
func TestAVerdictIsOfTheStateFoundLast(t *testing.T) {
	table := event.Table[light]{event.PaymentVoided: {Expect: off, Elsewhere: true, Cells: map[light]event.Cell[light]{
		off: {To: green}, green: {To: red, Reason: "was green", Send: event.StockReserved},
	}}}
	found := []light{green, "blue"} // green at the first try, blue when that was to be changed
	verdicts, err := event.Decide(t.Context(), table.Rules(), noon, []event.Event{message(event.PaymentVoided, "x")}, func(s light) light { return s },
		func(context.Context, []event.Step[light]) ([]event.Written[light], error) {
			now := found[0]
			found = found[1:]
			return []event.Written[light]{{Record: now}}, nil
		})
	if err != nil || len(found) != 0 || verdicts[0].Cell != (event.Cell[light]{}) || verdicts[0].Record != "blue" || verdicts[0].Err != nil {
		t.Errorf("%+v, %v; want blue ignored", verdicts, err)
	}
}
