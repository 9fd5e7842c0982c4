package enginetest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"
)

// world runs the three services over one engine's stores, and a gateway, in one
// goroutine. All that is under way lies in a bag, and the schedule says what
// comes out of it next: that is all that a queue promises.
type world struct {
	t        *testing.T
	e        *engine.Engine
	orders   *order.Service
	services map[event.Service]handler
	gateway  processor
	now      time.Time
	bag      []item
	sent     []event.Event // every message so far
	schedule
}

// schedule is how a world treats what is under way. The rates are from 0 to 1.
type schedule struct {
	pick    func(n int) int // which of n comes next
	batch   int             // the most messages handed in at once
	copies  int             // of each message
	carry   carrier         // how a queue hands a message over; nil: as it is
	lose    float64         // messages that are lost
	unknown float64         // gateway answers that are
	broken  float64         // points of a durable write that fail
	rng     *rand.Rand
}

// item is one thing under way: what a client asks, a message, a gateway call
// that a message asked for, or the answer to it.
type item struct {
	ask     func() error
	message event.Event
	call    event.Call
	answer  event.Event
}

// processor is a gateway that keeps PROTOCOL's contract and nothing else.
type processor struct {
	charges map[string]event.Type // the outcome by order id
	refunds map[string]bool
}

// do carries out a call.
func (p processor) do(t *testing.T, c event.Call) event.Type {
	had := p.charges[c.OrderID]
	switch {
	case c.Op == event.Refund && had != event.GatewayCaptured:
		t.Errorf("a refund of %s, whose charge is %q", c.OrderID, had)
	case c.Op == event.Refund:
		p.refunds[c.OrderID] = true
		return event.GatewayRefunded
	case had == "" && c.Op == event.Void:
		p.charges[c.OrderID] = event.GatewayVoided
	case had == "" && c.PaymentMethod == "sim_decline":
		p.charges[c.OrderID] = event.GatewayDeclined
	case had == "":
		p.charges[c.OrderID] = event.GatewayCaptured
	case had == event.GatewayDeclined && c.Op == event.Void:
		return event.GatewayVoided
	}
	return p.charges[c.OrderID]
}

func newWorld(t *testing.T, e *engine.Engine, s schedule) *world {
	w := &world{t: t, e: e, orders: orderService(e), now: start, schedule: s,
		gateway: processor{charges: map[string]event.Type{}, refunds: map[string]bool{}}}
	w.services = map[event.Service]handler{event.Order: w.orders, event.Inventory: inventoryService(e), event.Payment: paymentService(e)}
	return w
}

var errBroken = errors.New("the disk is broken")

// breakWrites makes writes fail at the schedule's rate.
func (w *world) breakWrites() {
	var mu sync.Mutex
	w.e.SetFault(func(engine.Point) error {
		mu.Lock()
		defer mu.Unlock()
		if w.rng.Float64() < w.broken {
			return errBroken
		}
		return nil
	})
}

// run goes on until every order has ended and nothing is under way.
func (w *world) run() {
	w.t.Helper()
	for range 200_000 {
		switch {
		case len(w.bag) > 0:
			w.step()
		case w.allEnded():
			return
		default:
			w.sweep()
		}
	}
	w.t.Fatal("the orders do not come to an end")
}

func (w *world) step() {
	next := w.take(w.pick(len(w.bag)))
	switch {
	case next.ask != nil:
		if err := next.ask(); err != nil {
			w.failed(err, next)
		}
	case next.call.Op != "":
		next.answer = event.Event{Type: w.perform(next.call), Version: event.Version, Ref: next.call.Ref}
		next.call = event.Call{}
		w.bag = append(w.bag, next)
	case next.answer.Type != "":
		w.deliver(event.Payment, []item{next})
	default:
		reader, _ := next.message.Type.Reader()
		w.deliver(reader, w.fill(reader, next))
	}
}

func (w *world) take(i int) item {
	it := w.bag[i]
	w.bag = slices.Delete(w.bag, i, i+1)
	return it
}

// perform makes a call, whose answer may get lost before or after its effect.
func (w *world) perform(c event.Call) event.Type {
	if w.rng.Float64() < w.unknown {
		if w.rng.IntN(2) == 0 {
			w.gateway.do(w.t, c)
		}
		return event.GatewayUnknown
	}
	return w.gateway.do(w.t, c)
}

// fill adds messages of the same reader to the first, up to a batch.
func (w *world) fill(reader event.Service, first item) []item {
	batch := []item{first}
	for i := 0; i < len(w.bag) && len(batch) < w.batch; {
		if r, ok := w.bag[i].message.Type.Reader(); ok && r == reader && w.bag[i].call.Op == "" && w.bag[i].answer.Type == "" {
			batch = append(batch, w.take(i))
		} else {
			i++
		}
	}
	return batch
}

