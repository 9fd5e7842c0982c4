package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/keys"
	"holdfast/order"
	"holdfast/recorder"
	"holdfast/system"
)

// everything is a running system with all that the API can serve, as make run has
// it: with some A123 on sale.
func everything(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, engine: memory.New().Engine, log: new(strings.Builder)}
	queues := make(event.Queues)
	for _, service := range event.Services {
		queues[service] = memory.NewQueue(1000)
	}
	gateway := &simulated.Gateway{Ledger: s.engine.Ledger, Now: system.Now}
	log := slog.New(slog.DiscardHandler)
	memories := recorder.New(system.Now)
	running := system.New(system.Config{
		Engine: &s.engine, Queues: queues, Gateway: gateway, Terms: order.Terms{Hold: 15 * time.Minute, Silence: 30 * time.Second},
		Log: log, Metrics: prometheus.NewRegistry(), OrderChanged: func(o order.Order) { s.OrderChanged(o) }, Recorder: memories,
	})
	c := api.Config{
		Orders: running.Orders, Inventory: running.Inventory, Queues: make(map[event.Service]api.Queue), Send: queues.Send,
		Now: system.Now, NewID: func() string { return "first" }, Ready: running.Ready, Keys: &keys.Ring{Store: s.engine.Keys, Now: system.Now},
		Metrics: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Outage: gateway.Outage, Log: log, Version: "test", Engine: "memory",
		Recorder: memories, Payments: s.engine.Payments,
		Gateway: func(context.Context) (client.Gateway, error) {
			return client.Gateway{Name: "simulated", Breakers: []client.Breaker{}}, nil
		},
		Cost: func(...io.Reader) (any, error) { return struct{}{}, nil },
	}
	for _, service := range event.Services {
		c.Queues[service] = api.Queue{Queue: queues[service], DeadLetters: s.engine.DeadLetters[service]}
	}
	s.API = api.New(c)
	count := inventory.Count{SKU: "A123", OnHand: 100, Price: event.Money{Amount: 1999, Currency: "USD"}, At: system.Now()}
	if _, err := running.Inventory.Count(t.Context(), count); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { running.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return s
}

// documented is an operation of the document, with what its examples need.
type documented struct {
	method, path string
	Place        int    `json:"x-order"`
	ID           string `json:"operationId"`
	Description  string
	Parameters   []struct {
		Name, In string
		Required bool
		Example  any
	}
	RequestBody struct {
		Content map[string]struct {
			Examples map[string]struct{ Value json.RawMessage }
		}
	}
	Responses map[string]struct {
		Content map[string]struct{ Example any }
	}
}

// allDocumented is every operation of the document, in its own order.
func allDocumented(t *testing.T, s *server) []documented {
	t.Helper()
	var document struct {
		Paths map[string]map[string]documented
	}
	if err := json.Unmarshal([]byte(s.get("/openapi.json").body), &document); err != nil {
		t.Fatal(err)
	}
	var all []documented
	for path, item := range document.Paths {
		for method, op := range item {
			op.method, op.path = strings.ToUpper(method), path
			all = append(all, op)
		}
	}
	slices.SortFunc(all, func(a, b documented) int { return a.Place - b.Place })
	return all
}

// target is the operation's path with its parameters' examples, those that need
// not be given too, as the page sends them.
func (d documented) target(t *testing.T) string {
	target, query := d.path, ""
	for _, p := range d.Parameters {
		switch {
		case p.Example == nil && p.Required:
			t.Errorf("%s: %s has no example", d.ID, p.Name)
		case p.Example == nil:
		case p.In == "path":
			target = strings.ReplaceAll(target, "{"+p.Name+"}", fmt.Sprint(p.Example))
		case p.In == "query":
			query += "&" + p.Name + "=" + fmt.Sprint(p.Example)
		default:
			t.Errorf("%s: the page would send %s: %v each time", d.ID, p.Name, p.Example)
		}
	}
	return strings.TrimSuffix(target+"?"+strings.TrimPrefix(query, "&"), "?")
}

// bodies are the examples of the operation's body, in the order that the page
// offers them; none is one too.
func (d documented) bodies() []string {
	named := d.RequestBody.Content["application/json"].Examples
	bodies := make([]string, 0, len(named)+1)
	for _, name := range slices.Sorted(maps.Keys(named)) {
		bodies = append(bodies, string(named[name].Value))
	}
	if len(bodies) == 0 {
		bodies = append(bodies, "")
	}
	return bodies
}

// success is the status of a good answer, and the example of its body.
func (d documented) success() (status int, answer any) {
	for text, response := range d.Responses {
		if strings.HasPrefix(text, "2") {
			status, _ = strconv.Atoi(text)
			answer = response.Content["application/json"].Example
		}
	}
	return status, answer
}

// bury makes the dead letter that the examples are about: a fresh server has none.
func (s *server) bury(id string) {
	s.t.Helper()
	e := event.New(event.OrderPlaced, event.Ref{OrderID: strings.TrimSuffix(id, ":OrderPlaced"), Number: 1}, system.Now())
	e.Lines = []event.Line{{SKU: "A123", Qty: 1}}
	err := s.engine.DeadLetters[event.Inventory].Put(s.t.Context(), []event.DeadLetter{{ID: id, Event: e, Reason: "for the example", Count: 1, DeadAt: system.Now()}})
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestEveryExampleRuns asks a fresh server for all that the document shows, as it
// shows it and in its order.
func TestEveryExampleRuns(t *testing.T) {
	s := everything(t)
	for _, op := range allDocumented(t, s) {
		want, answer := op.success()
		if op.ID == "get-dead-letter" || op.ID == "delete-dead-letter" {
			s.bury("order-1001:OrderPlaced")
		}
		target := op.target(t)
		for _, body := range op.bodies() {
			headers := []string{jsonType}
			if body == "" {
				headers = nil
			}
			got := s.do(op.method, target, body, headers...)
			if got.status != want {
				t.Errorf("%s: %s %s %s: %d, want %d: %s", op.ID, op.method, target, body, got.status, want, got.body)
			}
			if got.body != "" && answer == nil {
				t.Errorf("%s: no example of %s", op.ID, got.body)
			}
			if op.ID == "get-timeline" && dig(answer, "number") != float64(read[client.Timeline](t, got).Number) {
				t.Errorf("the example's number is %v: %s", dig(answer, "number"), got.body)
			}
		}
		if !strings.Contains(op.Description, "127.0.0.1:8000"+target) {
			t.Errorf("%s: the description's line is not that of %s:\n%s", op.ID, target, op.Description)
		}
	}
}
