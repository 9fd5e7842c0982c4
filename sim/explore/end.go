package explore

import (
	"fmt"

	"holdfast/event"
)

// maxSweeps is how many sweeps an order may need to its end once all works: the
// whole chain heals behind one question.
const maxSweeps = 1

// maxReads bounds what one sweep may set off.
const maxReads = 64

// mind is how the processor decides once it answers for good.
type mind string

// The minds.
const (
	favours  mind = "the processor captures"
	refuses  mind = "the processor declines"
	silenced mind = "captures go unanswered" // and take no effect; voids and refunds are answered
)

// ending is one way in which the faults may be over: which question the sweeper
// asks, and how the processor decides.
type ending struct {
	sweep event.Type
	mind  mind
}

// endings lists those by which every order must end. An order whose captures go
// unanswered waits for its term, and needs a processor that can void.
func (o Options) endings() []ending {
	all := []ending{{sweepBefore, favours}, {sweepBefore, refuses}, {sweepAfter, favours}, {sweepAfter, refuses}}
	if !o.CannotVoid {
		all = append(all, ending{sweepAfter, silenced})
	}
	return all
}

// endless says why the order would not end if faults were over now: all that was
// under way is lost, and from now on each message arrives once, each call is
// answered, and the sweeper asks. What was under way may yet arrive too: that leads
// to states which are judged in turn.
func (x *explorer) endless(w world, lane int) verdict {
	for _, e := range x.endings() {
		h := healing{explorer: x, world: w, lane: x.lanes[lane], mind: e.mind}
		if what := h.sweep(e.sweep); what != "" {
			h.lines = append([]string{"all under way is lost, and faults are over"}, h.lines...)
			return verdict{"no right end when " + string(e.mind) + ": " + what, h.lines}
		}
	}
	return verdict{}
}

// healing is the way from a state to the end of one of its orders, without faults.
type healing struct {
	*explorer
	*lane
	world
	mind  mind
	lines []string // who did what
}

// sweep asks until the order has ended.
func (h *healing) sweep(t event.Type) string {
	for n := 0; ; n++ {
		v := h.view(h.records(h.number))
		switch {
		case v.order.Status == "" || v.order.Status.Ended():
			h.result.Sweeps = max(h.result.Sweeps, n)
			return v.broken()
		case n == maxSweeps:
			return fmt.Sprintf("%s after %d sweep", v.order.Status, n)
		}
		if what := h.drain(h.post.number(h.ask(t))); what != "" {
			return what
		}
	}
}

// drain has a letter read and all that follow from it.
func (h *healing) drain(first int) string {
	waiting := []int{first}
	for reads := 0; len(waiting) > 0; reads++ {
		n := waiting[0]
		p := h.reader(h.lane, n)
		at := h.of(p.name, h.number)
		o := p.read(*at, h.lane, n)
		h.lines = append(h.lines, h.tell(deed{lane: h.number, n: n, outcome: o}))
		if o.breach != "" || reads == maxReads {
			return fmt.Sprintf("after %d messages, %s", reads, o.breach)
		}
		*at = o.to
		waiting = append(waiting[1:], h.follow(o)...)
	}
	return ""
}

// follow lists the letters that follow a read one: what its reader says, and the
// answers to what it asks of the processor.
func (h *healing) follow(o *outcome) (all []int) {
	if o.send != none {
		all = append(all, o.send)
	}
	b := &h.courses[h.number].books
	for call := o.call; call != none; {
		e := h.processor.decided(*b, call, h.mind)
		h.lines = append(h.lines, h.tell(deed{kind: works, lane: h.number, effect: e}))
		*b, call = e.books, e.next
		if e.answer != none {
			all = append(all, e.answer)
		}
	}
	return all
}

// decided is the effect of a request whose answer arrives, by a processor of this
// mind.
func (p *processor) decided(b books, n int, m mind) effect {
	r := p.requests[n]
	rulings := p.rule(b, r.op)
	switch {
	case len(rulings) == 0, m == silenced && r.op == event.Capture:
		return p.hear(r, b, lost, "unanswered")
	case m == refuses:
		rulings = rulings[len(rulings)-1:]
	}
	return p.hear(r, rulings[0].books, rulings[0].answer, string(rulings[0].answer))
}
