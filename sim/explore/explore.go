// Package explore proves the decision tables as they are coded: it takes one
// order through the real services, breadth first, along every interleaving of
// what may happen to it, and holds each state that can be reached to the promises.
//
//	client, sweepers ──▶ order ──▶ inventory ──▶ payment ──▶ adapter ──▶ processor
//	                       ▲            ▲  each arrow: a set     │
//	                       └────────────┴─────────────◀──────────┘
//
// A state is what the three stores and the processor's books hold, and what is
// under way. What is under way is the strongest adversary in finite form:
//
//   - Messages are a set. What was ever sent may arrive at any time, any number of
//     times, or never: loss, repeat, reordering and unbounded delay in one.
//   - So are requests to the processor. What was ever asked may take effect at any
//     later time, more than once: a call that timed out leaves such a ghost. An
//     adapter of two requests may stop between them, and others come between.
//   - So are the gateway's answers; "unknown" comes before the effect or after it.
//   - Clients place, cancel and refund at any time and again; sweepers ask both of
//     their questions at any time, since their clocks may disagree about the term.
//   - A crash before a write is a message that comes again. A crash after a write
//     and before what follows it is a message that is sent and never arrives; with
//     Options.Losses it is a step of its own.
//   - Each step is also run with a store that fails before and after each of its
//     writes, and with another worker's whole step between its writes, which must come
//     to the same as the one after the other. So a step may be taken at once.
//
// From every state the order must come to a right end once faults are over, with all
// that was under way lost, by one question of a sweeper.
//
// Any number of workers of each service follow from the sets: a message that is
// delivered twice is two workers, or one with a lapsed lease. A real lease and a
// real call give less freedom: an answer comes once to the one worker that asked,
// while its message is held back. What holds here holds there.
//
// The services share no table, so a service's step depends on its own store and
// the message alone: each is run once for each pair of them, and the states are
// tuples of stores. A store is told from another by all that it holds but times:
// of these only the hold's term decides, and the sweeps stand for it. Not here: messages
// older than their records, orders of several lines, batches, queues and workers.
package explore

import (
	"context"
	"fmt"

	"holdfast/payment"
)

// Options choose the world to explore. The order wants one unit of one SKU.
type Options struct {
	Units    int64 // on the shelf at first
	Delivery bool  // one more unit may come in at any time
	Rival    bool  // another order of the same unit, run as ours is
	Meek     bool  // whose client neither cancels nor refunds

	// The processor captures or declines as it likes, once a key.
	ForgetsDeclines bool // but a request repeated after a decline is judged afresh
	CannotVoid      bool // but a void of a key that it has not seen keeps nothing out
	// Adapter brings the processor up to payment.Gateway's contract; nil: none.
	Adapter func(payment.Gateway) payment.Gateway

	// Losses makes a crash between a write and what follows it a step of its own.
	// It reaches the same stores and books, by more states.
	Losses bool
}

// Result is what was explored.
type Result struct {
	States      int
	Transitions int
	Depth       int     // steps of the longest of the shortest paths to a state
	Records     int     // what stores and books held of an order, in how many combinations
	Sweeps      int     // the most sweeps that any state needed to its end
	Met         []Cell  // cells of the tables that were met, sorted
	Breach      *Breach // nil if all held
}

// Breach is a promise that was broken.
type Breach struct {
	What string
	Path []string // the shortest way there: who did what
}

// String shows the breach and the way there, a line a step.
func (b *Breach) String() string {
	text := b.What
	for i, line := range b.Path {
		text += fmt.Sprintf("\n%4d  %s", i+1, line)
	}
	return text
}

// explorer is one exploration.
type explorer struct {
	Options
	*cast
	seen   map[world]int32 // index into nodes
	nodes  []node
	judged map[records]verdict
	result Result
}

// node is a state and where it was first reached from.
type node struct {
	world
	parent int32
	depth  int32
}

// often is how many states are explored between two looks at the context.
const often = 1 << 14

// Run explores until all states are known or one breaks a promise. It fails only
// when ctx ends. The same options give the same result.
func Run(ctx context.Context, o Options) (Result, error) {
	x := &explorer{Options: o, cast: newCast(o), seen: make(map[world]int32), judged: make(map[records]verdict)}
	x.reach(x.beginning(), -1)
	for at := int32(0); int(at) < len(x.nodes) && x.result.Breach == nil; at++ {
		if err := ctx.Err(); at%often == 0 && err != nil {
			return x.result, err
		}
		x.expand(at)
	}
	if x.result.Breach == nil {
		x.checkRaces()
	}
	x.result.States, x.result.Records = len(x.nodes), len(x.judged)
	x.result.Depth = int(x.nodes[len(x.nodes)-1].depth)
	x.result.Met = x.met()
	return x.result, nil
}

// expand takes every step from a state.
func (x *explorer) expand(at int32) {
	from := x.nodes[at].world
	x.each(from, func(to world, d deed) bool {
		x.result.Transitions++
		if d.breach != "" {
			x.breach(at, d.breach, x.tell(d))
			return false
		}
		if to != from {
			x.reach(to, at)
		}
		return x.result.Breach == nil
	})
}

// reach notes a state, and judges it when it is new.
func (x *explorer) reach(w world, parent int32) {
	if _, known := x.seen[w]; known {
		return
	}
	at := int32(len(x.nodes))
	depth := int32(0)
	if parent >= 0 {
		depth = x.nodes[parent].depth + 1
	}
	x.seen[w] = at
	x.nodes = append(x.nodes, node{w, parent, depth})
	if v := x.judge(w); v.what != "" {
		x.breach(at, v.what, v.lines...)
	}
}

// breach ends the exploration.
func (x *explorer) breach(at int32, what string, then ...string) {
	x.result.Breach = &Breach{What: what, Path: append(x.path(at), then...)}
}

// path is the shortest way to a state, in words.
func (x *explorer) path(at int32) (lines []string) {
	parent := x.nodes[at].parent
	if parent < 0 {
		return nil
	}
	lines = x.path(parent)
	x.each(x.nodes[parent].world, func(to world, d deed) bool {
		if to != x.nodes[at].world {
			return true
		}
		lines = append(lines, x.tell(d))
		return false
	})
	return lines
}
