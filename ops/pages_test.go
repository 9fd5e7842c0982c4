package ops_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
	"holdfast/system"
)

// crawl opens a page and all that can be reached from it by links within the pages.
func (v *visitor) crawl(from string) map[string]*sheet {
	v.t.Helper()
	found := make(map[string]*sheet)
	for next := []string{from}; len(next) > 0; next = next[1:] {
		if found[next[0]] != nil {
			continue
		}
		s := v.get(next[0])
		found[next[0]] = s
		for n := range s.root.all("a") {
			to := n.attr["href"]
			if u, err := url.Parse(to); err != nil {
				v.t.Errorf("%s links to %q: %v", s.target, to, err)
			} else if u.Path == "/" || strings.HasPrefix(u.Path, "/ops/") {
				next = append(next, to)
			}
		}
	}
	return found
}

// busy fills a stage with an order in every status and with dead letters, and leaves
// it in an outage.
func (s *stage) busy() (orders map[order.Status]string) {
	s.t.Helper()
	s.stock("A123", 100)
	s.stock("B456", 0)
	orders = map[order.Status]string{
		order.Completed: s.place("ann", simulated.Approve), order.Refunded: s.place("bob", simulated.Approve),
		order.Refunding: s.place("cem", simulated.Approve), order.PaymentFailed: s.place("dan", simulated.Decline),
		order.FailedNoStock: s.placeOf("B456", "eva", simulated.Approve), order.Cancelled: s.place("fay", simulated.Down),
	}
	s.refund(orders[order.Refunded], true)
	s.cancel(orders[order.Cancelled])
	s.check(s.gateway.Outage(s.t.Context(), time.Hour))
	s.refund(orders[order.Refunding], false)
	orders[order.Reserved], orders[order.Cancelling] = s.place("gus", simulated.Approve), s.place("hal", simulated.Approve)
	s.cancel(orders[order.Cancelling])
	orders[order.Pending] = s.lose("ian")
	s.pass(time.Second)
	for status, id := range orders {
		s.wantStatus(id, string(status))
	}
	s.bury(event.Inventory, event.New(event.PaymentCaptured, event.Ref{OrderID: orders[order.Completed], Number: 1}, system.Now()), "it has no hold")
	s.bury(event.Payment, event.Decode([]byte("a text from elsewhere")), "not an event envelope")
	s.bury(event.Order, event.Decode([]byte("\xff\xfe")), "not an event envelope")
	return orders
}

func (s *stage) refund(id string, restock bool) {
	s.t.Helper()
	_, err := s.client().Refund(s.t.Context(), id, restock)
	s.check(err)
	s.pass(time.Millisecond)
}

func (s *stage) cancel(id string) {
	s.t.Helper()
	_, err := s.client().Cancel(s.t.Context(), id)
	s.check(err)
	s.pass(time.Millisecond)
}

// lose accepts an order whose first message is lost.
func (s *stage) lose(user string) (id string) {
	s.t.Helper()
	id = "lost-" + user
	placed, err := s.system.Orders.Place(s.t.Context(), system.Now(), []order.Request{{
		Caller: "local", UserID: user, OrderID: id, Lines: []event.Line{{SKU: "A123", Qty: 1}},
	}})
	s.check(err)
	s.check(placed[0].Err)
	return id
}

// beside are pages that nothing links to.
var beside = map[string]int{
	"/ops/sign-in?next=%2Fops%2Fstock":         http.StatusOK,
	"/ops/nothing":                             http.StatusNotFound,
	"/ops/orders/nothing":                      http.StatusNotFound,
	"/ops/orders/..%2F..":                      http.StatusNotFound,
	"/ops/stock/nothing":                       http.StatusNotFound,
	"/ops/queues/nothing/dead-letters":         http.StatusNotFound,
	"/ops/queues/order/dead-letter?id=nothing": http.StatusNotFound,
	"/ops/orders?q=nothing":                    http.StatusOK,
	"/ops/orders?q=nothing&status=PENDING":     http.StatusOK,
	"/ops/orders?status=NOTHING":               http.StatusUnprocessableEntity,
	"/ops/orders?cursor=nothing":               http.StatusBadRequest,
	"/ops/stock?sku=nothing":                   http.StatusOK,
	"/ops/stock?cursor=nothing":                http.StatusBadRequest,
	"/?said=placed":                            http.StatusOK,
	"/?said=%3Cb%3E":                           http.StatusOK,
}

