package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	wire "holdfast/api/client"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

// base is where the document's examples find a server: where make run has it.
const base = "http://127.0.0.1:8000"

// The orders and the dead letter that examples are about.
const (
	exampleNamed  = "order-1001" // completed
	exampleHeld   = "order-1002" // its payment waits for an answer, so it can be cancelled
	exampleLetter = exampleNamed + ":OrderPlaced"
	exampleNumber = 2 // the example before it is the first order of all
)

// example is a request that a server with its starting stock answers well, and
// what its answer looks like. A parameter's example stands at the parameter.
type example struct {
	bodies []exampleBody // the first is the one to show
	answer any           // nil: there is no body
}

// exampleBody is a request's body, as a person would type it.
type exampleBody struct{ name, summary, text string }

func body(text string) []exampleBody { return []exampleBody{{text: text}} }

// examples are those of every operation.
var examples = map[string]example{
	"place-order": {bodies: []exampleBody{
		{"first", "The first order", `{"user_id": "test_user", "items": [{"sku": "A123", "qty": 1}]}`},
		{"named", "An id of your own, and a card that is approved", `{"user_id": "test_user", "items": [{"sku": "A123", "qty": 1}], "order_id": "` + exampleNamed + `", "payment_method": "sim_approve"}`},
		{"open", "A processor that never answers, so that the order can be cancelled", `{"user_id": "test_user", "items": [{"sku": "A123", "qty": 1}], "order_id": "` + exampleHeld + `", "payment_method": "sim_down"}`},
	}, answer: wire.Accepted{OrderID: "01a20710-cc0d-7d0b-abce-f5968913cc38", Status: string(order.Pending), UserID: exampleUser, Items: []wire.Line{{SKU: exampleSKU, Qty: 1}}, CreatedAt: exampleTime(0)}},
	"get-order":    {answer: exampleOrder(exampleNamed, order.Pending, order.Reserved, order.Completed)},
	"list-orders":  {answer: wire.OrderPage{Orders: []wire.Order{exampleOrder(exampleNamed, order.Pending, order.Reserved, order.Completed)}}},
	"cancel-order": {answer: exampleOrder(exampleHeld, order.Pending, order.Reserved, order.Cancelling)},
	"refund-order": {bodies: body(`{"restock": true}`), answer: exampleOrder(exampleNamed, order.Pending, order.Reserved, order.Completed, order.Refunding)},
	"get-timeline": {answer: wire.Timeline{
		Order: exampleOrder(exampleNamed, order.Pending, order.Reserved, order.Completed), Number: exampleNumber, Now: exampleTime(time.Minute), HoldUntil: exampleTime(15 * time.Minute),
		Reservation: exampleReservation(), Payment: examplePayment(), Remembered: exampleMemory(event.Inventory, event.Payment, event.Order), Unanswered: []string{},
	}},

	"list-stock": {answer: wire.StockPage{Inventory: []wire.Stock{exampleStock(99, 1)}}},
	"get-stock":  {answer: exampleStock(99, 1)},
	"set-stock":  {bodies: body(`{"on_hand": 100, "price": {"amount": 1999, "currency": "USD"}}`), answer: exampleStock(100, 1)},
	"adjust-stock": {
		bodies: body(`{"adjustment_id": "shelf-7-damaged", "delta": -3, "reason": "damaged"}`),
		answer: wire.Adjusted{AdjustmentID: "shelf-7-damaged", SKU: exampleSKU, Delta: -3, Reason: "damaged", At: exampleTime(0)},
	},
	"list-ledger": {answer: wire.LedgerPage{Entries: []wire.LedgerEntry{
		{AdjustmentID: "shelf-7-damaged", Delta: -3, Reason: "damaged", At: exampleTime(time.Minute)},
		{Delta: 100, Reason: "counted", At: exampleTime(0)},
	}}},

	"list-queues": {answer: wire.QueuePage{Queues: []wire.Queue{
		exampleQueue(event.Order, 0, 0), exampleQueue(event.Inventory, 2, 1), exampleQueue(event.Payment, 0, 0),
	}}},
	"list-dead-letters":  {answer: wire.DeadLetterPage{DeadLetters: []wire.DeadLetter{exampleDeadLetter()}}},
	"get-dead-letter":    {answer: exampleDeadLetter()},
	"redrive":            {bodies: body(`{"ids": ["` + exampleLetter + `"]}`), answer: wire.Redriven{Redriven: 1}},
	"delete-dead-letter": {},

	"livez":      {answer: wire.Health{Status: "ok"}},
	"readyz":     {answer: wire.Health{Status: "ok"}},
	"get-caller": {answer: wire.Caller{Name: "local", Scopes: []string{"orders", "inventory", "ops"}}},
	"get-overview": {answer: wire.Overview{
		Now: exampleTime(time.Minute), Since: exampleTime(0), Engine: "sqlite", Version: "1.0.0", Open: new(1),
		ByStatus: map[string]int{string(order.Reserved): 1, string(order.Completed): 118}, EndedSince: map[string]int{string(order.Completed): 118}, IntervalSeconds: 10,
		Points:  []wire.Point{{At: exampleTime(time.Minute), Accepted: 119, Ended: 118, P50: new(0.004), P99: new(0.02), Open: new(1)}},
		Overdue: []wire.Overdue{},
	}},
	"get-record": {answer: wire.Record{Service: string(event.Inventory), Reservation: exampleReservation(), Remembered: exampleMemory(event.Inventory)}},
	"get-gateway": {answer: wire.Gateway{Name: "simulated", Breakers: []wire.Breaker{
		{Operation: "capture", State: "closed"}, {Operation: "void", State: "closed"}, {Operation: "refund", State: "closed"},
	}}},
	"get-cost": {answer: map[string]any{
		"orders": 1000, "usd_per_million_orders": 8.02, "total": map[string]any{"write_units": 6034, "read_units": 12, "sqs_requests": 1210, "usd": 0.00802},
	}},
	"gateway-outage": {bodies: body(`{"seconds": 60}`), answer: wire.OutageEnd{Until: exampleTime(time.Minute)}},
}

