package ops_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/keys"
	"holdfast/system"
)

// act is something that can be done on a page.
type act struct {
	name    string
	scope   keys.Scope // that it needs beside ops
	prepare func(*stage) (target string, form url.Values)
	done    func(*stage, string) bool // whether the act on target was done
	logged  string
}

var acts = []act{
	{
		"place", keys.Orders,
		func(*stage) (string, url.Values) {
			return "/ops/orders", url.Values{"key": {"once"}, "user": {"ann"}, "sku": {"A123"}, "qty": {"2"}, "method": {simulated.Approve}}
		},
		func(s *stage, _ string) bool { return s.sold("A123") == 2 },
		`"action":"placed","page":"/ops/orders/`,
	},
	{
		"cancel", keys.Ops,
		func(s *stage) (string, url.Values) {
			return "/ops/orders/" + s.place("ann", simulated.Down) + "/cancel", nil
		},
		func(s *stage, target string) bool { return s.status(orderOf(target)) == "CANCELLED" },
		`"action":"cancelled","page":"/ops/orders/order-`,
	},
	{
		"refund", keys.Ops,
		func(s *stage) (string, url.Values) {
			return "/ops/orders/" + s.place("ann", simulated.Approve) + "/refund", nil
		},
		func(s *stage, target string) bool {
			return s.status(orderOf(target)) == "REFUNDED" && s.sold("A123") == 1
		},
		`"action":"refunded","page":"/ops/orders/order-`,
	},
	{
		"refund and restock", keys.Ops,
		func(s *stage) (string, url.Values) {
			return "/ops/orders/" + s.place("ann", simulated.Approve) + "/refund", url.Values{"restock": {"1"}}
		},
		func(s *stage, target string) bool {
			return s.status(orderOf(target)) == "REFUNDED" && s.sold("A123") == 0
		},
		`"action":"refunded","page":"/ops/orders/order-`,
	},
	{
		"add a SKU", keys.Inventory,
		func(*stage) (string, url.Values) {
			return "/ops/stock", url.Values{"sku": {" NEW "}, "on_hand": {"1000"}, "price": {"250"}, "currency": {"jpy"}}
		},
		func(s *stage, _ string) bool {
			row, err := s.memory.Inventory.Stock(s.t.Context(), "NEW")
			return err == nil && row.Available == 1000 && row.Price == event.Money{Amount: 250, Currency: "JPY"}
		},
		`"action":"added","page":"/ops/stock/NEW"`,
	},
	{
		"count", keys.Inventory,
		func(*stage) (string, url.Values) { return "/ops/stock/A123/count", url.Values{"on_hand": {"7"}} },
		func(s *stage, _ string) bool { return s.available("A123") == 7 },
		`"action":"counted","page":"/ops/stock/A123"`,
	},
	{
		"adjust", keys.Inventory,
		func(*stage) (string, url.Values) {
			return "/ops/stock/A123/adjust", url.Values{"adjustment_id": {"once"}, "delta": {"−3"}, "reason": {"damaged"}}
		},
		func(s *stage, _ string) bool { return s.available("A123") == 97 },
		`"action":"adjusted","page":"/ops/stock/A123"`,
	},
	{
		"redrive one", keys.Ops,
		func(s *stage) (string, url.Values) {
			return "/ops/queues/inventory/redrive", url.Values{"id": {s.dead("a")}}
		},
		func(s *stage, _ string) bool { return s.letters(event.Inventory) == 0 },
		`"dead_letters":["a:OrderPlaced"],"action":"redriven-1"`,
	},
	{
		"redrive some", keys.Ops,
		func(s *stage) (string, url.Values) {
			s.dead("a")
			return "/ops/queues/inventory/redrive", url.Values{"id": {s.dead("b"), s.dead("c")}}
		},
		func(s *stage, _ string) bool { return s.letters(event.Inventory) == 1 },
		`"dead_letters":["b:OrderPlaced","c:OrderPlaced"],"action":"redriven-2"`,
	},
	{
		"redrive all", keys.Ops,
		func(s *stage) (string, url.Values) {
			s.dead("a")
			s.dead("b")
			return "/ops/queues/inventory/redrive", url.Values{"all": {"1"}}
		},
		func(s *stage, _ string) bool { return s.letters(event.Inventory) == 0 },
		`"action":"redriven-2"`,
	},
	{
		"delete", keys.Ops,
		func(s *stage) (string, url.Values) {
			s.dead("a")
			return "/ops/queues/inventory/delete", url.Values{"id": {s.dead("b")}}
		},
		func(s *stage, _ string) bool { return s.letters(event.Inventory) == 1 },
		`"dead_letters":["b:OrderPlaced"],"action":"deleted"`,
	},
	{
		"begin an outage", keys.Ops,
		func(*stage) (string, url.Values) { return "/ops/gateway/outage", nil },
		func(s *stage, _ string) bool { return s.outage() == time.Minute },
		`"action":"outage-begun"`,
	},
	{
		"end an outage", keys.Ops,
		func(s *stage) (string, url.Values) {
			s.check(s.gateway.Outage(s.t.Context(), time.Hour))
			return "/ops/gateway/outage", url.Values{"end": {"1"}}
		},
		func(s *stage, _ string) bool { return s.outage() == 0 },
		`"action":"outage-ended"`,
	},
}

