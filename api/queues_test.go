package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/engine/memory"
	"holdfast/event"
)

// capacity is how many events the queues of these tests hold.
const capacity = 1000

func newQueue(service event.Service) api.Queue {
	return api.Queue{Queue: memory.NewQueue(capacity), DeadLetters: memory.New().DeadLetters[service]}
}

// withQueues has the server run the queues of these services.
func withQueues(services ...event.Service) func(*api.Config) {
	return func(c *api.Config) {
		c.Queues = make(map[event.Service]api.Queue)
		for _, service := range services {
			c.Queues[service] = newQueue(service)
		}
	}
}

// withQueue has the server run this one queue.
func withQueue(service event.Service, q api.Queue) func(*api.Config) {
	return func(c *api.Config) { c.Queues = map[event.Service]api.Queue{service: q} }
}

// letter is a dead OrderPlaced of an order.
func letter(id string) event.DeadLetter {
	e := event.New(event.OrderPlaced, event.Ref{OrderID: id, Number: 1}, epoch)
	e.Lines = []event.Line{{SKU: "A123", Qty: 1}}
	return event.DeadLetter{ID: e.ID(), Event: e, Reason: "poison", Count: 5, DeadAt: epoch.Truncate(time.Millisecond)}
}

// foreign is a dead message that no build of ours wrote.
func foreign(message string) event.DeadLetter {
	e := event.Decode([]byte(message))
	return event.DeadLetter{ID: e.ID(), Event: e, Reason: e.Check().Error(), Count: 1, DeadAt: epoch.Truncate(time.Millisecond)}
}

