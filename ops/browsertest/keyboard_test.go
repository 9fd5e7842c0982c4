//go:build browser

package browsertest

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestEverythingIsDoneByKeyboard places an order and refunds it without a mouse.
func TestEverythingIsDoneByKeyboard(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.use(view{Width: 1024, Height: 768, Still: true})
	v.goTo("/")
	v.tabTo("Skip to the content")
	v.press(kb.Enter)
	v.finds(`document.activeElement.id === "main"`)
	v.goTo("/")
	v.tabTo("Orders")
	v.press(kb.Enter)
	v.arrives("/ops/orders")
	v.tabTo("Place an order")
	v.press(kb.Enter)
	for _, field := range [][2]string{{"User", "test_user"}, {"SKU", "A123"}, {"Quantity", "2"}, {"Payment method", "sim_approve"}} {
		v.tabTo(field[0])
		v.write(field[1])
	}
	v.tabTo("Place order")
	v.press(kb.Enter)
	v.seesStatus("COMPLETED")
	v.tabTo("Refund this order")
	v.press(kb.Enter)
	v.tabTo("Put the units back on sale")
	v.press(" ")
	v.tabTo("Yes, refund it")
	v.press(kb.Enter)
	v.seesStatus("REFUNDED")
	s.wantStock("A123", 100, 0)
}
