//go:build browser

package browsertest

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// closedShop is a shop that asks for a key, with a dead letter of inventory's, and the
// secret of a key that opens everything.
func closedShop(t *testing.T) (s *shop, secret string) {
	t.Helper()
	s = newShop(t, "--require-keys")
	s.deadLetters(1)
	secret = s.key("desk", "orders,inventory,ops")
	s.open()
	s.Client = s.WithKey(secret)
	s.wantEnd("order-0000", "COMPLETED") // the sweeper saw to it
	return s, secret
}

// follow leads to a link, button or the like by Tab, and presses Enter.
func (v *visitor) follow(name string) {
	v.t.Helper()
	v.tabTo(name)
	v.press(kb.Enter)
}

// enter writes a value into the field of this label by keyboard.
func (v *visitor) enter(label, value string) {
	v.t.Helper()
	v.tabTo(label)
	v.write(value)
}

// placeByKeyboard places an order, and waits for the status that it comes to.
func (v *visitor) placeByKeyboard(o purchase, status string) {
	v.t.Helper()
	v.follow("Orders")
	v.arrives("/ops/orders")
	v.follow("Place an order")
	v.enter("User", o.user)
	v.enter("SKU", o.sku)
	v.enter("Quantity", o.quantity)
	v.enter("Payment method", o.method)
	v.follow("Place order")
	v.seesStatus(status)
}

// TestEverythingIsDoneByKeyboard signs in, places orders, refunds and cancels them, and
// redrives a dead letter, without a mouse.
func TestEverythingIsDoneByKeyboard(t *testing.T) {
	s, secret := closedShop(t)
	v := visit(t, s.url)
	v.use(view{Width: 1024, Height: 768, Still: true})
	v.goTo("/")
	v.enter("API key", secret)
	v.press(kb.Enter)
	v.arrives("/")
	v.follow("Skip to the content")
	v.finds(`document.activeElement.id === "main"`)
	v.goTo("/")
	v.placeByKeyboard(purchase{"test_user", "A123", "2", "sim_approve"}, "COMPLETED")
	v.follow("Refund this order")
	v.tabTo("Put the units back on sale")
	v.press(" ")
	v.follow("Yes, refund it")
	v.seesStatus("REFUNDED")
	s.wantStock("A123", 99, 1)

	v.goTo("/")
	v.placeByKeyboard(purchase{"test_user", "A123", "1", "sim_down"}, "RESERVED")
	v.follow("Cancel this order")
	v.follow("Yes, cancel it")
	v.seesStatus("CANCELLED")
	s.wantStock("A123", 99, 1)

	v.goTo("/ops/queues/inventory/dead-letters")
	v.tabTo("Choose order-0000:OrderPlaced")
	v.press(" ")
	v.follow("Redrive selected")
	v.sees("1 dead letter is back on the queue.")
	v.follow("Sign out")
	v.arrives("/ops/sign-in")
}

// TestEverythingIsDoneWithoutScripts does the same in a browser that runs none, and
// loads a page again to see what has become of it.
func TestEverythingIsDoneWithoutScripts(t *testing.T) {
	s, secret := closedShop(t)
	v := visit(t, s.url)
	_, err := chromedp.Call(v.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	v.check(err)
	v.goTo("/")
	v.signIn(secret)
	v.arrives("/")
	v.sees("Without JavaScript this page stays as it is")
	id := v.place(purchase{"test_user", "A123", "2", "sim_approve"})
	s.wantEnd(id, "COMPLETED")
	v.goTo("/ops/orders/" + id)
	v.click(disclosure, "Refund this order")
	v.click(button, "Yes, refund it")
	v.sees("The refund is accepted.")
	s.wantEnd(id, "REFUNDED")
	s.wantStock("A123", 97, 3) // the units are not on sale again

	id = v.place(purchase{"test_user", "A123", "1", "sim_down"})
	v.click(disclosure, "Cancel this order")
	v.click(button, "Yes, cancel it")
	v.sees("The cancel is accepted.")
	s.wantEnd(id, "CANCELLED")
	v.goTo("/ops/orders/" + id)
	v.seesStatus("CANCELLED")

	v.goTo("/ops/queues/inventory/dead-letters")
	v.click(button, "Redrive all")
	v.sees("1 dead letter is back on the queue.")
	v.click(button, "Sign out")
	v.arrives("/ops/sign-in")
}
