package event

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// Table is a service's decision table: for each type of message a column, and
// in it a cell for each state that the message may find the record in. S is the
// service's own state; its zero value means that there is no record yet.
type Table[S ~string] map[Type]Column[S]

// Column holds the cells of one type of message. A state without a cell cannot
// be met by this message unless something is broken: see Unreachable.
type Column[S ~string] struct {
	// Expect is the state in which the message usually finds the record. The
	// write is tried on it first, so that the usual case needs no read.
	Expect S
	Cells  map[S]Cell[S]
	// Elsewhere is true where states without a cell ignore the message.
	Elsewhere bool
	// MaxAge, if set, is how old a message may be to be read where there is no
	// record yet; an older one is Unreachable there.
	MaxAge time.Duration
}

// Cell says what a message does to a record in one state. The zero Cell
// acknowledges the message and changes nothing.
type Cell[S ~string] struct {
	To     S      // the state to write; zero: no write
	Reason string // the reason code to write with it
	Send   Type   // the event to send once the write is durable, also on a repeat
	Call   Op     // the call to make to the gateway
	Retry  bool   // the message is to come back later
}

// Step is one conditional write: if the record of Event's order is in one of
// From, bring it to To; an empty From only reads.
type Step[S ~string] struct {
	Event  Event
	From   []S
	To     S
	Reason string
}

// Written is what a store made of a Step: the record as it now stands, and
// whether this step changed it.
type Written[R any] struct {
	Record  R
	Changed bool
}

// Verdict is what a table and a store together said of one message.
type Verdict[S ~string, R any] struct {
	Cell[S]
	Written[R]
	Err error // Unreachable or UnknownEvent: the message is dead
}

// maxTries bounds how often one message is decided afresh because other writers
// moved its record; past it the batch is given back.
const maxTries = 16

// Decide takes a batch of messages through the table. Each round writes at most
// one step an order, so the events of one order apply one after another, and
// all steps of a round in one call of write. A step that finds its record in
// another state than expected is decided again by that state's cell.
//
// It fails as write fails, or with Unavailable when the records would not hold
// still; what was written by then stays, and a repeat of the batch finds it.
func Decide[S ~string, R any](
	ctx context.Context, t Table[S], now time.Time, batch []Event, state func(R) S,
	write func(context.Context, []Step[S]) ([]Written[R], error),
) ([]Verdict[S, R], error) {
	verdicts := make([]Verdict[S, R], len(batch))
	columns := make([]Column[S], len(batch))
	guess := make([]S, len(batch)) // the state in which each message's record is thought to be
	tries := make([]int, len(batch))
	open := make([]int, 0, len(batch))
	for i, e := range batch {
		if verdicts[i].Err = t.Check(e); verdicts[i].Err == nil {
			columns[i] = t[e.Type].at(e.At, now)
			guess[i] = columns[i].Expect
			open = append(open, i)
		}
	}
	for len(open) > 0 {
		round, later := firstOfEachOrder(batch, open)
		steps := make([]Step[S], len(round))
		for i, m := range round {
			steps[i] = columns[m].step(batch[m], guess[m])
		}
		written, err := write(ctx, steps)
		if err != nil {
			return nil, err
		}
		open = later
		for i, m := range round {
			var final bool
			verdicts[m], final = decide(columns[m], guess[m], written[i], state)
			if !final {
				if tries[m]++; tries[m] == maxTries {
					return nil, Errorf(Unavailable, "the record of order %q keeps changing under other writers", batch[m].OrderID)
				}
				guess[m] = state(written[i].Record)
				open = append(open, m)
			}
		}
		slices.Sort(open)
	}
	return verdicts, nil
}

// decide reads what a store made of a step. It is not final when the record was
// found in another state whose cell writes too.
func decide[S ~string, R any](c Column[S], guess S, w Written[R], state func(R) S) (Verdict[S, R], bool) {
	found := state(w.Record)
	if w.Changed && found == c.Cells[guess].To {
		return Verdict[S, R]{Cell: c.Cells[guess], Written: w}, true
	}
	cell, ok := c.Cells[found]
	var none S
	switch {
	case ok || c.Elsewhere:
	case found == none && c.MaxAge > 0:
		return Verdict[S, R]{Written: w, Err: Errorf(Unreachable, "there is no record of this order, and the message is older than the %s for which records are sure to be kept", c.MaxAge)}, true
	default:
		return Verdict[S, R]{Written: w, Err: Errorf(Unreachable, "this message cannot meet a record in state %q", found)}, true
	}
	return Verdict[S, R]{Cell: cell, Written: w}, !cell.writes()
}

// Check tells whether the table can read the event: nil, or UnknownEvent.
func (t Table[S]) Check(e Event) error {
	_, ok := t[e.Type]
	switch {
	case e.Unread != nil || e.Version < 1 || e.Version > Version:
		return e.Check()
	case !ok:
		return Errorf(UnknownEvent, "this service reads no events of type %q", e.Type)
	}
	return nil
}

// at is the column as a message of the time sent reads it now: one too old finds
// no cell where there is no record.
func (c Column[S]) at(sent, now time.Time) Column[S] {
	if c.MaxAge > 0 && now.Sub(sent) > c.MaxAge {
		var none S
		c.Cells = maps.Clone(c.Cells)
		delete(c.Cells, none)
	}
	return c
}

// step is the write that the message asks for if its record is in the guessed
// state. It may leave every state that has the very same cell.
func (c Column[S]) step(e Event, guess S) Step[S] {
	cell := c.Cells[guess]
	s := Step[S]{Event: e, To: cell.To, Reason: cell.Reason}
	if !cell.writes() {
		return s
	}
	var none S
	for from, other := range c.Cells {
		// A first write and a change of what is there are different writes.
		if other == cell && (from == none) == (guess == none) {
			s.From = append(s.From, from)
		}
	}
	slices.Sort(s.From) // a map has no order, and a replay must not differ
	return s
}

func (c Cell[S]) writes() bool {
	var none S
	return c.To != none
}

// firstOfEachOrder splits the open messages into the first of each order and
// the rest, each in the order of the batch.
func firstOfEachOrder(batch []Event, open []int) (first, rest []int) {
	seen := make(map[string]bool, len(open))
	for _, m := range open {
		if id := batch[m].OrderID; seen[id] {
			rest = append(rest, m)
		} else {
			seen[id] = true
			first = append(first, m)
		}
	}
	return first, rest
}

// CellName names a cell: the message, and the state in which it finds the record,
// empty where there is none.
type CellName struct {
	Message Type
	State   string
}

// Names lists the cells that the table has, in the order of their messages and
// states.
func (t Table[S]) Names() (names []CellName) {
	for message, column := range t {
		for state := range column.Cells {
			names = append(names, CellName{message, string(state)})
		}
	}
	slices.SortFunc(names, func(a, b CellName) int {
		return cmp.Or(cmp.Compare(a.Message, b.Message), cmp.Compare(a.State, b.State))
	})
	return names
}
