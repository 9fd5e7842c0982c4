package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
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
)

var ctx = context.Background()

// start returns a client of a real server, and the order service behind it.
func start(t *testing.T) (*client.Client, *order.Service) {
	t.Helper()
	c, orders, _ := startOver(t, memory.New().Engine)
	return c, orders
}

// startOver is start over an engine of the test's own. It returns inventory's
// queue too.
func startOver(t *testing.T, engine engine.Engine) (*client.Client, *order.Service, event.Queue) {
	t.Helper()
	orders := &order.Service{Store: engine.Orders, Terms: order.Terms{Hold: time.Hour, Silence: time.Minute}}
	ids, queue := 0, memory.NewQueue(5000)
	a := api.New(api.Config{
		Orders: orders, Inventory: &inventory.Service{Store: engine.Inventory},
		Send: func(context.Context, []event.Event) error { return nil },
		Now:  time.Now, Log: slog.New(slog.DiscardHandler),
		NewID:  func() string { ids++; return fmt.Sprint("order-", ids) },
		Keys:   &keys.Ring{Store: engine.Keys, Now: time.Now},
		Queues: map[event.Service]api.Queue{event.Inventory: {Queue: queue, DeadLetters: engine.DeadLetters[event.Inventory]}},
	})
	orders.Changed = func(o order.Order, _ event.Event) { a.OrderChanged(o) }
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return client.New(server.URL+"/", nil), orders, queue
}

func request(qty int64) client.PlaceOrder {
	return client.PlaceOrder{UserID: "u", Items: []client.Line{{SKU: "A123", Qty: qty}}}
}

// settle brings an order to its good end.
func settle(t *testing.T, orders *order.Service, id string) {
	t.Helper()
	o, err := orders.Store.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := orders.Handle(ctx, time.Now(), []event.Event{event.New(event.StockSettled, o.Ref, time.Now())}); err != nil {
		t.Fatal(err)
	}
}

func TestOrders(t *testing.T) {
	c, orders := start(t)
	first, err := c.Place(ctx, request(1), "key")
	if err != nil || first.Status != "PENDING" || first.Replayed || first.OrderID == "" || first.CreatedAt.IsZero() {
		t.Fatal(first, err)
	}
	again, err := c.Place(ctx, request(1), "key")
	if err != nil || !again.Replayed || again.OrderID != first.OrderID {
		t.Fatal(again, err)
	}
	named, err := c.Place(ctx, client.PlaceOrder{UserID: "u", Items: first.Items, OrderID: new("mine")}, "")
	if err != nil || named.OrderID != "mine" {
		t.Fatal(named, err)
	}
	if o, err := c.Cancel(ctx, "mine"); err != nil || o.Status != "CANCELLING" {
		t.Fatal(o, err)
	}
	if o, err := c.Order(ctx, first.OrderID, 0); err != nil || o.Status != "PENDING" {
		t.Fatal(o, err)
	}
	settle(t, orders, first.OrderID)
	if o, err := c.Order(ctx, first.OrderID, time.Minute); err != nil || o.Status != "COMPLETED" {
		t.Fatal(o, err)
	}
	if o, err := c.Refund(ctx, first.OrderID, true); err != nil || o.Status != "REFUNDING" {
		t.Fatal(o, err)
	}
	_, err = c.Refund(ctx, first.OrderID, false)
	if p := problem(t, err); p.Status != http.StatusConflict {
		t.Errorf("%+v", p)
	}
}

func TestAllOrders(t *testing.T) {
	c, _ := start(t)
	for range 5 {
		if _, err := c.Place(ctx, request(1), ""); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for o, err := range c.AllOrders(ctx, client.OrderFilter{UserID: "u", Status: "PENDING", Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, o.OrderID)
	}
	if got := strings.Join(ids, " "); got != "order-5 order-4 order-3 order-2 order-1" {
		t.Error(got)
	}
	for range c.AllOrders(ctx, client.OrderFilter{Limit: 2}) {
		break // must not go on
	}
	count := 0
	for _, err := range c.AllOrders(ctx, client.OrderFilter{Limit: 1000}) {
		count++
		if p := problem(t, err); p.Status != http.StatusUnprocessableEntity || p.Errors[0].Location != "query.limit" {
			t.Errorf("%+v", p)
		}
	}
	if count != 1 {
		t.Errorf("%d errors", count)
	}
}

func TestStock(t *testing.T) {
	c, _ := start(t)
	made, err := c.SetStock(ctx, "A123", client.StockCount{OnHand: new(int64(5)), Price: &client.Money{Amount: 1999, Currency: "USD"}})
	if err != nil || made.OnHand != 5 || made.ETag != `"1"` {
		t.Fatal(made, err)
	}
	counted, err := c.SetStock(ctx, "A123", client.StockCount{OnHand: new(int64(7)), IfMatch: made.ETag})
	if err != nil || counted.OnHand != 7 || counted.Price.Amount != 1999 {
		t.Fatal(counted, err)
	}
	_, err = c.SetStock(ctx, "A123", client.StockCount{OnHand: new(int64(9)), IfMatch: made.ETag})
	if p := problem(t, err); p.Status != http.StatusPreconditionFailed {
		t.Errorf("%+v", p)
	}
	if got, err := c.Stock(ctx, "A123"); err != nil || got != counted {
		t.Errorf("%+v %v, want %+v", got, err, counted)
	}
	_, err = c.Stock(ctx, "no/such")
	if p := problem(t, err); p.Status != http.StatusNotFound {
		t.Errorf("%+v", p)
	}
	for got, err := range c.Stocks(ctx) {
		if err != nil || got.SKU != "A123" {
			t.Error(got, err)
		}
	}
}

func problem(t *testing.T, err error) *client.Problem {
	t.Helper()
	var p *client.Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v is no problem", err)
	}
	return p
}

func TestProblemNamesEveryPlace(t *testing.T) {
	c, _ := start(t)
	_, err := c.Place(ctx, client.PlaceOrder{Items: []client.Line{{SKU: "A", Qty: 0}}}, "")
	p := problem(t, err)
	if len(p.Errors) < 2 || !strings.Contains(err.Error(), "body.user_id") || !strings.Contains(err.Error(), "body.items[0].qty") {
		t.Errorf("%v", err)
	}
}

func TestAnswersOfSomethingElse(t *testing.T) {
	for status, body := range map[int]string{502: "<html>bad gateway</html>", 404: "{}", 500: ""} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		_, err := client.New(server.URL, server.Client()).Order(ctx, "a", 0)
		server.Close()
		if p := problem(t, err); p.Status != status || p.Title != http.StatusText(status) {
			t.Errorf("%+v", p)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer server.Close()
	if _, err := client.New(server.URL, nil).Order(ctx, "a", 0); err == nil || !strings.Contains(err.Error(), "GET /orders/a") {
		t.Errorf("%v", err)
	}
}

func TestProblemTellsNothingTwice(t *testing.T) {
	for want, p := range map[string]client.Problem{
		"412 Failed: it has changed": {Title: "Failed", Status: 412, Detail: "it has changed",
			Errors: []client.FieldError{{Location: "header.If-Match", Message: "it has changed"}}},
		"422 Invalid: body.a is required; body.b is required": {Title: "Invalid", Status: 422, Detail: "body.a is required",
			Errors: []client.FieldError{{Location: "body.a", Message: "is required"}, {Location: "body.b", Message: "is required"}}},
	} {
		if got := p.Error(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
