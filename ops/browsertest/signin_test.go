//go:build browser

package browsertest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// signIn signs in with the secret, on the page that asks for one.
func (v *visitor) signIn(secret string) {
	v.t.Helper()
	v.fill("API key", secret)
	v.click(button, "Sign in")
}

func TestAKeySignsIn(t *testing.T) {
	s := openShop(t, "--require-keys")
	secret := s.key("desk", "orders,inventory,ops")
	v := visit(t, s.url)
	v.complaints.expect("401 (Unauthorized)")
	v.goTo("/ops/stock")
	v.arrives("/ops/sign-in?next=%2Fops%2Fstock")
	v.signIn(secret[:len(secret)-1] + "0")
	v.reads("document.querySelector('[role=alert]')", "no API key")
	v.signIn(secret)
	v.arrives("/ops/stock")
	v.reads("document.querySelector('header')", "desk", "Sign out")
	v.wantCookieSafe(secret)
	id := v.place(purchase{"test_user", "A123", "1", "sim_approve"})
	v.seesStatus("COMPLETED")
	v.click(button, "Sign out")
	v.arrives("/ops/sign-in")
	v.goTo("/ops/orders/" + id)
	v.arrives("/ops/sign-in?next=%2Fops%2Forders%2F" + id)
	s.wantLogged(secret, `"key":"desk"`, "signed in", `"action":"placed"`)
}

// wantCookieSafe fails unless the cookie with the secret is kept from scripts and from
// other sites' pages.
func (v *visitor) wantCookieSafe(secret string) {
	v.t.Helper()
	answer, err := chromedp.Call(v.ctx, network.GetCookies, network.GetCookiesParams{})
	v.check(err)
	for _, c := range answer.Cookies {
		if c.Value == secret && c.HTTPOnly && c.SameSite == network.CookieSameSiteStrict && c.Session {
			return
		}
	}
	v.t.Errorf("no cookie is as it should be among %d", len(answer.Cookies))
}

// wantLogged fails unless the log has all these words, and not the secret.
func (s *shop) wantLogged(secret string, words ...string) {
	s.t.Helper()
	text, err := os.ReadFile(s.logs.Name())
	s.check(err)
	for _, word := range words {
		if !strings.Contains(string(text), word) {
			s.t.Errorf("the log says nothing of %s", word)
		}
	}
	if strings.Contains(string(text), secret) {
		s.t.Error("the secret is in the log")
	}
}

func TestAKeyWithoutItsScopeIsToldSo(t *testing.T) {
	s := openShop(t, "--require-keys")
	v := visit(t, s.url)
	v.complaints.expect("403 (Forbidden)")
	v.goTo("/")
	v.signIn(s.key("shop", "orders"))
	v.reads("document.querySelector('[role=alert]')", "“shop” has no scope ops")
	v.signIn(s.key("watch", "ops"))
	v.reads("document.querySelector('header')", "watch")
	v.goTo("/ops/stock/A123")
	v.sees("sign in with a key that has the scope inventory")
	v.turnTo("Orders")
	v.click(disclosure, "Place an order")
	v.fill("User", "test_user")
	v.fill("SKU", "A123")
	v.click(button, "Place order")
	v.reads("document.querySelector('[role=alert]')", "scope orders")
}

// TestARevokedKeyEndsAnOpenPage revokes the key that a page was opened with.
func TestARevokedKeyEndsAnOpenPage(t *testing.T) {
	s := openShop(t, "--require-keys")
	v := visit(t, s.url)
	v.complaints.expect("401 (Unauthorized)")
	v.goTo("/ops/queues")
	v.signIn(s.key("desk", "ops"))
	v.arrives("/ops/queues")
	s.revoke("desk")
	v.arrives("/ops/sign-in?next=%2Fops%2Fqueues")
}

// TestNoPageOfAnotherSiteActs has a page of another site send a form that cancels an
// order in its reader's name.
func TestNoPageOfAnotherSiteActs(t *testing.T) {
	s := openShop(t)
	s.place("order-1001", "sim_down", 1)
	v := visit(t, s.url)
	v.complaints.expect("403 (Forbidden)")
	v.goTo("/")
	v.check(chromedp.Do(v.ctx, chromedp.Navigate("data:text/html,"+fmt.Sprintf(
		`<form method="post" action="%s/ops/orders/order-1001/cancel"><button>Win</button></form>`, s.url))))
	v.click(button, "Win")
	v.sees("a browser sent this from a page of another site")
	o, err := s.Order(context.Background(), "order-1001", 0)
	s.check(err)
	if o.Status == "CANCELLING" || o.Status == "CANCELLED" {
		t.Errorf("the order is %s", o.Status)
	}
}
