package audit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

var (
	start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	terms = order.Terms{Hold: 15 * time.Minute, Silence: 30 * time.Second}
)

// world drives the three services by hand: one queue, one clock, no goroutine.
// Several worlds may share an engine.
type world struct {
	t         *testing.T
	name      string
	engine    *memory.Memory
	orders    order.Service
	inventory inventory.Service
	payments  payment.Service
	gateway   *simulated.Gateway
	now       time.Time
	queue     []event.Event
	random    *rand.Rand
	ids       []string
}

func newWorld(t *testing.T, e *memory.Memory, name string, seed uint64) *world {
	w := &world{
		t: t, name: name, engine: e, now: start,
		orders:    order.Service{Store: e.Orders, Terms: terms},
		inventory: inventory.Service{Store: e.Inventory},
		payments:  payment.Service{Store: e.Payments},
		random:    rand.New(rand.NewPCG(seed, 0)),
	}
	w.gateway = &simulated.Gateway{Ledger: e.Ledger, Now: func() time.Time { return w.now }}
	return w
}

// stocked returns an engine with plenty of A123, little of C789 and no B456.
func stocked(t *testing.T) *memory.Memory {
	e := memory.New()
	for sku, n := range map[string]int64{"A123": 1_000, "B456": 0, "C789": 10} {
		price := event.Money{Amount: 1999, Currency: "USD"}
		if _, err := (&inventory.Service{Store: e.Inventory}).Count(context.Background(), inventory.Count{SKU: sku, OnHand: n, Price: price, At: start}); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func stores(w *world) Stores {
	e := w.engine
	return Stores{Orders: e.Orders, Inventory: e.Inventory, Payments: e.Payments, Ledger: e.Ledger, DeadLetters: e.DeadLetters}
}

// place places an order of one unit of each SKU and queues what follows.
func (w *world) place(id, method string, skus ...string) {
	r := order.Request{Caller: "local", UserID: "test_user", OrderID: id, PaymentMethod: method}
	for _, sku := range skus {
		r.Lines = append(r.Lines, event.Line{SKU: sku, Qty: 1})
	}
	placed, err := w.orders.Place(context.Background(), w.now, []order.Request{r})
	if err != nil || placed[0].Err != nil {
		w.t.Error(err, placed)
		return
	}
	w.ids = append(w.ids, id)
	w.queue = append(w.queue, placed[0].Send)
}

// cancel and refund ask for it, which the order's status may forbid.
func (w *world) cancel(id string) {
	_, send, err := w.orders.Cancel(context.Background(), w.now, id)
	w.asked(send, err)
}

func (w *world) refund(id string, restock bool) {
	_, send, err := w.orders.Refund(context.Background(), w.now, id, restock)
	w.asked(send, err)
}

func (w *world) asked(send event.Event, err error) {
	if err != nil && !errors.Is(err, event.Conflict) {
		w.t.Error(err)
	}
	if send.Type != "" {
		w.queue = append(w.queue, send)
	}
}

// deliver hands an event to its reader and queues what follows; a call to the
// gateway is made at once and its answer queued.
func (w *world) deliver(e event.Event) {
	handle := map[event.Service]func(context.Context, time.Time, []event.Event) ([]event.Result, error){
		event.Order: w.orders.Handle, event.Inventory: w.inventory.Handle, event.Payment: w.payments.Handle,
	}
	reader, ok := e.Type.Reader()
	if !ok {
		reader = event.Payment // the gateway's answers
	}
	results, err := handle[reader](context.Background(), w.now, []event.Event{e})
	if err != nil || results[0].Dead != nil {
		w.t.Errorf("%s of %s: %v %v", e.Type, e.OrderID, err, results)
		return
	}
	if r := results[0]; r.Send.Type != "" {
		w.queue = append(w.queue, r.Send)
	}
	if c := results[0].Call; c.Op != "" {
		answer, _ := payment.Perform(context.Background(), w.gateway, c)
		w.queue = append(w.queue, answer)
	}
}

// run delivers what is queued, in order: at most n events, all of them if n is 0.
func (w *world) run(n int) {
	for i := 0; len(w.queue) > 0 && (n == 0 || i < n); i++ {
		e := w.queue[0]
		w.queue = w.queue[1:]
		w.deliver(e)
	}
}

// stop loses what is queued.
func (w *world) stop() { w.queue = nil }

// sweep lets time pass and queues what the sweeper sends of this world's orders.
func (w *world) sweep(d time.Duration) {
	w.now = w.now.Add(d)
	events, err := w.orders.Sweep(context.Background(), w.now, 1000)
	if err != nil {
		w.t.Error(err)
	}
	w.queue = append(w.queue, events...)
}

// step does one thing at random that a client, a queue or the sweeper may do;
// messages come in any order, some twice, some never.
func (w *world) step(maxOrders int) {
	switch dice := w.random.IntN(100); {
	case dice < 12 && len(w.ids) < maxOrders:
		methods := []string{simulated.Approve, simulated.Approve, simulated.Decline, simulated.Timeout, simulated.Flaky}
		skus := [][]string{{"A123"}, {"A123"}, {"A123", "C789"}, {"B456"}}
		w.place(fmt.Sprintf("%s-%d", w.name, len(w.ids)), methods[w.random.IntN(len(methods))], skus[w.random.IntN(len(skus))]...)
	case dice < 16 && len(w.ids) > 0:
		w.cancel(w.ids[w.random.IntN(len(w.ids))])
	case dice < 22 && len(w.ids) > 0:
		w.refund(w.ids[w.random.IntN(len(w.ids))], dice%2 == 0)
	case len(w.queue) == 0 || dice == 99:
		w.sweep(time.Duration(1+w.random.IntN(10)) * time.Minute)
	default:
		w.deliverAny()
	}
}

func (w *world) deliverAny() {
	i := w.random.IntN(len(w.queue))
	e := w.queue[i]
	chance := w.random.IntN(20)
	if chance != 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
	}
	if chance != 1 {
		w.deliver(e)
	}
}

// finish brings every order to its end.
func (w *world) finish() {
	for range 50 {
		w.run(0)
		w.sweep(time.Hour)
		if len(w.queue) == 0 {
			return
		}
	}
	w.t.Fatalf("%d messages are still on their way", len(w.queue))
}

func check(t *testing.T, s Stores, opts Options) Report {
	t.Helper()
	report, err := Check(context.Background(), s, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
