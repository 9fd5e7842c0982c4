package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"holdfast/event"
	"holdfast/payment"
)

// processor is the card processor behind the adapter. It gives numbers to the
// requests that are under way to it.
type processor struct {
	Options
	ref      event.Ref
	post     *post
	keys     keys
	requests []request
	numbers  map[string]int
	known    map[question][]effect
}

// question is a request that meets the books.
type question struct {
	books
	request int
}

// request is a call on its way through the adapter: what the adapter has heard
// so far, and what it asks of the processor next.
type request struct {
	call  event.Call
	heard []payment.Answer
	op    event.Op
	about payment.Charge
}

// effect is one thing that a request may lead to.
type effect struct {
	books  books
	answer int // the letter that brings the answer, or none
	next   int // what the adapter asks next, or none
	name   string
	text   string
	breach string
}

// lost stands for an answer that does not arrive in time.
const lost payment.Answer = ""

func newProcessor(o Options, l *lane, k keys) *processor {
	if o.Adapter == nil {
		o.Adapter = func(g payment.Gateway) payment.Gateway { return g }
	}
	return &processor{Options: o, ref: l.ref, post: l.post, keys: k, numbers: make(map[string]int), known: make(map[question][]effect)}
}

// number is that of the request with which the call begins, none if there is no call.
func (p *processor) number(c event.Call) int {
	if c.Op == "" {
		return none
	}
	_, next := p.ask(c, nil)
	return next
}

// ask runs the adapter on a call as far as what it has heard takes it: to its
// answer, or to its next request.
func (p *processor) ask(c event.Call, heard []payment.Answer) (answer, next int) {
	wire := &wire{heard: slices.Clone(heard)}
	e, err := payment.Perform(context.Background(), p.Adapter(wire), c)
	if !errors.Is(err, errAsks) {
		return p.post.number(e), none
	}
	key := fmt.Sprint(c, heard)
	n, known := p.numbers[key]
	if !known {
		n = len(p.requests)
		p.numbers[key] = n
		p.requests = append(p.requests, request{call: c, heard: heard, op: wire.op, about: wire.about})
	}
	return none, n
}

// errAsks stops an adapter at a request that has no answer yet.
var errAsks = errors.New("the request is under way")

// errLost is what an adapter sees when an answer does not arrive in time.
var errLost = errors.New("the request timed out")

// wire is the processor as the adapter sees it: it repeats what was heard, and
// notes what is asked after that.
type wire struct {
	heard []payment.Answer
	op    event.Op
	about payment.Charge
}

func (w *wire) Capture(_ context.Context, c payment.Charge) (payment.Answer, error) {
	return w.next(event.Capture, c)
}

func (w *wire) Void(_ context.Context, c payment.Charge) (payment.Answer, error) {
	return w.next(event.Void, c)
}

func (w *wire) Refund(_ context.Context, c payment.Charge) (payment.Answer, error) {
	return w.next(event.Refund, c)
}

func (w *wire) next(op event.Op, c payment.Charge) (payment.Answer, error) {
	if len(w.heard) == 0 {
		w.op, w.about = op, c
		return "", errAsks
	}
	answer := w.heard[0]
	w.heard = w.heard[1:]
	if answer == lost {
		return "", errLost
	}
	return answer, nil
}

// effects are all that request n may lead to with the books so.
func (p *processor) effects(b books, n int) []effect {
	all, known := p.known[question{b, n}]
	if !known {
		all = p.meet(b, p.requests[n])
		p.known[question{b, n}] = all
	}
	return all
}

func (p *processor) meet(b books, r request) (all []effect) {
	if wrong := p.wrong(r); wrong != "" {
		return []effect{{books: b, answer: none, next: none, name: r.name(), breach: wrong}}
	}
	for _, o := range p.rule(b, r.op) {
		if o.answer != lost {
			all = append(all, p.hear(r, o.books, o.answer, string(o.answer)))
			all = append(all, p.hear(r, o.books, lost, string(o.answer)+", but the answer is lost"))
		}
	}
	return append(all, p.hear(r, b, lost, "given up before it takes effect"))
}

// hear is the effect of a request that leaves the books so and brings the adapter
// this answer.
func (p *processor) hear(r request, b books, heard payment.Answer, what string) effect {
	e := effect{books: b, name: r.name(), text: what}
	e.answer, e.next = p.ask(r.call, append(slices.Clone(r.heard), heard))
	return e
}

// name says what is asked, and within which call where that is another.
func (r request) name() string {
	if len(r.heard) == 0 && r.op == r.call.Op {
		return string(r.op)
	}
	return fmt.Sprintf("%s, for a %s", r.op, r.call.Op)
}

// wrong tells what of the request breaks the port's contract: one key an order
// for Capture and Void and one more for Refund, for ever, and the order's total.
func (p *processor) wrong(r request) string {
	use := "the charge of order " + p.ref.OrderID
	if r.op == event.Refund {
		use = "the refund of order " + p.ref.OrderID
	}
	switch {
	case !p.keys.belongs(r.about.Key, use):
		return fmt.Sprintf("%s under the key %q, which is not the one for %s", r.op, r.about.Key, use)
	case r.about.Amount != price:
		return fmt.Sprintf("%s of %s", r.op, r.about.Amount)
	}
	return ""
}
