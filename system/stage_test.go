package system_test

import (
	"context"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"holdfast/audit"
	"holdfast/engine"
	"holdfast/engine/memory"
	"holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// stage plays the protocol by hand: the three services over an engine, in one
// goroutine, with every message and every call to the gateway in the test's own
// hands. Nothing happens that the test does not say.
type stage struct {
	t         *testing.T
	engine    *engine.Engine
	orders    *order.Service
	inventory *inventory.Service
	payments  *payment.Service
	ledger    *simulated.Gateway
	gateway   payment.Gateway
	now       time.Time

	inbox  []event.Event          // sent and not yet delivered
	sent   []event.Event          // all that was ever sent, what got lost left out
	lose   func(event.Event) bool // nil: nothing is lost
	manual bool                   // calls wait in calls for answer
	calls  []event.Call
	polled func() // if set, runs after each message or answer
}

const (
	hold    = 15 * time.Minute
	silence = 30 * time.Second
)

// engines open a fresh engine of each kind.
var engines = map[string]func(*testing.T) *engine.Engine{
	"memory": func(*testing.T) *engine.Engine { return &memory.New().Engine },
	"sqlite": openSQLite,
}

// onEveryEngine runs the test once an engine, on a stage with ten units of A123
// and none of B456, and audits what it leaves.
func onEveryEngine(t *testing.T, play func(*stage)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, open(t))
			s.count("A123", 10)
			s.count("B456", 0)
			play(s)
			audited(t, s.engine)
		})
	}
}

