package system_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
)

// The rows of the race checklist that play between the services, by subject:
// here requests and deliveries, then races_stock_test.go, races_payment_test.go
// and races_recovery_test.go. stage.run delivers each message twice throughout.
// docs/races.md says which row is which test.

func TestCrashAfterTheOrderIsStoredBeforeItsEventIsSent(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.OrderPlaced)
		s.place("o1", simulated.Approve)
		s.found()
		s.place("o1", simulated.Approve) // the client's retry replays, and sends nothing
		if len(s.inbox) != 0 {
			s.t.Errorf("a replay sent %v", s.inbox)
		}
		n, err := s.orders.Recover(s.t.Context(), s.now.Add(time.Second)) // the restart
		s.check(err)
		if n != 1 {
			s.t.Errorf("took up %d orders, want 1", n)
		}
		s.later(time.Second) // at once, not after the sweep's silence
		s.want("o1", order.Completed, "")
		s.wantBooks("o1", 1, 0)
	})
}

func TestCrashBeforeTheOrderIsStored(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		request := []order.Request{{Caller: "local", UserID: "u", Key: "k", Lines: []event.Line{{SKU: "A123", Qty: 1}}, PaymentMethod: simulated.Approve}}
		s.engine.SetFault(func(p engine.Point) error {
			if p == engine.BeforeCommit {
				return event.Errorf(event.Unavailable, "crash")
			}
			return nil
		})
		if _, err := s.orders.Place(s.t.Context(), s.now, request); !errors.Is(err, event.Unavailable) {
			s.t.Fatalf("Place = %v, want Unavailable", err)
		}
		s.engine.SetFault(nil)
		placed, err := s.orders.Place(s.t.Context(), s.now, request)
		s.check(err)
		if !placed[0].New {
			s.t.Error("the retry did not make the order")
		}
		s.send(placed[0].Send)
		s.run()
		s.want(placed[0].Order.OrderID, order.Completed, "")
	})
}

func TestOneKeyOfTwoCallersIsTwoOrders(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		var requests []order.Request
		for _, caller := range []string{"shop", "till"} {
			requests = append(requests, order.Request{Caller: caller, UserID: "u", Key: "k", Lines: []event.Line{{SKU: "A123", Qty: 1}}, PaymentMethod: simulated.Approve})
		}
		placed, err := s.orders.Place(s.t.Context(), s.now, requests)
		s.check(err)
		for i, p := range placed {
			s.check(p.Err)
			if !p.New || p.Order.Caller != requests[i].Caller {
				s.t.Errorf("the request of %s got the order of %s, new %t", requests[i].Caller, p.Order.Caller, p.New)
			}
			s.send(p.Send)
		}
		if a, b := placed[0].Order.OrderID, placed[1].Order.OrderID; a == b {
			s.t.Fatalf("both callers have order %s", a)
		}
		s.run()
		for _, p := range placed {
			s.want(p.Order.OrderID, order.Completed, "")
		}
		s.wantStock(8, 0, 2)
	})
}

func TestLinesOfOneSKUAreMergedBeforeAnyCheck(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		lines := func(n int, qty int64) (all []event.Line) {
			for range n {
				all = append(all, event.Line{SKU: "A123", Qty: qty})
			}
			return all
		}
		placed, err := s.orders.Place(s.t.Context(), s.now, []order.Request{{Caller: "local", UserID: "u", OrderID: "huge", Lines: lines(2, 6000)}})
		s.check(err)
		if !errors.Is(placed[0].Err, event.Invalid) {
			s.t.Errorf("12,000 units on two lines: %v, want Invalid", placed[0].Err)
		}
		s.placeLines("short", simulated.Approve, lines(2, 6)...) // either line alone could be had
		s.run()
		s.want("short", order.FailedNoStock, "out_of_stock")
		s.placeLines("fits", simulated.Approve, lines(10, 1)...)
		s.run()
		s.want("fits", order.Completed, "")
		s.wantStock(0, 0, 10)
		s.placeLines("many", simulated.Approve, lines(order.MaxLines+1, 1)...) // one line after merging
		s.run()
		s.want("many", order.FailedNoStock, "out_of_stock")
	})
}

// stories are orders that between them make every service write and tell.
var stories = map[string]struct {
	method string
	begin  func(*stage) // what the client does once the order is held
	later  func(*stage) // what the client does once it has ended
	end    order.Status
	reason string
	left   int64 // of ten units of A123
	sold   int64
	books  [2]int // captures and refunds
}{
	"paid":      {method: simulated.Approve, end: order.Completed, left: 9, sold: 1, books: [2]int{1, 0}},
	"declined":  {method: simulated.Decline, end: order.PaymentFailed, reason: order.CardDeclined, left: 10},
	"cancelled": {method: simulated.Approve, begin: func(s *stage) { s.cancel("o1") }, end: order.Cancelled, reason: order.CancelledByClient, left: 10, books: [2]int{1, 1}},
	"refunded":  {method: simulated.Approve, later: func(s *stage) { s.refund("o1", true) }, end: order.Refunded, left: 10, books: [2]int{1, 1}},
}

