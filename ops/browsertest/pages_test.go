//go:build browser

package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"golang.org/x/sync/errgroup"

	"holdfast/api/client"
)

// looks are all pages, by what a picture of each is called, in a shop that had a busy
// day.
var looks = []struct{ name, path string }{
	{"now", "/"}, {"orders", "/ops/orders"}, {"orders-none", "/ops/orders?q=nobody"}, {"order", "/ops/orders/order-done"}, {"order-waiting", "/ops/orders/order-waiting"},
	{"stock", "/ops/stock"}, {"sku", "/ops/stock/A123"}, {"queues", "/ops/queues"},
	{"dead-letters", "/ops/queues/inventory/dead-letters"}, {"sign-in", "/ops/sign-in"}, {"not-found", "/ops/orders/none"},
}

// windows are those in which the pages are looked at.
var windows = []view{desk, desk.dark(), tablet, phone, phone.dark(), narrow}

// busyShop has had a thousand orders, and its gateway is away.
func busyShop(t *testing.T) *shop {
	t.Helper()
	s := newShop(t)
	s.deadLetters(3)
	s.open()
	s.crowd(1000)
	s.place("order-done", "sim_approve", 2)
	s.wantEnd("order-done", "COMPLETED")
	_, err := s.GatewayOutage(t.Context(), 3600)
	s.check(err)
	s.place("order-waiting", "sim_approve", 1)
	return s
}

// crowd has so many orders placed, by some who come at once, and waits for their ends.
func (s *shop) crowd(orders int) {
	s.t.Helper()
	s.count("A123", 10_000)
	var placing errgroup.Group
	placing.SetLimit(16)
	for i := range orders {
		placing.Go(func() error {
			placed, err := s.Place(s.t.Context(), client.PlaceOrder{
				UserID: fmt.Sprintf("customer-%02d", i%40), Items: []client.Line{{SKU: []string{"A123", "B456", "A123", "A123"}[i%4], Qty: int64(1 + i%3)}},
			}, "")
			if err == nil {
				_, err = s.Order(s.t.Context(), placed.OrderID, patience)
			}
			return err
		})
	}
	s.check(placing.Wait())
}

func TestEveryPageSuitsEverybodyInEveryWindow(t *testing.T) {
	s := busyShop(t)
	v := visit(t, s.url)
	v.complaints.expect("404 (Not Found)")
	v.goTo("/ops/orders/order-waiting")
	v.seesIn("What it is waiting for", "Payment unknown: asked")
	for _, look := range looks {
		v.goTo(look.path)
		v.lookAround(look.name)
	}
	v.goTo("/ops/queues/inventory/dead-letters")
	v.clickIn(`document.querySelector("main tbody tr")`, []string{link}, "OrderPlaced")
	v.seesIn("Why it could not be handled", "the SKU's row could not be read")
	v.lookAround("dead-letter")
}

// TestAnEmptyShopsPagesSuitEverybody looks at the pages before there is anything.
func TestAnEmptyShopsPagesSuitEverybody(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	for name, path := range map[string]string{"empty-now": "/", "empty-orders": "/ops/orders", "empty-queues": "/ops/queues", "empty-dead-letters": "/ops/queues/order/dead-letters"} {
		v.goTo(path)
		v.lookAround(name)
	}
}