func bury(t testing.TB, q api.Queue, letters ...event.DeadLetter) {
	t.Helper()
	if err := q.Put(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
}

// ids are the letters of a queue as the API lists them.
func (s *server) letterIDs(queue string, limit int) (ids []string) {
	s.t.Helper()
	for cursor, more := "", true; more; more = cursor != "" {
		page := read[client.DeadLetterPage](s.t, s.get(fmt.Sprintf("/queues/%s/dead-letters?limit=%d&cursor=%s", queue, limit, cursor)))
		for _, l := range page.DeadLetters {
			ids = append(ids, l.ID)
		}
		cursor = page.NextCursor
	}
	return ids
}

func wantDepth(t testing.TB, q event.Queue, want int) {
	t.Helper()
	if d, err := q.Depth(t.Context()); err != nil || d.Ready != want {
		t.Errorf("the queue holds %+v, %v; want %d", d, err, want)
	}
}

func TestQueueFigures(t *testing.T) {
	q := newQueue(event.Inventory)
	s := start(t, withQueue(event.Inventory, q))
	if a := s.get("/queues"); a.body != `{"queues":[{"name":"inventory","depth":0,"in_flight":0,"dead_letters":0,"oldest_seconds":0}]}`+"\n" {
		t.Errorf("%s", a.body)
	}
	if err := q.Send(t.Context(), []event.Event{letter("a").Event, letter("b").Event, letter("c").Event}); err != nil {
		t.Fatal(err)
	}
	held, err := q.Receive(t.Context(), 2, time.Hour)
	if err != nil || len(held) != 2 {
		t.Fatal(held, err)
	}
	if err := q.Retry(t.Context(), event.Return{Receipt: held[0].Receipt, After: time.Hour}); err != nil {
		t.Fatal(err)
	}
	bury(t, q, letter("d"))
	got := read[client.QueuePage](t, s.get("/queues")).Queues[0]
	if *got.Depth != 2 || *got.InFlight != 1 || *got.DeadLetters != 1 || *got.OldestSeconds < 0 {
		t.Errorf("%s", s.get("/queues").body)
	}
}

func TestQueuesComeInTheOrderOfAnOrdersWay(t *testing.T) {
	s := start(t, withQueues(event.Payment, event.Inventory, event.Order))
	var names []string
	for _, q := range read[client.QueuePage](t, s.get("/queues")).Queues {
		names = append(names, q.Name)
	}
	if !slices.Equal(names, []string{"order", "inventory", "payment"}) {
		t.Errorf("%v", names)
	}
}

// brokenQueue can be neither read nor written.
type brokenQueue struct{ event.Queue }

func (brokenQueue) Depth(context.Context) (event.Depth, error) {
	return event.Depth{}, errors.New("the file is gone")
}

// agelessQueue cannot tell the age of its events.
type agelessQueue struct{ event.Queue }

func (q agelessQueue) Depth(ctx context.Context) (event.Depth, error) {
	d, err := q.Queue.Depth(ctx)
	d.Oldest = event.UnknownAge
	return d, err
}

func TestAnUnknownAgeIsNull(t *testing.T) {
	q := newQueue(event.Order)
	q.Queue = agelessQueue{q.Queue}
	s := start(t, withQueue(event.Order, q))
	if a := s.get("/queues"); a.body != `{"queues":[{"name":"order","depth":0,"in_flight":0,"dead_letters":0,"oldest_seconds":null}]}`+"\n" {
		t.Errorf("%s", a.body)
	}
}

func TestUnknownFiguresAreNull(t *testing.T) {
	q := newQueue(event.Order)
	q.Queue = brokenQueue{q.Queue}
	s := start(t, withQueue(event.Order, q))
	if a := s.get("/queues"); a.body != `{"queues":[{"name":"order","depth":null,"in_flight":null,"dead_letters":0,"oldest_seconds":null}]}`+"\n" {
		t.Errorf("%s", a.body)
	}
	if !strings.Contains(s.log.String(), "the file is gone") {
		t.Errorf("log %q", s.log)
	}
}

func TestQueuesThatAreNot(t *testing.T) {
	s := start(t, withQueues(event.Order))
	for name, want := range map[string]string{"stock": "order, inventory, payment", "inventory": "the order service's address", "Order": "order, inventory, payment"} {
		for _, a := range []answer{
			s.get("/queues/" + name + "/dead-letters"), s.get("/queues/" + name + "/dead-letters/a"), s.post("/queues/"+name+"/redrive", `{"all": true}`),
			s.do(http.MethodDelete, "/queues/"+name+"/dead-letters/a", ""),
		} {
			if p := a.problem(t, 404); !strings.Contains(p.Detail, want) {
				t.Errorf("%s: %s", name, p.Detail)
			}
		}
	}
}

func TestDeadLetters(t *testing.T) {
	q := newQueue(event.Inventory)
	s := start(t, withQueue(event.Inventory, q))
	if a := s.get("/queues/inventory/dead-letters"); a.body != `{"dead_letters":[],"next_cursor":""}`+"\n" {
		t.Errorf("an empty page is %s", a.body)
	}
	bury(t, q, letter("c"), letter("a"), letter("b"))
	for _, limit := range []int{1, 2, 3, 200} {
		if got := s.letterIDs("inventory", limit); !slices.Equal(got, []string{"a:OrderPlaced", "b:OrderPlaced", "c:OrderPlaced"}) {
			t.Errorf("limit %d: %v", limit, got)
		}
	}
	a := s.get("/queues/inventory/dead-letters?limit=1")
	page := read[client.DeadLetterPage](t, a)
	got := page.DeadLetters[0]
	if got.Reason != "poison" || got.ReceiveCount != 5 || !strings.Contains(a.body, `"dead_at":"2026-11-23T09:00:00.120Z"`) {
		t.Errorf("%s", a.body)
	}
	if e := event.Decode(got.Event); e.Check() != nil || e.ID() != got.ID || e.Lines[0].SKU != "A123" {
		t.Errorf("the event is %s", got.Event)
	}
	s.get("/queues/payment/dead-letters?cursor="+page.NextCursor).problem(t, 404)
	s.get("/inventory?cursor="+page.NextCursor).problem(t, 400)
}

// Foreign messages may hold what no event of ours does, and are shown and deleted all the same.
func TestForeignDeadLetters(t *testing.T) {
	q := newQueue(event.Order)
	s := start(t, withQueue(event.Order, q))
	messages := []string{
		"", "no JSON", "\xff\x00", `[1]`, `{"a": 1, "a": 2}`, `{"type": "\ud800", "x": "` + "\xff" + `"}`,
	}
	for _, id := range []string{".", "..", "a/b", "//", "https://example.com/../x?y=1#z", "a%2Fb", "ä ö", "a:b(c)", "+&="} {
		text, err := json.Marshal(map[string]string{"specversion": "1.0", "type": "holdfast.Future", "id": id})
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, string(text))
	}
	for _, message := range messages {
		bury(t, q, foreign(message))
	}
	ids := s.letterIDs("order", 4)
	if len(ids) != len(messages) {
		t.Fatalf("%d letters of %d: %q", len(ids), len(messages), ids)
	}
	for i, l := range read[client.DeadLetterPage](t, s.get("/queues/order/dead-letters")).DeadLetters {
		one := read[client.DeadLetter](t, s.get("/queues/order/dead-letters/"+url.PathEscape(ids[i])))
		if !reflect.DeepEqual(one, l) || one.ID != ids[i] {
			t.Errorf("%q alone is %+v, in the list %+v", ids[i], one, l)
		}
	}
	for _, id := range ids {
		target := "/queues/order/dead-letters/" + url.PathEscape(id)
		s.do(http.MethodHead, target, "").want(t, 200)
		if a := s.do(http.MethodDelete, target, ""); a.status != http.StatusNoContent || a.body != "" {
			t.Errorf("%q: %d %s", id, a.status, a.body)
		}
		s.do(http.MethodDelete, target, "").problem(t, 404)
		s.get(target).problem(t, 404)
	}
	if left := s.letterIDs("order", 50); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}

// restless has a letter die again between its read and its deletion.
type restless struct {
	event.DeadLetters
	deaths int
}

func (r *restless) Get(ctx context.Context, id string) (event.DeadLetter, error) {
	l, err := r.DeadLetters.Get(ctx, id)
	if r.deaths > 0 && err == nil {
		r.deaths--
		again := l
		again.DeadAt = l.DeadAt.Add(time.Second)
		err = r.Put(ctx, []event.DeadLetter{again})
	}
	return l, err
}

func TestDeleteOfALetterThatDiesAgain(t *testing.T) {
	q := newQueue(event.Inventory)
	q.DeadLetters = &restless{q.DeadLetters, 2}
	s := start(t, withQueue(event.Inventory, q))
	bury(t, q, letter("a"))
	s.do(http.MethodDelete, "/queues/inventory/dead-letters/a:OrderPlaced", "").want(t, http.StatusNoContent)
	if left := s.letterIDs("inventory", 50); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}