// dead buries a message that no order is behind, and which is handled without harm.
func (s *stage) dead(order string) (id string) {
	e := event.New(event.OrderPlaced, event.Ref{OrderID: order, Number: 1000 + int64(order[0])}, system.Now())
	e.Lines = []event.Line{{SKU: "B456", Qty: 1}}
	return s.bury(event.Inventory, e, "it would not do")
}

func orderOf(target string) string { return strings.Split(target, "/")[3] }

func (s *stage) status(id string) string {
	s.t.Helper()
	o, err := s.memory.Orders.Get(s.t.Context(), id)
	s.check(err)
	return string(o.Status)
}

func (s *stage) sold(sku string) int64 {
	s.t.Helper()
	row, err := s.memory.Inventory.Stock(s.t.Context(), sku)
	s.check(err)
	return row.Sold
}

func (s *stage) available(sku string) int64 {
	s.t.Helper()
	row, err := s.memory.Inventory.Stock(s.t.Context(), sku)
	s.check(err)
	return row.Available
}

// outage is how long the gateway's outage goes on, to the second.
func (s *stage) outage() time.Duration {
	s.t.Helper()
	until, err := s.gateway.OutageEnd(s.t.Context())
	s.check(err)
	return max(until.Sub(system.Now()), 0).Round(time.Second)
}

// onEveryAct plays each act on a stage of its own.
func onEveryAct(t *testing.T, play func(s *stage, a act, target string, form url.Values)) {
	for _, a := range acts {
		t.Run(a.name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				s.stock("A123", 100)
				s.stock("B456", 0)
				target, form := a.prepare(s)
				play(s, a, target, form)
			}, requireKeys)
		})
	}
}

func TestWhatIsDoneIsSaidAndLogged(t *testing.T) {
	onEveryAct(t, func(s *stage, a act, target string, form url.Values) {
		desk := s.visitAs(s.key("desk", keys.Ops, a.scope))
		page := desk.do(target, form).want(http.StatusOK)
		page.wellMade(s.t)
		if said := page.said(); said == "" {
			s.t.Error("nothing is said")
		}
		s.pass(time.Millisecond)
		if !a.done(s, target) {
			s.t.Errorf("it was not done; %s", page.words())
		}
		line, ok := s.log.lineWith(`"msg":"ops action"`)
		if !ok || !strings.Contains(line, `"key":"desk","path":"`+target+`"`) || !strings.Contains(line, a.logged) {
			s.t.Errorf("logged as %s", line)
		}
	})
}

// said is what a sheet says that was done.
func (s *sheet) said() string {
	for n := range s.root.all("p") {
		if n.attr["class"] == "said" {
			return n.words()
		}
	}
	return ""
}

// TestOtherSitesCannotAct: not even with the cookie, which no browser would send.
func TestOtherSitesCannotAct(t *testing.T) {
	onEveryAct(t, func(s *stage, a act, target string, form url.Values) {
		desk := s.visitAs(s.key("desk", keys.Scopes...))
		before, asked := s.memory.Hash(), s.calls.to("/caller")
		for name, values := range map[string][]string{
			"Sec-Fetch-Site": {"cross-site", "same-site"}, "Origin": {"https://evil.example", "null", "http://127.0.0.1:9000", "http://127.0.0.1"},
		} {
			for _, value := range values {
				r := desk.request(http.MethodPost, target, form)
				r.Header.Set(name, value)
				desk.send(r).want(http.StatusForbidden)
			}
		}
		s.pass(time.Millisecond)
		if s.memory.Hash() != before || s.calls.to("/caller") != asked {
			s.t.Errorf("another site did something")
		}
	})
}

// TestAnActNeedsItsScope: a key that opens the page and everything else.
func TestAnActNeedsItsScope(t *testing.T) {
	onEveryAct(t, func(s *stage, a act, target string, form url.Values) {
		for _, scopes := range [][]keys.Scope{{keys.Orders}, {keys.Inventory}, {keys.Orders, keys.Inventory}, {keys.Ops}, {keys.Orders, keys.Ops}, {keys.Inventory, keys.Ops}} {
			key := keys.Key{Scopes: scopes}
			if key.Has(keys.Ops) && key.Has(a.scope) {
				continue
			}
			name := "without" + strings.Repeat("-", len(s.secrets))
			v := s.visitAs(s.key(name, scopes...))
			before := s.memory.Hash()
			page := v.post(target, form).want(http.StatusForbidden)
			page.wellMade(s.t)
			s.pass(time.Millisecond)
			if s.memory.Hash() != before {
				s.t.Errorf("it was done with %v", scopes)
			}
			missing := a.scope
			if !key.Has(keys.Ops) {
				missing = keys.Ops
			} else if line, _ := s.log.lineWith(`"key":"` + name + `"`); !strings.Contains(s.log.String(), `"msg":"ops action refused","key":"`+name+`"`) {
				s.t.Errorf("the refusal is logged as %s", line)
			}
			if !strings.Contains(page.alert(), "scope "+string(missing)) {
				s.t.Errorf("with %v the error is %q", scopes, page.alert())
			}
		}
	})
}