// lookAround judges the page that is open in every window, with what it unfolds
// unfolded.
func (v *visitor) lookAround(name string) {
	v.t.Helper()
	v.wantUntouched(name)
	for _, window := range windows {
		v.use(window)
		v.look(name, window)
	}
	v.check(chromedp.Do(v.ctx, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`)))
	v.use(phone.dark())
	v.look(name+"-unfolded", phone.dark())
	v.use(desk)
}

// touched are the elements that go when the page is made what it is already.
const touched = `(() => {
	const before = [...shown.querySelectorAll("*")]
	morph(shown, shown.cloneNode(true))
	return before.filter(e => !shown.contains(e)).map(e => e.outerHTML.slice(0, 80))
})()`

// wantUntouched fails if the live page would replace what has not changed: what the
// reader chose in it, and the focus, would be lost.
func (v *visitor) wantUntouched(at string) {
	v.t.Helper()
	replaced, err := js[[]string](v.ctx, touched)
	v.check(err)
	if len(replaced) > 0 {
		v.t.Errorf("%s: replaced are %q", at, replaced)
	}
}

// look judges the page that is open, and takes a picture if those are wanted.
func (v *visitor) look(name string, window view) {
	v.t.Helper()
	at := name + " at " + window.String()
	v.finds(`document.querySelector("h1") !== null`)
	v.wantNoOverflow(at)
	v.wantNoBarriers(at)
	if *pictures {
		v.pictured(name + "-" + window.String())
	}
}

// documented are the pictures that the documentation shows.
var documented = []string{
	"now-hour-1440", "now-hour-1440-dark", "now-hour-390", "now-1024", "order-waiting-1440", "order-waiting-390-dark", "order-1024",
	"orders-1440", "stock-1024", "sku-1440", "queues-1440", "dead-letter-1440", "sign-in-390",
}

// pictured takes a picture of all of the page, and for the documentation one of what
// the window shows.
func (v *visitor) pictured(name string) {
	v.t.Helper()
	v.check(os.MkdirAll("../../build/pictures", 0o755))
	v.picture(filepath.Join("../../build/pictures", name+".png"))
	if !slices.Contains(documented, name) {
		return
	}
	quality := int64(85)
	shot, err := chromedp.Call(v.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality})
	v.check(err)
	v.check(os.MkdirAll("../../docs/screenshots", 0o755))
	v.check(os.WriteFile(filepath.Join("../../docs/screenshots", name+".webp"), shot.Data, 0o644))
}

// wantNoOverflow fails if the page is wider than its window.
func (v *visitor) wantNoOverflow(at string) {
	v.t.Helper()
	over, err := js[[]string](v.ctx, tooWide)
	v.check(err)
	if len(over) > 0 {
		v.t.Errorf("%s: %s", at, strings.Join(over, ", "))
	}
}

// tooWide says by how much the page is wider than its window, and what makes it so.
const tooWide = `(() => {
	const root = document.documentElement, over = root.scrollWidth - root.clientWidth
	if (over <= 0) return []
	const wide = [...document.querySelectorAll("body *")].filter(e => Math.round(e.getBoundingClientRect().right + scrollX) >= root.scrollWidth)
	return ["the page is " + over + " px wider than its window", ...wide.slice(-3).map(e => e.tagName + " " + e.className + " " + e.innerText.slice(0, 40))]
})()`

// most is how many bytes the first visit to a page may cost.
const most = 60_000

// TestAPageIsLight adds up what the first visit to a page costs.
func TestAPageIsLight(t *testing.T) {
	s := busyShop(t)
	for _, look := range looks {
		v := visit(t, s.url)
		v.complaints.expect("404 (Not Found)")
		v.wantLight(look.name, look.path)
	}
	v := visit(t, oldShop(t))
	v.wantLight("now-hour", "/")
}

func (v *visitor) wantLight(name, path string) {
	v.t.Helper()
	v.goTo(path)
	v.finds(`performance.getEntriesByName("first-contentful-paint").length === 1`)
	paint, err := js[float64](v.ctx, `performance.getEntriesByName("first-contentful-paint")[0].startTime`)
	v.check(err)
	bytes, err := js[int](v.ctx, `performance.getEntries().reduce((sum, e) => sum + (e.transferSize ?? 0), 0)`)
	v.check(err)
	v.t.Logf("%s: %d bytes, first contentful paint after %.0f ms", name, bytes, paint)
	if bytes < 1000 || bytes > most {
		v.t.Errorf("%s costs %d bytes, want at most %d", name, bytes, most)
	}
}