func openSQLite(t *testing.T) *engine.Engine {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	e, err := sqlite.Open(sqlite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func newStage(t *testing.T, e *engine.Engine) *stage {
	s := &stage{t: t, engine: e, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	s.orders = &order.Service{Store: e.Orders, Terms: order.Terms{Hold: hold, Silence: silence}}
	s.inventory = &inventory.Service{Store: e.Inventory}
	s.payments = &payment.Service{Store: e.Payments}
	s.ledger = &simulated.Gateway{Ledger: e.Ledger, Now: func() time.Time { return s.now }}
	s.gateway = s.ledger
	return s
}

func (s *stage) count(sku string, onHand int64) {
	s.t.Helper()
	_, err := s.inventory.Count(s.t.Context(), inventory.Count{SKU: sku, OnHand: onHand, Price: event.Money{Amount: 1999, Currency: "USD"}, At: s.now})
	s.check(err)
}

// place accepts an order of one unit of A123 and sends its event.
func (s *stage) place(id, method string) {
	s.t.Helper()
	s.placeLines(id, method, event.Line{SKU: "A123", Qty: 1})
}

func (s *stage) placeLines(id, method string, lines ...event.Line) {
	s.t.Helper()
	placed, err := s.orders.Place(s.t.Context(), s.now, []order.Request{{Caller: "local", UserID: "test_user", OrderID: id, Lines: lines, PaymentMethod: method}})
	s.check(err)
	s.check(placed[0].Err)
	s.send(placed[0].Send)
}

func (s *stage) cancel(id string) {
	s.t.Helper()
	_, e, err := s.orders.Cancel(s.t.Context(), s.now, id)
	s.check(err)
	s.send(e)
}

func (s *stage) refund(id string, restock bool) {
	s.t.Helper()
	_, e, err := s.orders.Refund(s.t.Context(), s.now, id, restock)
	s.check(err)
	s.send(e)
}

func (s *stage) send(e event.Event) {
	switch {
	case e.Type == "", s.lose != nil && s.lose(e):
	default:
		s.inbox = append(s.inbox, e)
		s.sent = append(s.sent, e)
	}
}

// take is the next message.
func (s *stage) take() event.Event {
	e := s.inbox[0]
	s.inbox = s.inbox[1:]
	return e
}

// run delivers messages until there are none, each of them twice.
func (s *stage) run() {
	s.t.Helper()
	for len(s.inbox) > 0 {
		e := s.take()
		s.deliver(e)
		s.deliver(e)
	}
}

// deliver hands one message to its reader.
func (s *stage) deliver(e event.Event) {
	s.t.Helper()
	reader, _ := e.Type.Reader()
	s.handle(reader, e)
}

func (s *stage) service(reader event.Service) func(context.Context, time.Time, []event.Event) ([]event.Result, error) {
	return map[event.Service]func(context.Context, time.Time, []event.Event) ([]event.Result, error){
		event.Order: s.orders.Handle, event.Inventory: s.inventory.Handle, event.Payment: s.payments.Handle,
	}[reader]
}

func (s *stage) handle(reader event.Service, e event.Event) {
	s.t.Helper()
	results, err := s.service(reader)(s.t.Context(), s.now, []event.Event{e})
	s.check(err)
	if s.polled != nil {
		s.polled()
	}
	r := results[0]
	if r.Dead != nil {
		s.t.Fatalf("%s to %s is dead: %v", e.Type, reader, r.Dead)
	}
	s.send(r.Send)
	switch {
	case r.Call.Op == "":
	case s.manual:
		s.calls = append(s.calls, r.Call)
	default:
		s.answer(r.Call)
	}
}

// answer makes a call to the gateway and hands its answer to payment.
func (s *stage) answer(c event.Call) {
	s.t.Helper()
	s.handle(event.Payment, s.perform(c))
}

// perform makes a call to the gateway, and returns its answer.
func (s *stage) perform(c event.Call) event.Event {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	if c.Op == event.Capture && c.PaymentMethod == simulated.Down {
		cancel() // no test waits for what never answers
	}
	defer cancel()
	answer, _ := payment.Perform(ctx, s.gateway, c)
	return answer
}

// call is the one that waits for an answer to this operation; several of them
// ask for the same.
func (s *stage) call(op event.Op) event.Call {
	s.t.Helper()
	i := slices.IndexFunc(s.calls, func(c event.Call) bool { return c.Op == op })
	if i < 0 {
		s.t.Fatalf("no %s was asked for: %v", op, s.calls)
	}
	return s.calls[i]
}

// later moves the clock, sweeps, and delivers what that leads to.
func (s *stage) later(d time.Duration) {
	s.t.Helper()
	s.now = s.now.Add(d)
	s.sweep(s.now)
	s.run()
}

// sweep sends what a sweeper with this idea of the time would.
func (s *stage) sweep(now time.Time) {
	s.t.Helper()
	events, err := s.orders.Sweep(s.t.Context(), now, 100)
	s.check(err)
	for _, e := range events {
		s.send(e)
	}
}

// losing loses every message of a type until found.
func (s *stage) losing(t event.Type) {
	s.lose = func(e event.Event) bool { return e.Type == t }
}

// found ends losing.
func (s *stage) found() { s.lose = nil }

func (s *stage) order(id string) order.Order {
	s.t.Helper()
	o, err := s.engine.Orders.Get(s.t.Context(), id)
	s.check(err)
	return o
}

// want checks where an order has come to.
func (s *stage) want(id string, status order.Status, reason string) {
	s.t.Helper()
	if o := s.order(id); o.Status != status || o.Reason != reason {
		s.t.Errorf("order %s is %s (%s), want %s (%s)", id, o.Status, o.Reason, status, reason)
	}
}

// wantStock checks A123.
func (s *stage) wantStock(available, reserved, sold int64) {
	s.t.Helper()
	row, err := s.engine.Inventory.Stock(s.t.Context(), "A123")
	s.check(err)
	if got, want := [3]int64{row.Available, row.Reserved, row.Sold}, [3]int64{available, reserved, sold}; got != want {
		s.t.Errorf("A123: available, reserved, sold are %v, want %v", got, want)
	}
}

// wantBooks checks what the gateway has in its books of an order: the number of
// captures and of refunds.
func (s *stage) wantBooks(id string, captures, refunds int) {
	s.t.Helper()
	books, err := s.engine.Ledger.Get(s.t.Context(), []event.Ref{s.order(id).Ref})
	s.check(err)
	count := func(state simulated.State) (n int) {
		for _, e := range books[0] {
			if e.State == state {
				n++
			}
		}
		return n
	}
	if c, r := count(simulated.Captured), count(simulated.Refunded); c != captures || r != refunds {
		s.t.Errorf("order %s: %d captures and %d refunds, want %d and %d", id, c, r, captures, refunds)
	}
}

// records are all that the stores hold of an order, and the stock of A123.
func (s *stage) records(id string) []any {
	s.t.Helper()
	o := s.order(id)
	reservations, err := s.engine.Inventory.Get(s.t.Context(), []event.Ref{o.Ref})
	s.check(err)
	payments, err := s.engine.Payments.Get(s.t.Context(), []event.Ref{o.Ref})
	s.check(err)
	stock, err := s.engine.Inventory.Stock(s.t.Context(), "A123")
	s.check(err)
	return []any{o, reservations[0], payments[0], stock}
}

// wantUnchanged compares an order's records with what they were.
func (s *stage) wantUnchanged(id string, before []any, by string) {
	s.t.Helper()
	for i, now := range s.records(id) {
		if !reflect.DeepEqual(now, before[i]) {
			s.t.Errorf("%s changed\n%+v\nto\n%+v", by, before[i], now)
		}
	}
}

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// audited checks every promise on what the stores hold, once all has ended.
func audited(t *testing.T, e *engine.Engine) {
	t.Helper()
	report, err := audit.Check(t.Context(), audit.Stores{
		Orders: e.Orders, Inventory: e.Inventory, Payments: e.Payments, Ledger: e.Ledger, DeadLetters: e.DeadLetters,
	}, audit.Options{Drained: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range report.Breaches {
		t.Errorf("audit: %+v", b)
	}
}
