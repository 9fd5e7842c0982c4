package event_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/event"
)

// sentAgo is a message that lights reads for a day, sent that long before noon.
func sentAgo(ago time.Duration, id string) event.Event {
	e := message(event.StockReserved, id)
	e.At = noon.Add(-ago)
	return e
}

const aDay = 24 * time.Hour

func TestAMessageOlderThanMaxAgeBeginsNoRecord(t *testing.T) {
	l := &lamps{state: map[string]light{}}
	verdicts, err := l.decide(t, sentAgo(aDay+time.Millisecond, "old"), sentAgo(aDay, "just in time"), sentAgo(-time.Hour, "ahead of the clock"))
	if err != nil || l.state["old"] != off || l.state["just in time"] != green || l.state["ahead of the clock"] != green {
		t.Fatalf("%v, %v; want all green but the old one", l.state, err)
	}
	if v := verdicts[0]; !errors.Is(v.Err, event.Unreachable) || !strings.Contains(v.Err.Error(), "older than the 24h0m0s") || v.Changed || v.Send != "" {
		t.Errorf("the old message: %+v", v)
	}
	for _, v := range verdicts[1:] {
		if v.Err != nil || !v.Changed {
			t.Errorf("a message in time: %+v", v)
		}
	}
}

func TestAMessageOlderThanMaxAgeIsReadWhereTheRecordIs(t *testing.T) {
	l := &lamps{state: map[string]light{"a": green, "b": red}}
	verdicts, err := l.decide(t, sentAgo(30*aDay, "a"), sentAgo(30*aDay, "b"))
	if err != nil || verdicts[0].Err != nil || verdicts[0].Send != event.StockReserved || verdicts[0].Changed {
		t.Errorf("of a green one: %+v, %v; want the event again", verdicts, err)
	}
	if verdicts[1].Err != nil || !verdicts[1].Changed || l.state["b"] != green {
		t.Errorf("of a red one: %+v; want it green by its cell", verdicts[1])
	}
}

func TestARecordMadeMeanwhileIsFoundByAnOldMessage(t *testing.T) {
	l := &lamps{state: map[string]light{}}
	l.before = func() { l.state["a"] = green }
	verdicts, err := l.decide(t, sentAgo(30*aDay, "a"))
	if err != nil || verdicts[0].Err != nil || verdicts[0].Send != event.StockReserved {
		t.Errorf("%+v, %v; want the green cell's event", verdicts, err)
	}
}

func TestAnOldMessageLeavesTheTableAsItIs(t *testing.T) {
	l := &lamps{state: map[string]light{}}
	verdicts, err := l.decide(t, sentAgo(30*aDay, "a"), sentAgo(0, "a"), sentAgo(0, "b"))
	if err != nil || !errors.Is(verdicts[0].Err, event.Unreachable) || !verdicts[1].Changed || !verdicts[2].Changed {
		t.Errorf("%+v, %v; want the first dead, the others made", verdicts, err)
	}
	if !slices.Equal(l.writes, []int{2, 1}) {
		t.Errorf("writes of %v steps, want one of each order first and then the rest", l.writes)
	}
}

func TestWhatCannotBeReadNeverReachesTheStore(t *testing.T) {
	l := &lamps{state: map[string]light{}}
	older, newer := message(event.OrderPlaced, "a"), message(event.OrderPlaced, "a")
	older.Version, newer.Version = 0, event.Version+1
	malformed := event.Decode([]byte(strings.Replace(sampleText(t, event.OrderPlaced), `"qty":2`, `"qty":-2`, 1)))
	verdicts, err := l.decide(t, older, newer, malformed)
	if err != nil || len(l.writes) != 0 {
		t.Fatalf("writes of %v steps, %v", l.writes, err)
	}
	for i, v := range verdicts {
		if !errors.Is(v.Err, event.UnknownEvent) || v.Send != "" {
			t.Errorf("message %d: %+v", i, v)
		}
	}
	if !strings.Contains(verdicts[2].Err.Error(), "a line of -2") {
		t.Errorf("the malformed one's reason is %v", verdicts[2].Err)
	}
}