// deliver hands a batch to a service and takes up what follows. A message whose
// batch failed, or that is to be retried, comes again.
func (w *world) deliver(reader event.Service, batch []item) {
	messages := make([]event.Event, len(batch))
	for i, it := range batch {
		if messages[i] = it.message; it.answer.Type != "" {
			messages[i] = it.answer
		}
	}
	results, err := w.services[reader].Handle(w.t.Context(), w.now, messages)
	if err != nil {
		for _, it := range batch {
			w.failed(err, item{message: it.message})
		}
		return
	}
	for i, r := range results {
		if r.Dead != nil {
			w.t.Errorf("%s of %s is dead: %v", messages[i].Type, messages[i].OrderID, r.Dead)
		}
		w.send(r.Send)
		if r.Call.Op != "" {
			w.bag = append(w.bag, item{message: batch[i].message, call: r.Call})
		}
		if r.Retry {
			w.bag = append(w.bag, item{message: batch[i].message})
		}
	}
}

// failed puts back what failed, which only a broken write may do.
func (w *world) failed(err error, it item) {
	if !errors.Is(err, errBroken) {
		w.t.Fatalf("unexpected error: %v", err)
	}
	w.bag = append(w.bag, it)
}

// send puts a message in the bag, as often as the schedule says.
func (w *world) send(e event.Event) {
	if e.Type == "" {
		return
	}
	w.sent = append(w.sent, e)
	if w.rng.Float64() < w.lose {
		return
	}
	if w.carry != nil {
		e = w.carry(w.t, e)
	}
	for range w.copies {
		w.bag = append(w.bag, item{message: e})
	}
}

// sweep lets time pass and asks again for what has been silent.
func (w *world) sweep() {
	w.now = w.now.Add(terms.Silence)
	events, err := w.orders.Sweep(w.t.Context(), w.now, 100)
	if err != nil && !errors.Is(err, errBroken) {
		w.t.Fatalf("unexpected error: %v", err)
	}
	for _, e := range events {
		w.send(e)
	}
}

func (w *world) allEnded() bool {
	return !slices.ContainsFunc(w.all(), func(o order.Order) bool { return !o.Status.Ended() })
}

func (w *world) all() []order.Order {
	return must(w.e.Orders.Scan(w.t.Context(), 0, 1000))(w.t)
}

// check holds the world to the promises: each order charged once or not at all,
// each unit where its order's end says, nothing left over.
func (w *world) check() {
	w.t.Helper()
	sold := map[string]int64{}
	for _, o := range w.all() {
		charged := w.gateway.charges[o.OrderID] == event.GatewayCaptured
		kept := charged && !w.gateway.refunds[o.OrderID]
		if kept != (o.Status == order.Completed) || o.Status == order.Refunded && !charged {
			w.t.Errorf("%s is %s; charged %t, kept %t", o.OrderID, o.Status, charged, kept)
		}
		for _, l := range o.Lines {
			if o.Status == order.Completed || o.Status == order.Refunded && !o.Restock {
				sold[l.SKU] += l.Qty
			}
		}
	}
	reservations, balances := snapshot(w.t, w.e)
	wantBalanced(w.t, reservations, balances)
	for _, b := range balances {
		if b.Reserved != 0 || b.Sold != sold[b.SKU] {
			w.t.Errorf("%s: %d reserved, %d sold; want 0, %d", b.SKU, b.Reserved, b.Sold, sold[b.SKU])
		}
	}
}

// records are all that the stores hold of the orders.
func (w *world) records() []any {
	var numbers []event.Ref
	orders := w.all()
	for _, o := range orders {
		numbers = append(numbers, o.Ref)
	}
	reservations, balances := snapshot(w.t, w.e)
	for i := range reservations {
		reservations[i] = stored(reservations[i])
	}
	payments := must(w.e.Payments.Get(w.t.Context(), numbers))(w.t)
	return []any{orders, reservations, balances, payments}
}

// place is a client's order; then is asked, if not nil, once it is accepted.
func (w *world) place(r order.Request, then func() error) {
	w.bag = append(w.bag, item{ask: func() error {
		placed, err := w.orders.Place(w.t.Context(), w.now, []order.Request{r})
		if err != nil {
			return err
		}
		wantNoError(w.t, placed[0].Err)
		w.send(placed[0].Send)
		if then != nil {
			w.bag = append(w.bag, item{ask: then})
		}
		return nil
	}})
}
