package sim

import (
	"fmt"
	"time"

	"holdfast/event"
)

// Line is one line of a trace: who did what when.
type Line struct {
	At      time.Duration `json:"at_ns"` // since the world began
	Who     string        `json:"who"`
	What    string        `json:"what"`
	OrderID string        `json:"order_id,omitempty"` // whom it concerns; empty: everybody
}

// String is the line as a person reads it.
func (l Line) String() string {
	ms := l.At.Milliseconds()
	clock := fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3600_000, ms/60_000%60, ms/1000%60, ms%1000)
	return fmt.Sprintf("%s  %-12s %-28s %s", clock, l.Who, l.OrderID, l.What)
}

// note adds a line to the trace, if there is one.
func (w *world) note(orderID, who, format string, args ...any) {
	if w.trace != nil {
		*w.trace = append(*w.trace, Line{At: w.now.Sub(epoch), Who: who, What: fmt.Sprintf(format, args...), OrderID: orderID})
	}
}

// subject is whom an event concerns: its order, or, where nobody can read it, itself.
func subject(e event.Event) string {
	if e.Unread != nil {
		return e.ID()
	}
	return e.OrderID
}

// Of is the part of a trace that concerns one order, and what concerns everybody
// while it was under way.
func Of(orderID string, trace []Line) (part []Line) {
	begun := false
	for _, l := range trace {
		if begun = begun || l.OrderID == orderID; begun && (l.OrderID == orderID || l.OrderID == "") {
			part = append(part, l)
		}
	}
	return part
}
