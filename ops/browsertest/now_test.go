//go:build browser

package browsertest

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAnOutageIsSeenAndExplained makes the gateway unreachable on the page, places an
// order, reads what it waits for, ends the outage, and sees the order end.
func TestAnOutageIsSeenAndExplained(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.goTo("/")
	v.seesIn("Needs attention", "Nothing needs you.")
	v.click(button, "Make it unreachable for 60 seconds")
	v.seesIn("Needs attention", "The simulated gateway is unreachable until")
	id := v.place(purchase{"test_user", "A123", "1", "sim_approve"})
	v.seesIn("What it is waiting for", "Payment unknown: asked", "The simulated gateway is unreachable until", "Stock held until")

	v.turnTo("Now")
	v.click(button, "End the outage")
	v.sees("The simulated gateway can be reached again.")
	v.goTo("/ops/orders/" + id)
	v.seesStatus("COMPLETED")
	s.wantStock("A123", 99, 1)
}

// TestTheFirstPageFillsItself opens the page before there is an order.
func TestTheFirstPageFillsItself(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.goTo("/")
	v.seesIn("The last hour", "Nothing to draw yet.")
	s.place("order-1001", "sim_approve", 1)
	v.seesIn("Orders by status", "Completed 1")
	v.finds(`document.querySelectorAll("main svg[role=img][aria-label*='over the last hour']").length === 3`)
}

// TestALostConnectionSaysSoAndComesBack stops the server under an open page.
func TestALostConnectionSaysSoAndComesBack(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.complaints.expect("net::ERR_")
	v.goTo("/ops/orders")
	v.finds(`document.querySelector("[role=status]").innerText === ""`)
	s.stop()
	v.reads(`document.querySelector("[role=status]")`, "lost")
	s.restart()
	v.finds(`document.querySelector("[role=status]").innerText === ""`)
	s.place("order-1001", "sim_approve", 1)
	v.sees("order-1001")
}

// lookAway has the page believe that its reader looks at another one, or comes back.
const lookAway = `Object.defineProperty(document, "hidden", {value: %t, configurable: true}); document.dispatchEvent(new Event("visibilitychange"))`

// TestAPageThatNobodyLooksAtAsksForNothing has the reader turn away and come back.
func TestAPageThatNobodyLooksAtAsksForNothing(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.goTo("/ops/orders")
	v.finds(`stream.readyState === EventSource.OPEN`)
	for _, away := range []bool{true, false} {
		v.check(chromedp.Do(v.ctx, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(lookAway, away))))
		v.finds(fmt.Sprintf(`(stream.readyState === EventSource.CLOSED) === %t`, away))
	}
	s.place("order-1001", "sim_approve", 1)
	v.sees("order-1001")
}

// TestWhatIsBeingEnteredStays has the page change under a form that is half filled in.
func TestWhatIsBeingEnteredStays(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.goTo("/ops/orders")
	v.click(disclosure, "Place an order")
	v.fill("User", "test_user")
	v.fill("SKU", "A1")
	s.place("order-1001", "sim_approve", 1)
	v.sees("order-1001")
	v.press("23")
	v.finds(`document.querySelector("[name=user]").value === "test_user" && document.querySelector("[name=sku]").value === "A123"`)
	v.finds(`document.querySelector("[name=key]").value !== ""`) // so that it is placed once
}
