package explore

import (
	"fmt"
	"math/bits"

	"holdfast/event"
)

// world is one state. Equal worlds have the same future.
type world struct {
	courses [2]course // of our order, and of the rival if there is one
	stock   stand
}

// course is what is of one order alone.
type course struct {
	mail    letters  // all that was ever said and may be heard, the gateway's answers too
	calls   requests // all that was ever asked of the processor and may take effect
	order   stand
	payment stand
	books   books
}

// records are what the stores and the books hold of one order.
type records struct {
	lane                  int
	order, stock, payment stand
	books                 books
}

func (w *world) records(lane int) records {
	c := w.courses[lane]
	return records{lane, c.order, w.stock, c.payment, c.books}
}

// of is how a service's store stands for an order.
func (w *world) of(s event.Service, lane int) *stand {
	switch s {
	case event.Order:
		return &w.courses[lane].order
	case event.Inventory:
		return &w.stock
	}
	return &w.courses[lane].payment
}

// letters and requests are sets of what a post and a processor have given numbers to.
type (
	letters  uint64
	requests uint32
)

// none is no letter or no request.
const none = -1

func (s letters) with(n int) letters {
	if n == none {
		return s
	}
	return s | 1<<n
}

func (s requests) with(n int) requests {
	if n == none {
		return s
	}
	return s | 1<<n
}

// beginning is the world before a client has asked for anything.
func (x *explorer) beginning() world {
	var w world
	for i, l := range x.lanes {
		for _, e := range x.always(l) {
			w.courses[i].mail = w.courses[i].mail.with(l.post.number(e))
		}
	}
	return w
}

// always is what may be asked about an order at any time.
func (o Options) always(l *lane) []event.Event {
	all := []event.Event{l.ask(place), l.ask(sweepBefore), l.ask(sweepAfter)}
	if l.number == 0 || !o.Meek {
		all = append(all, l.ask(cancel), l.ask(refund), restocking(l.ask(refund)))
	}
	if l.number == 0 && o.Delivery {
		all = append(all, l.ask(unitComesIn))
	}
	return all
}

// deed is one step: a letter is read, or a request takes effect or is given up.
type deed struct {
	kind    kind
	lane    int
	n       int // of the letter
	outcome *outcome
	effect  effect
	breach  string
}

type kind int

// The kinds of deeds.
const (
	reads        kind = iota // with all that follows
	readsAndDies             // a crash right after the write
	readsAndSays             // a crash between the event and the call
	works                    // a request at the processor
)

// each calls visit for every step from the world until it returns false.
func (x *explorer) each(w world, visit func(to world, d deed) bool) {
	for lane := range x.lanes {
		for left := w.courses[lane].mail; left != 0; left &= left - 1 {
			if !x.read(w, lane, bits.TrailingZeros64(uint64(left)), visit) {
				return
			}
		}
		for left := w.courses[lane].calls; left != 0; left &= left - 1 {
			if !x.work(w, lane, bits.TrailingZeros32(uint32(left)), visit) {
				return
			}
		}
	}
}

// read delivers a letter to its reader.
func (x *explorer) read(w world, lane, n int, visit func(world, deed) bool) bool {
	l := x.lanes[lane]
	p := x.reader(l, n)
	o := p.read(*w.of(p.name, lane), l, n)
	d := deed{lane: lane, n: n, outcome: o, breach: o.breach}
	*w.of(p.name, lane) = o.to
	if x.Losses && !lose(w, d, visit) {
		return false
	}
	w.courses[lane].mail = w.courses[lane].mail.with(o.send)
	w.courses[lane].calls = w.courses[lane].calls.with(o.call)
	return visit(w, d)
}

// lose has the reader of a letter die before it has done all that follows.
func lose(w world, d deed, visit func(world, deed) bool) bool {
	o := d.outcome
	if o.send == none && o.call == none {
		return true
	}
	d.kind = readsAndDies
	if !visit(w, d) {
		return false
	}
	if o.send == none || o.call == none {
		return true
	}
	w.courses[d.lane].mail = w.courses[d.lane].mail.with(o.send)
	d.kind = readsAndSays
	return visit(w, d)
}

// work lets a request take effect, with its answer heard or lost, or be given up
// before it does; either way it may take effect again.
func (x *explorer) work(w world, lane, n int, visit func(world, deed) bool) bool {
	for _, e := range x.lanes[lane].processor.effects(w.courses[lane].books, n) {
		to := w
		c := &to.courses[lane]
		c.books, c.mail, c.calls = e.books, c.mail.with(e.answer), c.calls.with(e.next)
		if !visit(to, deed{kind: works, lane: lane, effect: e, breach: e.breach}) {
			return false
		}
	}
	return true
}

// tell says in words what was done.
func (x *explorer) tell(d deed) string {
	l := x.lanes[d.lane]
	who, what, text := "processor", d.effect.name, d.effect.text
	if d.kind != works {
		who, what, text = string(x.reader(l, d.n).name), l.post.name(d.n), d.outcome.text
	}
	if d.lane > 0 {
		what = "rival's " + what
	}
	switch d.kind {
	case readsAndDies:
		text += "   † dies right after the write"
	case readsAndSays:
		text += "   † dies before the call"
	}
	return fmt.Sprintf("%-10s %-28s %s", who, what, text)
}
