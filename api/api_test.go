package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/engine"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/keys"
	"holdfast/order"
	"holdfast/recorder"
)

const (
	seedBody = `{"user_id": "test_user", "items": [{"sku": "A123", "qty": 1}]}`
	jsonType = "Content-Type: application/json"
	ownHost  = "127.0.0.1:8000"
)

// epoch is the servers' time. Its odd microseconds must never be seen.
var epoch = time.Date(2026, 11, 23, 9, 0, 0, 120_456_789, time.UTC)

// server is the API over the reference engine.
type server struct {
	*api.API
	t         testing.TB
	engine    engine.Engine
	orders    *order.Service
	inventory *inventory.Service
	recorder  *recorder.Recorder
	log       *strings.Builder

	mu   sync.Mutex
	sent []event.Event
}

func start(t testing.TB, options ...func(*api.Config)) *server {
	t.Helper()
	s := &server{t: t, engine: memory.New().Engine, log: new(strings.Builder)}
	s.orders = &order.Service{Store: s.engine.Orders, Terms: order.Terms{Hold: 15 * time.Minute, Silence: 30 * time.Second}}
	s.inventory = &inventory.Service{Store: s.engine.Inventory}
	ids := 0
	c := api.Config{
		Orders: s.orders, Inventory: s.inventory, Payments: s.engine.Payments, Send: s.send,
		Now: func() time.Time { return epoch },
		NewID: func() string {
			s.mu.Lock()
			defer s.mu.Unlock()
			ids++
			return fmt.Sprintf("order-%d", ids)
		},
		Ready:    func(context.Context) error { return nil },
		Recorder: recorder.New(func() time.Time { return epoch }),
		Keys:     &keys.Ring{Store: s.engine.Keys, Now: time.Now},
		Log:      slog.New(slog.NewTextHandler(s.log, nil)), Version: "test",
	}
	for _, option := range options {
		option(&c)
	}
	s.API, s.recorder = api.New(c), c.Recorder
	s.orders.Changed = func(o order.Order, _ event.Event) { s.OrderChanged(o) }
	return s
}

// reset empties the server for another test.
func (s *server) reset(t testing.TB) {
	s.t, s.engine, s.sent = t, memory.New().Engine, nil
	s.orders.Store, s.inventory.Store = s.engine.Orders, s.engine.Inventory
}

func (s *server) send(_ context.Context, events []event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, events...)
	return nil
}

// key makes an API key and returns the header that sends it.
func (s *server) key(name string, scopes ...keys.Scope) string {
	s.t.Helper()
	k, secret, err := keys.New(name, scopes, epoch)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.engine.Keys.Create(s.t.Context(), k); err != nil {
		s.t.Fatal(err)
	}
	return "Authorization: Bearer " + secret
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// do makes a request with headers given as "Name: value".
func (s *server) do(method, target, body string, headers ...string) answer {
	return s.serve(newRequest(method, target, body, headers...))
}

func newRequest(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = ownHost
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func (s *server) serve(r *http.Request) answer {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func (s *server) get(target string, headers ...string) answer {
	return s.do(http.MethodGet, target, "", headers...)
}

func (s *server) post(target, body string, headers ...string) answer {
	return s.do(http.MethodPost, target, body, append(headers, jsonType)...)
}

// place posts the seed order under an id and fails the test unless it is new.
func (s *server) place(id string) {
	s.t.Helper()
	a := s.post("/orders", fmt.Sprintf(`{"user_id": "test_user", "order_id": %q, "items": [{"sku": "A123", "qty": 1}]}`, id))
	a.want(s.t, http.StatusAccepted)
	if a.header.Get("Idempotent-Replayed") != "" {
		s.t.Fatalf("order %s was there already", id)
	}
}

// tell hands the order service an event about an order.
func (s *server) tell(id string, t event.Type, change func(*event.Event)) {
	s.t.Helper()
	o, err := s.engine.Orders.Get(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	e := event.New(t, o.Ref, epoch)
	if change != nil {
		change(&e)
	}
	results, err := s.orders.Handle(s.t.Context(), epoch.Truncate(time.Millisecond), []event.Event{e})
	if err != nil || results[0].Dead != nil {
		s.t.Fatal(err, results)
	}
}

// complete brings an order to its good end.
func (s *server) complete(id string) {
	s.t.Helper()
	s.tell(id, event.StockSettled, func(e *event.Event) {
		price := event.Money{Amount: 1999, Currency: "USD"}
		e.Lines, e.Total = []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}, price
		e.ReservedAt = epoch.Add(20 * time.Millisecond).Truncate(time.Millisecond)
	})
}

// stored is every order there is.
func (s *server) stored() []order.Order {
	s.t.Helper()
	orders, err := s.engine.Orders.Scan(s.t.Context(), 0, 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	return orders
}

func (s *server) stock(sku string, onHand int) answer {
	s.t.Helper()
	a := s.do(http.MethodPut, "/inventory/"+sku, fmt.Sprintf(`{"on_hand": %d, "price": {"amount": 1999, "currency": "USD"}}`, onHand), jsonType)
	a.want(s.t, http.StatusOK)
	return a
}

func (a answer) want(t testing.TB, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
}

// problem reads the answer as a problem and checks its form.
func (a answer) problem(t testing.TB, status int) client.Problem {
	t.Helper()
	a.want(t, status)
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type %q of %s", got, a.body)
	}
	p := read[client.Problem](t, a)
	if p.Status != status || p.Title == "" || p.Detail == "" || !strings.HasPrefix(p.Type, "urn:holdfast:problem:") {
		t.Fatalf("no whole problem: %s", a.body)
	}
	return p
}

func read[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("more than one value in %s", a.body)
	}
	return v
}

// reserve holds units of a SKU.
func (s *server) reserve(sku string, qty int64) {
	s.t.Helper()
	e := event.New(event.OrderPlaced, event.Ref{OrderID: "held", Number: 1}, epoch)
	e.Lines = []event.Line{{SKU: sku, Qty: qty}}
	if results, err := s.inventory.Handle(s.t.Context(), epoch, []event.Event{e}); err != nil || results[0].Send.Type != event.StockReserved {
		s.t.Fatal(err, results)
	}
}