const (
	exampleUser = "test_user"
	exampleSKU  = "A123"
)

// exampleTime is so long after all examples began.
func exampleTime(after time.Duration) time.Time {
	return time.Date(2026, 11, 23, 9, 0, 0, 53_000_000, time.UTC).Add(after)
}

// exampleOrder is an order that has come this way, a millisecond a step.
func exampleOrder(id string, statuses ...order.Status) wire.Order {
	price := wire.Money{Amount: 1999, Currency: "USD"}
	o := wire.Order{
		OrderID: id, UserID: exampleUser, Items: []wire.OrderLine{{SKU: exampleSKU, Qty: 1, UnitPrice: price}}, Total: price,
		PaymentMethod: "sim_approve", Version: len(statuses), CreatedAt: exampleTime(0),
	}
	if id == exampleHeld {
		o.PaymentMethod = "sim_down"
	}
	for i, s := range statuses {
		e := wire.Entry{Status: string(s), At: exampleTime(time.Duration(i) * time.Millisecond)}
		if s == order.Cancelling {
			e.Reason = order.CancelledByClient
		}
		o.Status, o.Reason, o.UpdatedAt = e.Status, e.Reason, e.At
		o.History = append(o.History, e)
	}
	return o
}

func exampleReservation() *wire.Reservation {
	price := wire.Money{Amount: 1999, Currency: "USD"}
	return &wire.Reservation{
		State: string(inventory.Settled), Items: []wire.OrderLine{{SKU: exampleSKU, Qty: 1, UnitPrice: price}},
		HeldAt: new(exampleTime(time.Millisecond)), UpdatedAt: exampleTime(2 * time.Millisecond),
	}
}

func examplePayment() *wire.Payment {
	return &wire.Payment{State: "CAPTURED", Amount: wire.Money{Amount: 1999, Currency: "USD"}, UpdatedAt: exampleTime(2 * time.Millisecond)}
}

// exampleMemory is what the services' processes remember of an order.
func exampleMemory(services ...event.Service) []wire.Remembered {
	received := map[event.Service]event.Type{event.Inventory: event.OrderPlaced, event.Payment: event.StockReserved, event.Order: event.StockSettled}
	all := make([]wire.Remembered, len(services))
	for i, s := range services {
		all[i] = wire.Remembered{At: exampleTime(time.Duration(i) * time.Millisecond), Service: string(s), Kind: "received", Event: string(received[s]), Count: 1}
	}
	return all
}

func exampleStock(available, sold int64) wire.Stock {
	return wire.Stock{SKU: exampleSKU, Available: available, Sold: sold, OnHand: available, Price: wire.Money{Amount: 1999, Currency: "USD"}, UpdatedAt: exampleTime(0)}
}

func exampleQueue(s event.Service, depth, inFlight int) wire.Queue {
	return wire.Queue{Name: string(s), Depth: &depth, InFlight: &inFlight, DeadLetters: new(0), OldestSeconds: new(float64(depth) / 1000)}
}

// exampleDeadLetter is one that inventory could not read.
func exampleDeadLetter() wire.DeadLetter {
	placed := event.New(event.OrderPlaced, event.Ref{OrderID: exampleNamed, Number: exampleNumber}, exampleTime(0))
	placed.Lines = []event.Line{{SKU: exampleSKU, Qty: 1}}
	text, err := placed.MarshalJSON()
	if err != nil {
		panic(err) // it is the same for every run, so the first test would find it
	}
	return wire.DeadLetter{ID: exampleLetter, Reason: "the reservation's state rules this message out", ReceiveCount: 1, DeadAt: exampleTime(time.Minute), Event: text}
}

// document adds the example to its operation, and the line that asks for it.
func (e example) document(op *huma.Operation) {
	op.Description = strings.TrimSpace(op.Description + "\n\n```\n" + e.curl(op) + "\n```")
	if len(e.bodies) > 0 {
		op.RequestBody.Content["application/json"].Examples = e.requests()
	}
	if e.answer != nil {
		status := cmp.Or(op.DefaultStatus, http.StatusOK)
		op.Responses[fmt.Sprint(status)].Content["application/json"].Example = e.answer
	}
}

func (e example) requests() map[string]*huma.Example {
	named := make(map[string]*huma.Example, len(e.bodies))
	for _, b := range e.bodies {
		named[cmp.Or(b.name, "example")] = &huma.Example{Summary: b.summary, Value: json.RawMessage(b.text)}
	}
	return named
}

// curl is the command that asks for the operation with its parameters' examples.
func (e example) curl(op *huma.Operation) string {
	url, query := base+op.Path, ""
	for _, p := range op.Parameters {
		switch value := fmt.Sprint(p.Example); {
		case p.Example == nil:
		case p.In == "path":
			url = strings.ReplaceAll(url, "{"+p.Name+"}", value)
		case p.In == "query":
			query += "&" + p.Name + "=" + value
		}
	}
	if query != "" {
		url = "'" + url + "?" + query[1:] + "'"
	}
	command := "curl " + url
	if op.Method != http.MethodGet {
		command = "curl -X " + op.Method + " " + url
	}
	if len(e.bodies) > 0 {
		command += " -H 'Content-Type: application/json' \\\n     -d '" + e.bodies[0].text + "'"
	}
	return command
}
