package ops_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"holdfast/api/client"
	"holdfast/event"
	"holdfast/gateway/simulated"
)

// hostile are texts that would do harm where a page takes them for its own. Those that
// the API takes as a name of somebody are of printable characters.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)' x='`,
	`</main></body><h1>gone</h1>`,
	`{{.Secret}} ${alert(1)} &lt;b&gt; &amp;`,
	`javascript:alert(1)//`,
	`<!-- --><!doctype html>]]>`,
	"أمر \u05d4\u05d6\u05de\u05e0\u05d4 «x» 日本",
	strings.Repeat("W", 128),
}

// unprintable are texts that no name may have, but a message or a form may.
var unprintable = []string{
	"\u202egnirts desrever\u202c \u2066x\u2069",
	"a\x00b\x07c\x1b[31m",
	"line\r\nevent: gone\r\rdata: x\n\nid: 1",
	"\xff\xfe\xc3\x28",
	strings.Repeat("<ten thousand & \"more\">", 450),
	strings.Repeat("0123456789", 1000),
}

// told is a text as a page that is read by a browser can show it.
func told(text string) string {
	return strings.ReplaceAll(string([]rune(text)), "\x00", "\uFFFD") // each byte that is no UTF-8 by itself
}

// harmless opens an address, holds the page to what every page must be, and fails
// unless it says the text: as a text.
func (v *visitor) harmless(target, text string) *sheet {
	v.t.Helper()
	page := v.get(target)
	page.wellMade(v.t)
	page.wellKept(v.t)
	return page.says(told(text))
}

func TestHostileUsers(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		v := s.visit()
		for _, user := range hostile {
			id := s.place(user, simulated.Approve)
			v.harmless("/ops/orders", user)
			v.harmless("/ops/orders?"+url.Values{"q": {user}}.Encode(), user)
			page := v.harmless("/ops/orders/"+id, user)
			for n := range page.id("whats").all("a") { // one of them leads to all of the user's orders
				if u, err := url.Parse(n.attr["href"]); err != nil || u.Path == "/ops/orders" && u.Query().Get("q") != user {
					t.Errorf("the user's orders are looked for at %q", n.attr["href"])
				}
			}
		}
	})
}

func TestHostileReasonsOfAdjustments(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		v := s.visit()
		for i, reason := range hostile {
			v.do("/ops/stock/A123/adjust", url.Values{"adjustment_id": {"a" + strconv.Itoa(i)}, "delta": {"+1"}, "reason": {reason}}).want(http.StatusOK)
			v.harmless("/ops/stock/A123", reason)
		}
	})
}

func TestHostileDeadLetters(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visit()
		for _, text := range append(hostile, unprintable...) {
			cut := text[:min(len(text), 200)]
			foreign := marshal(t, map[string]any{
				"specversion": "1.0", "id": cut, "type": "holdfast.Other" + text, "cause": text, "subject": text, "data": map[string]string{text: text},
			})
			for _, e := range []event.Event{event.Decode([]byte(text)), event.Decode(foreign)} {
				id := s.bury(event.Payment, e, text)
				v.harmless("/ops/queues/payment/dead-letters", text)
				page := v.harmless("/ops/queues/payment/dead-letter?"+url.Values{"id": {id}}.Encode(), text)
				if got := page.form("/ops/queues/payment/redrive"); got == nil || page.field("id") != told(id) {
					t.Errorf("the letter %q cannot be redriven: %v", id, got)
				}
				v.do("/ops/queues/payment/delete", url.Values{"id": {id}})
			}
		}
		if n := s.letters(event.Payment); n != 0 {
			t.Errorf("%d letters could not be deleted", n)
		}
	})
}

// TestHostileAddresses: what stands in an address is shown as what was looked for, or
// refused.
func TestHostileAddresses(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		v := s.visit()
		for _, text := range append(hostile, unprintable...) {
			q := url.QueryEscape(text)
			v.harmless("/ops/stock?sku="+q, text)
			for _, target := range []string{
				"/ops/orders?q=" + q, "/ops/orders?status=" + q, "/ops/orders?cursor=" + q, "/ops/stock?cursor=" + q, "/?said=" + q,
				"/ops/stock/A123?cursor=" + q, "/ops/queues/order/dead-letter?id=" + q, "/ops/queues/order/dead-letters?cursor=" + q,
				"/ops/orders/" + url.PathEscape(text), "/ops/stock/" + url.PathEscape(text), "/ops/queues/" + url.PathEscape(text) + "/dead-letters", "/ops/" + url.PathEscape(text),
				"/ops/sign-in?next=" + q,
			} {
				page := v.get(target)
				page.wellMade(t)
				if page.status >= 500 {
					t.Errorf("%.100s: %d %s", target, page.status, page.words())
				}
			}
		}
	})
}