func TestEveryPageIsWellMade(t *testing.T) {
	for name, fill := range map[string]func(*stage) []string{
		"empty": func(*stage) []string { return nil },
		"busy": func(s *stage) []string {
			pages := []string{"/ops/stock/A123", "/ops/stock/B456"}
			for _, id := range s.busy() {
				pages = append(pages, "/ops/orders/"+id)
			}
			return append(pages, "/ops/queues/inventory/dead-letter?id=order-1%3APaymentCaptured")
		},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				s.wellMade(append(fill(s), "/", "/ops/orders", "/ops/stock", "/ops/queues", "/ops/queues/payment/dead-letters", "/ops/sign-in"))
			})
		})
	}
}

// wellMade opens every page: those that others link to, of which there must be these,
// and those beside.
func (s *stage) wellMade(pages []string) {
	s.t.Helper()
	v := s.visit()
	before := s.memory.Hash()
	found := v.crawl("/")
	for _, target := range pages {
		if found[target] == nil {
			s.t.Errorf("no link leads to %s: %q", target, slices.Sorted(maps.Keys(found)))
		}
	}
	for _, sheet := range found {
		sheet.want(http.StatusOK)
	}
	for target, status := range beside {
		found[target] = v.get(target).want(status)
	}
	for _, sheet := range found {
		sheet.wellMade(s.t)
		sheet.wellKept(s.t)
		for n := range sheet.root.all("details") {
			if _, open := n.attr["open"]; open {
				s.t.Errorf("%s: %q is unfolded before anybody asked for it", sheet.target, n.words())
			}
		}
	}
	if s.memory.Hash() != before {
		s.t.Error("a page that was only looked at has changed something")
	}
}

// wellKept holds a page's headers to what they must be.
func (s *sheet) wellKept(t *testing.T) {
	t.Helper()
	policy := s.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") ||
		!strings.Contains(policy, "form-action 'self'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("%s: policy %q", s.target, policy)
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8",
	} {
		if got := s.header.Get(name); got != want {
			t.Errorf("%s: %s %q, want %q", s.target, name, got, want)
		}
	}
}

func TestTheScriptAndTheStylesAreServed(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visit()
		for n := range v.get("/ops/sign-in").root.all("") {
			if n.name == "script" || n.name == "link" && n.attr["rel"] == "stylesheet" {
				a := v.get(n.attr["src"] + n.attr["href"]).want(http.StatusOK)
				if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, map[string]string{"script": "text/javascript", "link": "text/css"}[n.name]) {
					t.Errorf("%s is %s", a.target, kind)
				}
			}
		}
		v.get("/ops").want(http.StatusMovedPermanently)
	}, requireKeys)
}

// TestAnOrdersPageShowsWhatMayBeDone: and nothing else.
func TestAnOrdersPageShowsWhatMayBeDone(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visit()
		for status, id := range s.busy() {
			page := v.get("/ops/orders/" + id)
			may := map[string]bool{
				"cancel": status == order.Pending || status == order.Reserved,
				"refund": status == order.Completed,
			}
			for act, want := range may {
				if got := page.form("/ops/orders/"+id+"/"+act) != nil; got != want {
					t.Errorf("%s: may %s: %t", status, act, got)
				}
			}
			if waits := strings.Contains(page.body, `id="waiting"`); waits == status.Ended() {
				t.Errorf("%s waits: %t", status, waits)
			}
			if !page.shows(string(status)) {
				t.Errorf("%s is not shown", status)
			}
		}
	})
}

