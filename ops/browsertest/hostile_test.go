//go:build browser

package browsertest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

// marker is a word that hostile texts begin with, so that it can be seen that they
// are shown.
const marker = "hostile"

// hostile is what somebody might write to do harm: ten thousand characters of markup
// that runs a script, text from right to left with marks that turn what follows round,
// and no place to break a line.
var hostile = marker + `"'><script>window.harmed=1</script><img src=x onerror=window.harmed=1></bdi></title></textarea>{{.}}` +
	"\u202eمرحبا\u2066שלום\u200f" + strings.Repeat("x", 9_850)

// deface seeds hostile texts into every field that any text can come to stand in,
// past the bounds that the services hold requests to.
func (s *shop) deface() {
	s.t.Helper()
	s.defaced = true
	now := time.Now().Truncate(time.Millisecond)
	broken := order.Order{
		Ref: event.Ref{OrderID: "order-1001"}, Caller: "local", UserID: hostile, Lines: []event.Line{{SKU: hostile, Qty: 1}}, PaymentMethod: hostile,
		HoldUntil: now.Add(time.Hour), Status: order.FailedNoStock, Reason: hostile, Short: []event.Shortfall{{SKU: hostile, Qty: 1}}, Rendering: order.Rendering,
		History: []order.Entry{{Status: order.Pending, At: now}, {Status: order.FailedNoStock, At: now, Reason: hostile}},
	}
	said := event.New(event.OrderPlaced, event.Ref{OrderID: hostile, Number: 1}, now)
	said.Lines = []event.Line{{SKU: hostile, Qty: 1}}
	unread := event.Decode([]byte(hostile))
	letter := func(id string, e event.Event) event.DeadLetter {
		return event.DeadLetter{ID: id, Event: e, Reason: hostile, Count: 1, DeadAt: now}
	}
	s.seed(func(e *engine.Engine) error {
		if _, err := e.Orders.Create(s.t.Context(), []order.Order{broken}); err != nil {
			return err
		}
		adjusted := inventory.Adjustment{ID: hostile, SKU: "A123", Delta: 1, Reason: hostile, At: now}
		if _, err := e.Inventory.Adjust(s.t.Context(), []inventory.Adjustment{adjusted}); err != nil {
			return err
		}
		return e.DeadLetters[event.Inventory].Put(s.t.Context(), []event.DeadLetter{letter(hostile, said), letter("unread", unread)})
	})
}

func TestHostileTextsAreShownHarmlessly(t *testing.T) {
	s := newShop(t)
	s.deface()
	s.open()
	v := visit(t, s.url)
	pages := map[string]int{ // how often a hostile text stands there, at the least
		"/": 0, "/ops/orders": 2, "/ops/orders/order-1001": 4, "/ops/stock/A123": 2,
		"/ops/queues/inventory/dead-letters": 2, "/ops/queues/inventory/dead-letter?id=unread": 2,
		"/ops/queues/inventory/dead-letter?id=" + url.QueryEscape(hostile): 3,
	}
	for page, times := range pages {
		for _, window := range []view{desk, phone} {
			v.use(window)
			v.goTo(page)
			v.wantHarmless(fmt.Sprintf("%.60s at %s", page, window), times)
		}
	}
}

// wantHarmless fails unless hostile texts stand on the page so often, as text, and
// neither ran anything nor pushed the page out of its window.
func (v *visitor) wantHarmless(at string, times int) {
	v.t.Helper()
	shown, err := js[string](v.ctx, "document.body.textContent")
	v.check(err)
	if n := strings.Count(shown, marker); n < times {
		v.t.Errorf("%s: %d hostile texts are shown, want %d or more", at, n, times)
	}
	harmed, err := js[bool](v.ctx, `window.harmed !== undefined || document.querySelector("main script, main img") !== null`)
	v.check(err)
	if harmed {
		v.t.Errorf("%s: a hostile text is taken for markup", at)
	}
	v.wantNoOverflow(at)
}

// TestHostileEntriesAreRefusedHarmlessly enters hostile texts wherever one may enter
// anything.
func TestHostileEntriesAreRefusedHarmlessly(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.complaints.expect("status of 4")
	v.use(phone)
	for _, page := range []string{"/ops/orders?q=%s", "/ops/orders?status=%s", "/ops/orders?cursor=%s", "/ops/orders/%s", "/ops/stock?sku=%s", "/ops/stock/%s", "/ops/queues/%s/dead-letters", "/ops/%s", "/ops/sign-in?next=%s", "/?said=%s"} {
		entered := url.QueryEscape(hostile)
		if !strings.Contains(page, "=") {
			entered = url.PathEscape(hostile)
		}
		v.goTo(fmt.Sprintf(page, entered))
		v.sees("Holdfast")
		v.wantHarmless(page, 0)
	}
	v.goTo("/ops/orders")
	v.click(disclosure, "Place an order")
	for _, label := range []string{"User", "SKU", "Payment method"} {
		v.fill(label, hostile[:120])
	}
	v.click(button, "Place order")
	v.reads("document.querySelector('[role=alert]')", "SKU")
	v.wantHarmless("the form refused", 0)
}
