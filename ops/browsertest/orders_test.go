//go:build browser

package browsertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/api/client"
)

// purchase is what a visitor fills into the form that places an order.
type purchase struct{ user, sku, quantity, method string }

// place places an order on the Orders page, and returns its id.
func (v *visitor) place(o purchase) (id string) {
	v.t.Helper()
	v.turnTo("Orders")
	v.click(disclosure, "Place an order")
	v.fill("User", o.user)
	v.fill("SKU", o.sku)
	v.fill("Quantity", o.quantity)
	v.fill("Payment method", o.method)
	v.click(button, "Place order")
	v.sees("The order is accepted.")
	id, _, _ = strings.Cut(strings.TrimPrefix(v.path(), "/ops/orders/"), "?")
	v.reads("document.querySelector('h1')", id)
	return id
}

func TestAnOrderIsPlacedCompletedAndRefunded(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.goTo("/")
	id := v.place(purchase{"test_user", "A123", "2", "sim_approve"})
	v.seesStatus("COMPLETED") // without a reload: the page is live
	v.seesIn("Timeline", "Order accepted", "Stock held: 2 × A123", "Payment of 39.98 USD captured", "Order completed")
	s.wantStock("A123", 98, 2)

	v.click(disclosure, "Refund this order")
	v.click(checkbox, "Put the units back on sale")
	v.click(button, "Yes, refund it")
	v.sees("The refund is accepted.")
	v.arrives("/ops/orders/" + id) // loaded again, the page does not say it again
	v.seesStatus("REFUNDED")
	v.seesIn("Timeline", "Units returned, and on sale again", "Payment of 39.98 USD refunded", "Order refunded")
	s.wantEnd(id, "REFUNDED")
	s.wantStock("A123", 100, 0)
}

func TestAnOrderIsCancelled(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.goTo("/")
	id := v.place(purchase{"test_user", "A123", "1", "sim_down"}) // its card is asked for ever, and never answers
	v.seesIn("What it is waiting for", "Payment unknown: asked", "Stock held until")
	s.wantStock("A123", 99, 0)

	v.click(disclosure, "Cancel this order")
	before, err := js[string](v.ctx, `document.getElementById("waits").innerText`)
	v.check(err)
	v.finds(fmt.Sprintf(`document.getElementById("waits").innerText !== %q`, before))
	v.click(button, "Yes, cancel it") // which the live page has left unfolded
	v.sees("The cancel is accepted.")
	v.seesStatus("CANCELLED")
	v.seesIn("Timeline", "Cancel accepted", "Stock released: the payment was voided", "Order cancelled")
	s.wantEnd(id, "CANCELLED")
	s.wantStock("A123", 100, 0)
}

func TestWhatAnOrderFailedOfIsSaid(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.goTo("/")
	v.place(purchase{"test_user", "B456", "1", "sim_approve"})
	v.seesStatus("FAILED_NO_STOCK")
	v.sees("there was not enough stock")
	v.place(purchase{"test_user", "A123", "1", "sim_decline"})
	v.seesStatus("PAYMENT_FAILED")
	v.sees("the card was declined")
}

// TestAnOrderThatIsRefusedKeepsWhatWasEntered sends the form with a fault, mends it and
// sends it again.
func TestAnOrderThatIsRefusedKeepsWhatWasEntered(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.complaints.expect("422 (Unprocessable Entity)")
	v.goTo("/ops/orders")
	v.click(disclosure, "Place an order")
	v.fill("User", "test_user")
	v.fill("SKU", "no such SKU")
	v.fill("Quantity", "3")
	v.click(button, "Place order")
	v.reads("document.querySelector('[role=alert]')", "SKU")
	v.finds(`document.querySelector("[name=user]").value === "test_user" && document.querySelector("[name=qty]").value === "3"`)
	v.fill("SKU", "A123")
	v.click(button, "Place order")
	v.seesStatus("COMPLETED")
	s.wantStock("A123", 97, 3)
}

// customers place so many orders each of A123.
func (s *shop) customers(orders int, users ...string) {
	s.t.Helper()
	s.count("A123", 10_000)
	for _, user := range users {
		for i := range orders {
			_, err := s.Place(s.t.Context(), client.PlaceOrder{UserID: user, Items: []client.Line{{SKU: "A123", Qty: 1}}, PaymentMethod: "sim_approve"}, fmt.Sprint(user, i))
			s.check(err)
		}
	}
	for o, err := range s.AllOrders(s.t.Context(), client.OrderFilter{}) {
		s.check(err)
		s.wantEnd(o.OrderID, "COMPLETED")
	}
}

// listed are the orders that the page lists, by id.
func (v *visitor) listed() []string {
	v.t.Helper()
	ids, err := js[[]string](v.ctx, `[...document.querySelectorAll("main tbody a[href^='/ops/orders/']")].map(a => decodeURIComponent(a.pathname.split("/").pop()))`)
	v.check(err)
	return ids
}

func TestOrdersArePagedEachShownOnce(t *testing.T) {
	s := openShop(t)
	s.customers(60, "anna", "bert")
	v := visit(t, s.url)
	v.goTo("/ops/orders")
	seen := v.listed()
	newest := seen[0]
	for slices.Contains(v.names(link), "Older") {
		before := v.path()
		v.click(link, "Older")
		v.finds(fmt.Sprintf(`location.pathname + location.search !== %q && document.readyState === "complete"`, before))
		seen = append(seen, v.listed()...)
	}
	total := len(seen)
	slices.Sort(seen)
	if seen = slices.Compact(seen); total != 120 || len(seen) != 120 {
		t.Errorf("%d rows name %d orders, want 120 of each", total, len(seen))
	}
	v.click(link, "Newest")
	v.finds(fmt.Sprintf(`document.querySelector("main tbody a[href^='/ops/orders/']")?.textContent === %q`, newest))
}

func TestOrdersAreFoundByIDUserAndStatus(t *testing.T) {
	s := openShop(t)
	s.customers(3, "anna", "bert")
	s.place("order-1001", "sim_decline", 1)
	s.wantEnd("order-1001", "PAYMENT_FAILED")
	v := visit(t, s.url)
	v.goTo("/ops/orders")
	for _, search := range []struct {
		query, status string
		want          int
	}{{"anna", "", 3}, {"bert", "Completed", 3}, {"bert", "Cancelled", 0}, {"", "Failed: payment", 1}, {"order-1001", "", 1}, {"nobody", "", 0}} {
		v.search(search.query, search.status)
		v.finds(fmt.Sprintf(`document.querySelectorAll("main tbody a[href^='/ops/orders/']").length === %d`, search.want))
	}
}

// search looks for orders by id or user, and by status; an empty status is any.
func (v *visitor) search(query, status string) {
	v.t.Helper()
	v.goTo("/ops/orders")
	v.fill("Order or user", query)
	if status != "" {
		v.choose("Status", status)
	}
	v.click(button, "Find")
	v.finds(`location.search !== "" && document.readyState === "complete"`)
}