// shows reports whether the sheet shows a status.
func (s *sheet) shows(status string) bool {
	for n := range s.root.all("") {
		if n.attr["data-status"] == status {
			return true
		}
	}
	return false
}

func TestOrdersAreFoundByIdUserAndStatus(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		bad, good, other := s.place("ann", simulated.Decline), s.place("ann", simulated.Approve), s.place("bob", simulated.Approve)
		// A user may have the name of an order: of this one, and of an order of another.
		self, err := s.client().Place(t.Context(), client.PlaceOrder{UserID: "self", OrderID: new("self"), Items: []client.Line{{SKU: "A123", Qty: 1}}}, "")
		s.check(err)
		named := s.place(other, simulated.Approve)
		v := s.visit()
		for query, want := range map[string][]string{
			"q=ann": {good, bad}, "q=ann&status=COMPLETED": {good}, "status=PAYMENT_FAILED": {bad},
			"q=" + bad: {bad}, "q=" + other: {other, named}, "q=self": {self.OrderID}, "q=+" + good + "+": {good}, "q=Ann": nil, "": {named, "self", other, good, bad},
		} {
			page := v.get("/ops/orders?" + query)
			page.wellMade(t)
			if got := page.rows(); !slices.Equal(got, want) {
				t.Errorf("%q finds %q, want %q", query, got, want)
			}
		}
	})
}

// rows are the orders that a list shows.
func (s *sheet) rows() (ids []string) {
	for n := range s.root.all("tr") {
		if id, ok := strings.CutPrefix(n.attr["id"], "order-"); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestListsGoOn: every row is on one of a list's pages, once.
func TestListsGoOn(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 1000)
		var orders []string
		for range 120 {
			orders = append(orders, s.accept("A123", "ann", simulated.Approve))
		}
		s.pass(time.Second)
		slices.Reverse(orders)
		v := s.visit()
		for _, start := range []string{"/ops/orders", "/ops/orders?q=ann&status=COMPLETED"} {
			var seen []string
			for page := v.get(start); page != nil && len(seen) <= len(orders); page = page.next() {
				seen = append(seen, page.rows()...)
			}
			if !slices.Equal(seen, orders) {
				t.Errorf("%s goes over %d of %d orders: %q", start, len(seen), len(orders), seen)
			}
		}
	})
}

// TestOtherListsGoOn as those of orders do.
func TestOtherListsGoOn(t *testing.T) {
	onStage(t, func(s *stage) {
		const all = 120
		v := s.visit()
		s.stock("A123", 1000)
		for i := range all {
			if i > 0 {
				s.stock(fmt.Sprint("S", i), 100)
				v.do("/ops/stock/A123/adjust", url.Values{"adjustment_id": {fmt.Sprint("a", i)}, "delta": {"1"}})
			}
			s.dead(fmt.Sprint("d", i))
		}
		for _, start := range []string{"/ops/stock", "/ops/stock/A123", "/ops/queues/inventory/dead-letters"} {
			var rows []string
			for page := v.get(start); page != nil && len(rows) <= all; page = page.next() {
				for body := range page.root.all("tbody") {
					for row := range body.all("tr") {
						rows = append(rows, row.words())
					}
				}
			}
			slices.Sort(rows)
			if different := len(slices.Compact(slices.Clone(rows))); len(rows) != all || different != all {
				t.Errorf("%s has %d rows, %d of them different, want %d", start, len(rows), different, all)
			}
		}
	})
}

// next is the page after this one of a list; nil on the last.
func (s *sheet) next() *sheet {
	s.visitor.t.Helper()
	for n := range s.root.all("a") {
		if n.attr["rel"] == "next" {
			return s.visitor.get(n.attr["href"]).want(http.StatusOK)
		}
	}
	return nil
}