// tell plays every story; each is how a message reaches its reader.
func tell(t *testing.T, each func(*stage, event.Event)) {
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				drain := func() {
					for len(s.inbox) > 0 {
						each(s, s.take())
					}
				}
				s.place("o1", story.method)
				if story.begin != nil {
					each(s, s.take())
					story.begin(s)
				}
				if drain(); story.later != nil {
					story.later(s)
					drain()
				}
				s.want("o1", story.end, story.reason)
				s.wantStock(story.left, 0, story.sold)
				s.wantBooks("o1", story.books[0], story.books[1])
			})
		})
	}
}

// TestKilledAfterTheWriteBeforeTheAck kills each service once its write is
// durable, at every message and at every answer of the gateway: nothing that
// follows is sent, and the message comes again.
func TestKilledAfterTheWriteBeforeTheAck(t *testing.T) {
	tell(t, func(s *stage, message event.Event) {
		s.manual = true
		reader, _ := message.Type.Reader()
		s.killedAndRedelivered(reader, message, message)
		for len(s.calls) > 0 {
			answer := s.perform(s.calls[0])
			s.calls = s.calls[1:]
			s.killedAndRedelivered(event.Payment, answer, message)
		}
	})
}

// killedAndRedelivered kills the reader in what it handles for a message, unless
// that writes nothing, and delivers the message again.
func (s *stage) killedAndRedelivered(reader event.Service, handled, message event.Event) {
	s.t.Helper()
	before := s.records("o1")
	killed := errors.New("killed")
	s.engine.SetFault(func(p engine.Point) error {
		if p == engine.AfterCommit {
			return killed
		}
		return nil
	})
	_, err := s.service(reader)(s.t.Context(), s.now, []event.Event{handled})
	s.engine.SetFault(nil)
	written := s.records("o1")
	if reflect.DeepEqual(before, written) {
		s.handle(reader, handled)
		return
	}
	if !errors.Is(err, killed) {
		s.t.Fatalf("a service that was killed answers %v", err)
	}
	followed := len(s.inbox) + len(s.calls)
	s.now = s.now.Add(time.Second)
	s.deliver(message)
	s.wantUnchanged("o1", written, "the redelivery of "+string(message.Type))
	if len(s.inbox)+len(s.calls) == followed && reader != event.Order {
		s.t.Errorf("nothing follows the redelivery of %s", message.Type)
	}
}

// TestKilledAfterPublishingBeforeTheAck lets no ack of a first delivery arrive.
func TestKilledAfterPublishingBeforeTheAck(t *testing.T) {
	tell(t, func(s *stage, message event.Event) {
		waiting := len(s.inbox)
		s.deliver(message)
		published := slices.Clone(s.inbox[waiting:])
		s.deliver(message)
		for i, e := range s.inbox[waiting+len(published):] {
			if i >= len(published) || e.ID() != published[i].ID() {
				s.t.Errorf("%s published %v, its redelivery %s", message.Type, published, e.ID())
			}
		}
		if waiting+2*len(published) != len(s.inbox) {
			s.t.Errorf("%s published %d events, its redelivery %d", message.Type, len(published), len(s.inbox)-waiting-len(published))
		}
	})
}

// TestVersionsAndEndsNeverGoBack polls the order after everything that happens,
// also while the clock jumps back and when, after the end, all comes once more.
func TestVersionsAndEndsNeverGoBack(t *testing.T) {
	for name, play := range map[string]func(*stage){
		"refunded": func(s *stage) {
			s.place("o1", simulated.Timeout)
			s.run()
			s.later(silence)
			s.refund("o1", false)
		},
		"cancelled":      func(s *stage) { s.place("o1", simulated.Approve); s.deliver(s.take()); s.cancel("o1") },
		"declined":       func(s *stage) { s.place("o1", simulated.Decline) },
		"no stock":       func(s *stage) { s.placeLines("o1", simulated.Approve, event.Line{SKU: "B456", Qty: 1}) },
		"hold ran out":   func(s *stage) { s.place("o1", simulated.Down); s.run(); s.later(hold) },
		"nothing amiss":  func(s *stage) { s.place("o1", simulated.Approve) },
		"waits, is paid": func(s *stage) { s.place("o1", simulated.Flaky); s.run(); s.later(silence); s.later(2 * silence) },
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				s.polled = poll(s)
				play(s)
				s.now = s.now.Add(-time.Hour)
				s.run()
				if o := s.order("o1"); !o.Status.Ended() {
					s.t.Errorf("the order is %s", o.Status)
				}
				end := s.order("o1")
				s.inbox = slices.Clone(s.sent)
				slices.Reverse(s.inbox)
				s.run()
				s.want("o1", end.Status, end.Reason)
			})
		})
	}
}

// poll returns a poll of order o1, which holds what it sees against the last.
func poll(s *stage) func() {
	var last order.Order
	return func() {
		s.t.Helper()
		o, err := s.engine.Orders.Get(context.Background(), "o1")
		s.check(err)
		refund := o.Status == order.Refunding || o.Status == order.Refunded
		if last.Version() > 0 && last.Status.Ended() && o.Status != last.Status && !refund {
			s.t.Errorf("the order had ended %s and is %s", last.Status, o.Status)
		}
		if o.Version() < last.Version() || !slices.Equal(o.History[:last.Version()], last.History) {
			s.t.Errorf("the history went from %v to %v", last.History, o.History)
		}
		if !slices.IsSortedFunc(o.History, func(a, b order.Entry) int { return a.At.Compare(b.At) }) {
			s.t.Errorf("the history's times go back: %v", o.History)
		}
		last = o
	}
}