// TestWhatWasEnteredComesBackHarmlessly: with the error, in the field that it stood in.
func TestWhatWasEnteredComesBackHarmlessly(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		v := s.visit()
		for _, text := range append(hostile, unprintable...) {
			for target, form := range map[string]url.Values{
				"/ops/orders":            {"key": {"k"}, "user": {text}, "sku": {text}, "qty": {text}},
				"/ops/stock":             {"sku": {text}, "on_hand": {text}, "price": {text}, "currency": {text}},
				"/ops/stock/A123/count":  {"on_hand": {text}, "price": {text}, "currency": {text}},
				"/ops/stock/A123/adjust": {"adjustment_id": {"a"}, "delta": {text}, "reason": {text}},
			} {
				page := v.post(target, form).want(http.StatusUnprocessableEntity)
				page.wellMade(t)
				for name := range form {
					if got := page.field(name); got != told(form.Get(name)) {
						t.Errorf("%s: %s comes back as %.80q, not %.80q", target, name, got, form.Get(name))
					}
				}
			}
		}
		if orders, err := s.memory.Orders.Scan(t.Context(), 0, 1); err != nil || len(orders) > 0 {
			t.Errorf("an order was placed: %v %v", orders, err)
		}
	})
}

// TestTheFieldAtFaultIsNamed: by an error of the API's, and by one of the page's own.
func TestTheFieldAtFaultIsNamed(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		v := s.visit()
		for _, c := range []struct {
			target, field string
			form          url.Values
		}{
			{"/ops/orders", "Quantity", url.Values{"key": {"k"}, "user": {"ann"}, "sku": {"A123"}, "qty": {"many"}}},
			{"/ops/orders", "Quantity", url.Values{"key": {"k"}, "user": {"ann"}, "sku": {"A123"}, "qty": {"0"}}},
			{"/ops/orders", "User", url.Values{"key": {"k"}, "user": {""}, "sku": {"A123"}, "qty": {"1"}}},
			{"/ops/orders", "Payment method", url.Values{"key": {"k"}, "user": {"ann"}, "sku": {"A123"}, "qty": {"1"}, "method": {"4111 1111"}}},
			{"/ops/stock", "SKU", url.Values{"sku": {"A123"}, "on_hand": {"1"}, "price": {"1"}, "currency": {"USD"}}},
			{"/ops/stock", "Units on the shelf", url.Values{"sku": {"N"}, "on_hand": {"1.5"}, "price": {"1"}, "currency": {"USD"}}},
			{"/ops/stock", "Currency", url.Values{"sku": {"N"}, "on_hand": {"1"}, "price": {"1"}, "currency": {"DOLLARS"}}},
			{"/ops/orders", "Quantity", url.Values{"key": {"k"}, "user": {"ann"}, "sku": {"A123"}, "qty": {"1,5"}}},
			{"/ops/stock", "Price in minor units", url.Values{"sku": {"N"}, "on_hand": {"1"}, "price": {"49,99"}, "currency": {"USD"}}},
			{"/ops/stock/A123/adjust", "Units", url.Values{"adjustment_id": {"a"}, "delta": {"+1,500"}}},
			{"/ops/stock/A123/adjust", "Units", url.Values{"adjustment_id": {"a"}, "delta": {"few"}}},
			{"/ops/stock/A123/adjust", "Units", url.Values{"adjustment_id": {"a"}, "delta": {"0"}}},
		} {
			page := v.post(c.target, c.form).want(http.StatusUnprocessableEntity)
			if alert := page.alert(); !strings.Contains(alert, c.field) {
				t.Errorf("%s %v: the error is %q, which names no %s", c.target, c.form, alert, c.field)
			}
			if at := page.live(); at == "" || v.get(at).status != http.StatusOK {
				t.Errorf("%s is live at %q", c.target, at)
			}
			for name := range c.form {
				if got := page.field(name); got != c.form.Get(name) {
					t.Errorf("%s: %s comes back as %q, not %q", c.target, name, got, c.form.Get(name))
				}
			}
		}
		_, err := s.client().Stock(t.Context(), "N")
		if p, ok := err.(*client.Problem); !ok || p.Status != http.StatusNotFound {
			t.Errorf("a SKU was made of a form with an error: %v", err)
		}
	})
}

// alert is the error that a sheet shows.
func (s *sheet) alert() string { return s.root.alert() }

func (n *node) alert() string {
	for n := range n.all("") {
		if n.attr["role"] == "alert" {
			return n.words()
		}
	}
	return ""
}
