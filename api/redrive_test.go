package api_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/event"
)

const redriveInventory = "/queues/inventory/redrive"

func (s *server) redrive(body, want string) {
	s.t.Helper()
	a := s.post(redriveInventory, body)
	a.want(s.t, 200)
	if a.body != want+"\n" {
		s.t.Errorf("%s: %s, want %s", body, a.body, want)
	}
}

func TestRedriveOfSome(t *testing.T) {
	q := newQueue(event.Inventory)
	s := start(t, withQueue(event.Inventory, q))
	bury(t, q, letter("a"), letter("b"), letter("c"))
	s.redrive(`{"ids": ["c:OrderPlaced", "nobody", "a:OrderPlaced", "a:OrderPlaced"]}`, `{"redriven":2}`)
	wantDepth(t, q, 2)
	s.redrive(`{"ids": ["c:OrderPlaced", "nobody", "a:OrderPlaced"]}`, `{"redriven":0}`)
	wantDepth(t, q, 2)
	if left := s.letterIDs("inventory", 50); !slices.Equal(left, []string{"b:OrderPlaced"}) {
		t.Errorf("left are %q", left)
	}
	got, err := q.Receive(t.Context(), 9, time.Minute)
	if err != nil || len(got) != 2 || got[0].Event.OrderID != "a" || got[1].Event.OrderID != "c" || got[0].Count != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRedriveOfAll(t *testing.T) {
	q := newQueue(event.Inventory)
	s := start(t, withQueue(event.Inventory, q))
	for i := range 600 { // more than one batch
		bury(t, q, letter(fmt.Sprintf("o%03d", i)))
	}
	s.redrive(`{"all": true}`, `{"redriven":600}`)
	wantDepth(t, q, 600)
	s.redrive(`{"all": true}`, `{"redriven":0}`)
	if left := s.letterIDs("inventory", 200); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}

func TestRedriveBodies(t *testing.T) {
	q := newQueue(event.Inventory)
	s := start(t, withQueue(event.Inventory, q))
	bury(t, q, letter("a"))
	many := `["` + strings.Repeat(`x", "`, 1000) + `x"]`
	for _, body := range []string{
		`{}`, `{"all": false}`, `{"ids": ["a:OrderPlaced"], "all": true}`, `{"ids": []}`, `{"ids": ` + many + `}`,
		`{"ids": "a"}`, `{"ids": [1]}`, `{"ids": null}`, `{"all": "true"}`, `{"id": "a"}`, `[]`,
	} {
		s.post(redriveInventory, body).problem(t, 422)
	}
	s.post(redriveInventory, "").problem(t, 400)
	wantDepth(t, q, 0)
	if left := s.letterIDs("inventory", 50); len(left) != 1 {
		t.Errorf("left are %q", left)
	}
}

// A foreign message goes back word for word, to a build that may know it.
func TestRedriveOfAForeignMessage(t *testing.T) {
	const message = `{"specversion": "1.0", "type": "holdfast.Future",  "id": "f"}`
	q := newQueue(event.Inventory)
	s := start(t, withQueue(event.Inventory, q))
	bury(t, q, foreign(message))
	s.redrive(`{"all": true}`, `{"redriven":1}`)
	got, err := q.Receive(t.Context(), 9, time.Minute)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if text, err := got[0].Event.Encode(); err != nil || string(text) != message {
		t.Errorf("%s, %v", text, err)
	}
}

func TestRedriveIntoAFullQueueKeepsTheLetters(t *testing.T) {
	q := newQueue(event.Inventory)
	s := start(t, withQueue(event.Inventory, q))
	for i := range capacity - 1 {
		if err := q.Send(t.Context(), []event.Event{letter(fmt.Sprint("o", i)).Event}); err != nil {
			t.Fatal(err)
		}
	}
	bury(t, q, letter("a"), letter("b"))
	a := s.post(redriveInventory, `{"all": true}`)
	if p := a.problem(t, 503); p.Detail != "the queue is full; try again later" || a.header.Get("Retry-After") == "" {
		t.Errorf("%v %s", a.header, a.body)
	}
	if left := s.letterIDs("inventory", 50); len(left) != 2 {
		t.Errorf("left are %q", left)
	}
}

// deaf takes no event.
type deaf struct{ event.Queue }

func (deaf) Send(context.Context, []event.Event) error {
	return event.Errorf(event.Unavailable, "the file is gone")
}

func TestRedriveThatCannotSendKeepsTheLetters(t *testing.T) {
	q := newQueue(event.Inventory)
	q.Queue = deaf{q.Queue}
	s := start(t, withQueue(event.Inventory, q))
	bury(t, q, letter("a"), letter("b"))
	s.post(redriveInventory, `{"all": true}`).problem(t, 503)
	if left := s.letterIDs("inventory", 50); len(left) != 2 {
		t.Errorf("left are %q", left)
	}
}

// mortal has every event die again as soon as it is sent.
type mortal struct {
	event.Queue
	letters event.DeadLetters
	sent    int
}

func (m *mortal) Send(ctx context.Context, events []event.Event) error {
	m.sent += len(events)
	for _, e := range events {
		l := event.DeadLetter{ID: e.ID(), Event: e, Reason: "again", DeadAt: epoch.Add(time.Hour).Truncate(time.Millisecond)}
		if err := m.letters.Put(ctx, []event.DeadLetter{l}); err != nil {
			return err
		}
	}
	return nil
}

func TestRedriveOfAllIsOnePassAndKeepsWhatDiesAgain(t *testing.T) {
	q := newQueue(event.Inventory)
	m := &mortal{Queue: q.Queue, letters: q.DeadLetters}
	q.Queue = m
	s := start(t, withQueue(event.Inventory, q))
	for i := range 501 {
		bury(t, q, letter(fmt.Sprintf("o%03d", i)))
	}
	s.redrive(`{"all": true}`, `{"redriven":501}`)
	if left := s.letterIDs("inventory", 200); m.sent != 501 || len(left) != 501 {
		t.Errorf("%d sent, %d left", m.sent, len(left))
	}
}

// Redriven twice, and after its order has ended, an event changes nothing.
func TestRedriveAfterTheOrderHasEnded(t *testing.T) {
	q := newQueue(event.Order)
	s := start(t, withQueue(event.Order, q))
	s.place("a")
	s.complete("a")
	before := s.get("/orders/a").body
	dead := letter("a")
	dead.Event = event.New(event.StockSettled, s.stored()[0].Ref, epoch)
	dead.ID = dead.Event.ID()
	for range 2 {
		bury(t, q, dead)
		s.post("/queues/order/redrive", `{"all": true}`).want(t, 200)
	}
	got, err := q.Receive(t.Context(), 9, time.Minute)
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	for _, d := range got {
		results, err := s.orders.Handle(t.Context(), epoch.Add(time.Minute), []event.Event{d.Event})
		if err != nil || results[0].Dead != nil || results[0].Send.Type != "" {
			t.Errorf("%+v, %v", results, err)
		}
	}
	if after := s.get("/orders/a").body; after != before {
		t.Errorf("%s became %s", before, after)
	}
}
