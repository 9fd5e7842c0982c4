package ops_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/keys"
	"holdfast/payment"
	"holdfast/system"
)

// unique is a payment method that nothing else is called.
const unique = "tok_41114242.visa-x"

// indiscreet is a gateway that names what it is asked to charge in its errors.
type indiscreet struct{ payment.Gateway }

func (g indiscreet) Capture(_ context.Context, c payment.Charge) (payment.Answer, error) {
	return "", event.Errorf(event.Unavailable, "cannot charge %q now", c.Method)
}

// TestWhatIsChargedIsNowhere: on no page, in no frame and in no line of a log, whatever
// becomes of the order.
func TestWhatIsChargedIsNowhere(t *testing.T) {
	for name, wrap := range map[string]func(payment.Gateway) payment.Gateway{
		"a gateway that answers":       func(g payment.Gateway) payment.Gateway { return g },
		"one that names what it knows": func(g payment.Gateway) payment.Gateway { return indiscreet{g} },
	} {
		t.Run(name, func(t *testing.T) {
			onStageWith(t, wrap, func(s *stage) {
				s.stock("A123", 100)
				s.stock("B456", 0)
				v := s.visitAs(s.key("desk", keys.Scopes...))
				placed := v.post("/ops/orders", url.Values{"key": {"k"}, "user": {"ann"}, "sku": {"A123"}, "qty": {"1"}, "method": {unique}}).header.Get("Location")
				for _, order := range []string{s.place("bob", unique), s.placeOf("B456", "cem", unique), s.place("dan", simulated.Decline)} {
					s.bury(event.Inventory, s.placedEvent(order), "it would not do")
				}
				for _, message := range messages(t) {
					s.check(s.queues[event.Payment].Send(t.Context(), []event.Event{event.Decode(message)}))
				}
				s.pass(3 * time.Second)
				if n := s.letters(event.Payment); n != 5 {
					t.Errorf("%d messages to payment are dead", n)
				}
				v.crawl("/")
				v.get(placed)
				for _, at := range []string{"/", "/ops/orders", placed, "/ops/queues/inventory/dead-letters", "/ops/queues/payment/dead-letters"} {
					v.watch(at)
				}
				s.pass(3 * time.Second)
				s.neverTold(unique)
				if shown := s.shown.String(); !strings.Contains(shown, "cem") || !strings.Contains(shown, "not shown") || !strings.Contains(shown, "event: page") {
					t.Error("nothing of the orders was shown")
				}
			}, requireKeys)
		})
	}
}

// messages are some that payment cannot handle and that name what is charged: of a
// version to come, of another system, cut off, as a text, and not addressed to it.
func messages(t *testing.T) [][]byte {
	t.Helper()
	e := event.New(event.StockReserved, event.Ref{OrderID: "elsewhere", Number: 77}, system.Now())
	e.PaymentMethod, e.Total, e.Lines = unique, event.Money{Amount: 1999, Currency: "USD"}, []event.Line{{SKU: "A123", Qty: 1}}
	known, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var newer map[string]any
	if err := json.Unmarshal(known, &newer); err != nil {
		t.Fatal(err)
	}
	newer["eventversion"], newer["id"] = event.Version+1, "newer"
	e.Type, e.OrderID = event.OrderPlaced, "astray"
	astray, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	foreign := map[string]any{"payment_method": unique, "all": []any{map[string]any{"payment_method": []string{unique}}}}
	return [][]byte{marshal(t, newer), marshal(t, foreign), known[:len(known)-3], marshal(t, string(known)), astray}
}
