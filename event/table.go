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
// From, bring it to To; an empty From only reads. Event and From are not the
// step's own, and are not to be changed.
type Step[S ~string] struct {
	Event  *Event
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

// Decide takes a batch of messages through the rules. Each round writes at most
// one step an order, so the events of one order apply one after another, and
// all steps of a round in one call of write. A step that finds its record in
// another state than expected is decided again by that state's cell.
//
// It fails as write fails, or with Unavailable when the records would not hold
// still; what was written by then stays, and a repeat of the batch finds it.
func Decide[S ~string, R any](
	ctx context.Context, rules Rules[S], now time.Time, batch []Event, state func(R) S,
	write func(context.Context, []Step[S]) ([]Written[R], error),
) ([]Verdict[S, R], error) {
	verdicts := make([]Verdict[S, R], len(batch))
	cases := make([]undecided[S], len(batch))
	open := make([]int, 0, len(batch))
	for i := range batch {
		rule, err := rules.find(&batch[i])
		if verdicts[i].Err = err; err == nil {
			cases[i] = rule.about(&batch[i], now)
			open = append(open, i)
		}
	}
	steps := make([]Step[S], 0, len(open))
	for len(open) > 0 {
		round, later := firstOfEachOrder(batch, open)
		steps = steps[:0]
		for _, m := range round {
			steps = append(steps, cases[m].guess.step(&batch[m]))
		}
		written, err := write(ctx, steps)
		if err != nil {
			return nil, err
		}
		open = later
		for i, m := range round {
			found := state(written[i].Record)
			verdicts[m] = Verdict[S, R]{Written: written[i]}
			if decide(&cases[m], &verdicts[m], found) {
				continue
			}
			if cases[m].tries++; cases[m].tries == maxTries {
				return nil, Errorf(Unavailable, "the record of order %q keeps changing under other writers", batch[m].OrderID)
			}
			cases[m].guess = cases[m].cell(found)
			open = append(open, m)
		}
		slices.Sort(open)
	}
	return verdicts, nil
}

// undecided is a message on its way to its verdict.
type undecided[S ~string] struct {
	*rule[S]
	aged  bool      // whether the message is older than the column's MaxAge
	guess *ready[S] // the cell of the state in which its record is thought to be
	tries int
}

// about is the rule as a message reads it now.
func (r *rule[S]) about(e *Event, now time.Time) undecided[S] {
	u := undecided[S]{rule: r, aged: r.MaxAge > 0 && now.Sub(e.At) > r.MaxAge}
	if u.guess = u.cell(r.Expect); u.guess == nil {
		u.guess = new(ready[S]) // writes nothing, and so finds what there is
	}
	return u
}

// cell is that of a state, nil if there is none: one too old finds none where there
// is no record.
func (u *undecided[S]) cell(in S) *ready[S] {
	var none S
	if u.aged && in == none {
		return nil
	}
	return u.find(in)
}

// decide reads what a store made of a step. It is not final when the record was
// found in another state whose cell writes too.
func decide[S ~string, R any](u *undecided[S], v *Verdict[S, R], found S) (final bool) {
	if v.Changed && found == u.guess.To {
		v.Cell = u.guess.Cell
		return true
	}
	cell := u.cell(found)
	var none S
	switch {
	case cell != nil:
		v.Cell = cell.Cell
		return !cell.writes()
	case u.Elsewhere:
	case found == none && u.MaxAge > 0:
		v.Err = Errorf(Unreachable, "there is no record of this order, and the message is older than the %s for which records are sure to be kept", u.MaxAge)
	default:
		v.Err = Errorf(Unreachable, "this message cannot meet a record in state %q", found)
	}
	return true
}

// Rules are a Table made ready to be read: what follows from its cells alone is
// worked out once, and not for each message.
type Rules[S ~string] struct{ rules map[Type]*rule[S] }

// rule is a column made ready.
type rule[S ~string] struct {
	Column[S]
	cells []ready[S] // few, so that a search from the first on is faster than a map
}

// ready is a cell made ready: with its state, and the states that its write may
// leave.
type ready[S ~string] struct {
	Cell[S]
	in   S
	from []S
}

// Rules makes the table ready. Later changes of the table are not seen.
func (t Table[S]) Rules() Rules[S] {
	rules := Rules[S]{make(map[Type]*rule[S], len(t))}
	for message, column := range t {
		r := &rule[S]{Column: column}
		for _, in := range slices.Sorted(maps.Keys(column.Cells)) {
			r.cells = append(r.cells, ready[S]{column.Cells[in], in, column.from(in)})
		}
		rules.rules[message] = r
	}
	return rules
}

// from are the states that the write of a state's cell may leave, in order: all
// that have the very same cell.
func (c Column[S]) from(guess S) (from []S) {
	cell := c.Cells[guess]
	if !cell.writes() {
		return nil
	}
	var none S
	for in, other := range c.Cells {
		// A first write and a change of what is there are different writes.
		if other == cell && (in == none) == (guess == none) {
			from = append(from, in)
		}
	}
	slices.Sort(from) // a map has no order, and a replay must not differ
	return from
}

func (r *rule[S]) find(in S) *ready[S] {
	for i := range r.cells {
		if r.cells[i].in == in {
			return &r.cells[i]
		}
	}
	return nil
}

// step is the write that the message asks for if its record is in the cell's state.
func (r *ready[S]) step(e *Event) Step[S] {
	return Step[S]{Event: e, From: r.from, To: r.To, Reason: r.Reason}
}

func (c Cell[S]) writes() bool {
	var none S
	return c.To != none
}

// Check tells whether the table can read the event: nil, or UnknownEvent.
func (r Rules[S]) Check(e Event) error {
	_, err := r.find(&e)
	return err
}

// find is the rule for an event. It fails with UnknownEvent.
func (r Rules[S]) find(e *Event) (*rule[S], error) {
	rule := r.rules[e.Type]
	switch {
	case e.Unread != nil || e.Version < 1 || e.Version > Version:
		return nil, e.Check()
	case rule == nil:
		return nil, Errorf(UnknownEvent, "this service reads no events of type %q", e.Type)
	}
	return rule, nil
}

// firstOfEachOrder splits the open messages into the first of each order and
// the rest, each in the order of the batch.
func firstOfEachOrder(batch []Event, open []int) (first, rest []int) {
	if len(open) == 1 {
		return open, nil
	}
	first = make([]int, 0, len(open))
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