func TestLookingNeverActs(t *testing.T) {
	onEveryAct(t, func(s *stage, a act, target string, form url.Values) {
		desk := s.visitAs(s.key("desk", keys.Scopes...))
		before := s.memory.Hash()
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
			for _, address := range []string{target, target + "?" + form.Encode()} {
				desk.send(desk.request(method, address, nil))
				desk.send(desk.request(method, address, form))
			}
		}
		s.pass(time.Millisecond)
		if s.memory.Hash() != before {
			s.t.Error("it was done")
		}
		if line, ok := s.log.lineWith("ops action"); ok {
			s.t.Errorf("logged: %s", line)
		}
	})
}

// TestAFormSentTwiceActsOnce: the reader presses twice, or loads the answer again.
func TestAFormSentTwiceActsOnce(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		v := s.visit()
		placing := url.Values{"key": {v.get("/ops/orders").field("key")}, "user": {"ann"}, "sku": {"A123"}, "qty": {"2"}, "method": {simulated.Approve}}
		adjusting := url.Values{"adjustment_id": {v.get("/ops/stock/A123").field("adjustment_id")}, "delta": {"+5"}}
		leads := make(map[string]bool)
		for range 3 {
			leads[v.post("/ops/orders", placing).want(http.StatusSeeOther).header.Get("Location")] = true
			v.do("/ops/stock/A123/adjust", adjusting).want(http.StatusOK)
		}
		s.pass(time.Millisecond)
		if len(leads) != 1 || s.sold("A123") != 2 || s.available("A123") != 103 {
			t.Errorf("the order is at %v, %d sold, %d available", leads, s.sold("A123"), s.available("A123"))
		}
		// Another form is another order.
		if next := v.get("/ops/orders").field("key"); next == placing.Get("key") || next == "" {
			t.Errorf("the next form has the key %q", next)
		}
		if next := v.get("/ops/stock/A123").field("adjustment_id"); next == adjusting.Get("adjustment_id") || next == "" {
			t.Errorf("the next form has the id %q", next)
		}
	})
}

// TestAFormWithAnErrorIsSentAgain: with the key that it had, so that what was done
// without the reader's knowing is not done again.
func TestAFormWithAnErrorIsSentAgain(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		v := s.visit()
		form := url.Values{"key": {"k1"}, "user": {"ann"}, "sku": {"A123"}, "qty": {"0"}}
		page := v.post("/ops/orders", form).want(http.StatusUnprocessableEntity)
		form.Set("key", page.field("key"))
		form.Set("qty", "1")
		v.do("/ops/orders", form).want(http.StatusOK)
		form.Set("qty", "2")
		if v.post("/ops/orders", form).want(http.StatusUnprocessableEntity).alert() == "" {
			t.Error("another order with the same key was taken")
		}
		adjust := url.Values{"adjustment_id": {"a1"}, "delta": {"-101"}}
		page = v.post("/ops/stock/A123/adjust", adjust).want(http.StatusConflict)
		if page.alert() == "" || page.field("adjustment_id") != "a1" || page.field("delta") != "-101" {
			t.Errorf("%s", page.words())
		}
	})
}

// TestWhatCannotBeDoneIsSaid: the page shows how it stands now, and why not.
func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		s.stock("B456", 0)
		v, done, failed := s.visit(), s.place("ann", simulated.Approve), s.place("ann", simulated.Decline)
		letter := s.bury(event.Order, event.Decode([]byte("x")), "no event")
		for _, c := range []struct {
			target string
			form   url.Values
			status int
		}{
			{"/ops/orders/" + done + "/cancel", nil, http.StatusConflict},
			{"/ops/orders/" + failed + "/refund", nil, http.StatusConflict},
			{"/ops/orders/nothing/cancel", nil, http.StatusNotFound},
			{"/ops/stock/nothing/count", url.Values{"on_hand": {"1"}}, http.StatusUnprocessableEntity},
			{"/ops/stock/nothing/adjust", url.Values{"adjustment_id": {"a"}, "delta": {"1"}}, http.StatusNotFound},
			{"/ops/queues/order/redrive", nil, http.StatusUnprocessableEntity},
			{"/ops/queues/nothing/redrive", url.Values{"all": {"1"}}, http.StatusNotFound},
			{"/ops/queues/order/delete", url.Values{"id": {"nothing"}}, http.StatusNotFound},
			{"/ops/queues/order/delete", url.Values{"id": {letter, letter}}, http.StatusSeeOther},
			{"/ops/orders", url.Values{"key": {strings.Repeat("k", 1<<16)}}, http.StatusBadRequest},
		} {
			page := v.post(c.target, c.form).want(c.status)
			if c.status == http.StatusSeeOther {
				continue
			}
			page.wellMade(t)
			if page.alert() == "" {
				t.Errorf("%s: no error is shown: %s", c.target, page.words())
			}
		}
	})
}
