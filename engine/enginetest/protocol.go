package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast/event"
)

// cell is one cell of PROTOCOL's tables. The zero cell is its "–".
type cell[S ~string] struct {
	to    S          // →to
	send  event.Type // !send
	call  event.Op   // the gateway call to make
	retry bool       // retry later
	dead  bool       // ✗
}

// path brings a record to a state: the messages to hand in, one after another.
type path[S ~string] struct {
	state    S
	messages []event.Type
	qty      int64 // units asked for, where it matters
	restock  bool  // what a refund says
}

// protocol is one of PROTOCOL's tables beside the service that must keep to it.
type protocol[S ~string, R any] struct {
	columns []event.Type
	rows    map[S][]cell[S]
	paths   []path[S] // the first is that of a fresh order
	hand    func(t *testing.T, e event.Event, now time.Time) event.Result
	begin   func(t *testing.T, n int, p path[S]) event.Ref // what must be there before the first message
	message func(typ event.Type, r event.Ref, p path[S]) event.Event
	read    func(t *testing.T, r event.Ref) R
	state   func(R) S
	// age is how old a message is when it meets its cell; what leads there is fresh.
	age time.Duration
	// settled checks what else must be true of a record in this state; may be nil.
	settled func(t *testing.T, r event.Ref, p path[S], s S)
}

// handler is a service as it takes messages.
type handler interface {
	Handle(ctx context.Context, now time.Time, batch []event.Event) ([]event.Result, error)
}

// run hands every message to a record in every state, by every path to it.
func (p protocol[S, R]) run(t *testing.T) {
	n := 0
	for _, way := range p.paths {
		if len(p.rows[way.state]) != len(p.columns) {
			t.Fatalf("the row of %q has %d cells, want %d", way.state, len(p.rows[way.state]), len(p.columns))
		}
		for column := range p.columns {
			n++
			r := p.begin(t, n, way)
			t.Run(fmt.Sprintf("%s by %v meets %s", name(way.state), way.messages, p.columns[column]), func(t *testing.T) {
				p.cell(t, r, way, column)
			})
		}
	}
}

// cell checks one cell, and then the cell that a repeat of its message finds.
func (p protocol[S, R]) cell(t *testing.T, r event.Ref, way path[S], column int) {
	for i, typ := range way.messages {
		p.hand(t, p.message(typ, r, way), after(10+i))
	}
	before := p.read(t, r)
	if s := p.state(before); s != way.state {
		t.Fatalf("the path leads to %s", name(s))
	}
	message := p.message(p.columns[column], r, way)
	want := p.rows[way.state][column]
	stands := way.state
	want.check(t, p.hand(t, message, after(100).Add(p.age)), r)
	if want.to == "" {
		wantSame(t, "the record", p.read(t, r), before)
	} else {
		stands = want.to
	}
	if s := p.state(p.read(t, r)); s != stands {
		t.Fatalf("the record is %s, want %s", name(s), name(stands))
	}
	before = p.read(t, r)
	repeat := p.rows[stands][column]
	repeat.check(t, p.hand(t, message, after(200).Add(p.age)), r)
	wantSame(t, "the record after a repeat", p.read(t, r), before)
	if p.settled != nil {
		p.settled(t, r, way, stands)
	}
}

// maxBatch is how many messages runInBatches hands in at once.
const maxBatch = 1000

// runInBatches takes an order along every path and through every two messages
// after it, all within one batch with many other orders.
func (p protocol[S, R]) runInBatches(t *testing.T, s handler) {
	var batch []event.Event
	var want []cell[S]
	ends := make(map[event.Ref]S)
	n := 0
	for _, way := range p.paths {
		for i := range len(p.columns) * len(p.columns) {
			last := []event.Type{p.columns[i/len(p.columns)], p.columns[i%len(p.columns)]}
			cells, end, ok := p.walk(way, last)
			if !ok {
				continue
			}
			n++
			r := p.begin(t, n, way)
			for _, typ := range slices.Concat(way.messages, last) {
				batch = append(batch, p.message(typ, r, way))
			}
			want, ends[r] = append(want, cells...), end
		}
	}
	for i := 0; i < len(batch); i += maxBatch {
		part := batch[i:min(i+maxBatch, len(batch))]
		for k, got := range handle(t, s, after(10+i), part...) {
			want[i+k].check(t, got, part[k].Ref)
		}
	}
	for r, end := range ends {
		if s := p.state(p.read(t, r)); s != end {
			t.Errorf("the record of %s is %s, want %s", r.OrderID, name(s), name(end))
		}
	}
}

// walk looks up the cells that a record meets on its way and then with the last
// messages, and its state at the end. It is not ok where the table alone does
// not lead to the path's state.
func (p protocol[S, R]) walk(way path[S], last []event.Type) (cells []cell[S], end S, ok bool) {
	state := p.paths[0].state
	for i, typ := range slices.Concat(way.messages, last) {
		if i == len(way.messages) && state != way.state {
			return nil, "", false
		}
		column := slices.Index(p.columns, typ)
		if column < 0 {
			return nil, "", false
		}
		c := p.rows[state][column]
		if cells = append(cells, c); c.to != "" {
			state = c.to
		}
	}
	return cells, state, true
}

// handTo is a service that is handed one message at a time.
func handTo(s handler) func(t *testing.T, e event.Event, now time.Time) event.Result {
	return func(t *testing.T, e event.Event, now time.Time) event.Result {
		t.Helper()
		return handle(t, s, now, e)[0]
	}
}

// handle gives a batch to a service.
func handle(t *testing.T, s handler, now time.Time, batch ...event.Event) []event.Result {
	t.Helper()
	results := must(s.Handle(t.Context(), now, batch))(t)
	if len(results) != len(batch) {
		t.Fatalf("%d messages, %d results", len(batch), len(results))
	}
	return results
}

// check compares a result with the cell.
func (c cell[S]) check(t *testing.T, got event.Result, r event.Ref) {
	t.Helper()
	if got.Send.Type != c.send || got.Call.Op != c.call || got.Retry != c.retry {
		t.Errorf("send %q, call %q, retry %t; want %q, %q, %t", got.Send.Type, got.Call.Op, got.Retry, c.send, c.call, c.retry)
	}
	if c.dead != errors.Is(got.Dead, event.Unreachable) || !c.dead && got.Dead != nil {
		t.Errorf("dead: %v, want %t", got.Dead, c.dead)
	}
	if c.send != "" && got.Send.Ref != r || c.call != "" && got.Call.Ref != r {
		t.Errorf("the result speaks of another order than %v: %+v", r, got)
	}
}

func name[S ~string](s S) string {
	if s == "" {
		return "none"
	}
	return string(s)
}

// wantUnknown wants a message dead that its reader cannot read, as it is and as a
// queue hands it over, and the record of its order left alone.
func wantUnknown(t *testing.T, s handler, r event.Ref, version int, typ event.Type) {
	t.Helper()
	e := event.New(typ, r, after(1))
	e.Version = version
	for _, m := range []event.Event{e, event.Decode(must(e.Encode())(t))} {
		got := handle(t, s, after(300), m)[0]
		wantCode(t, fmt.Sprintf("%s of version %d", typ, version), got.Dead, event.UnknownEvent)
		if got.Send.Type != "" || got.Call.Op != "" {
			t.Errorf("an unreadable message led to %+v", got)
		}
	}
}
