package ops_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"holdfast/gateway/simulated"
	"holdfast/keys"
)

func TestSigningInLeadsBack(t *testing.T) {
	onStage(t, func(s *stage) {
		secret := s.key("desk", keys.Ops)
		v := s.visit()
		const wanted = "/ops/orders?q=%22a%26b%22&status=PENDING"
		form := v.get(wanted).want(http.StatusSeeOther).follow().want(http.StatusOK)
		form.wellMade(t)
		if strings.Contains(form.words(), "Sign out") || form.form("/ops/sign-in") == nil {
			t.Errorf("no form to sign in with: %s", form.words())
		}
		if to := v.signIn(" "+secret+"\n", form.field("next")).want(http.StatusSeeOther).header.Get("Location"); to != wanted {
			t.Errorf("signing in leads to %q, want %q", to, wanted)
		}
		v.get(wanted).want(http.StatusOK).says("desk", "Sign out")
	}, requireKeys)
}

func TestTheCookie(t *testing.T) {
	onStage(t, func(s *stage) {
		secret := s.key("desk", keys.Ops)
		for name, c := range map[string]struct {
			open   func(*visitor)
			secure bool
		}{
			"in clear":                {func(*visitor) {}, false},
			"under TLS":               {func(v *visitor) { v.tls = true }, true},
			"behind a proxy with TLS": {func(v *visitor) { v.header.Set("X-Forwarded-Proto", "https") }, true},
			"behind one without":      {func(v *visitor) { v.header.Set("X-Forwarded-Proto", "http") }, false},
		} {
			v := s.visit()
			c.open(v)
			v.signIn(secret, "").want(http.StatusSeeOther)
			if len(v.cookies) != 1 {
				t.Fatalf("%s: %v", name, v.cookies)
			}
			for _, k := range v.cookies {
				if !k.HttpOnly || k.SameSite != http.SameSiteStrictMode || k.Secure != c.secure || k.Path != "/" || k.Domain != "" || k.MaxAge != 0 || !k.Expires.IsZero() {
					t.Errorf("%s: the cookie is %s", name, k)
				}
			}
		}
	}, requireKeys)
}

// TestTheCookieIsNoKeyOfTheAPI: a page of another site can make a browser send it.
func TestTheCookieIsNoKeyOfTheAPI(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visitAs(s.key("desk", keys.Scopes...))
		for _, target := range []string{"/orders", "/caller", "/metrics", "/queues"} {
			if a := v.get(target); a.status != http.StatusUnauthorized && a.status != http.StatusNotFound {
				t.Errorf("%s: %d %s", target, a.status, a.body)
			}
		}
	}, requireKeys)
}

func TestSigningInLeadsNowhereElse(t *testing.T) {
	onStage(t, func(s *stage) {
		secret := s.key("desk", keys.Ops)
		for _, next := range []string{
			"//evil.example", "///evil.example", "https://evil.example", "HTTPS:evil.example", `\\evil.example`, `/\evil.example`, `/\/evil.example`, "/ops\\..\\x",
			"javascript:alert(1)", "data:text/html,x", "evil.example", "", "?x", "#x", "/\t/evil.example", "\t//evil.example", "/\r\nSet-Cookie: x=1", "http:/ops", "%2F%2Fevil.example",
		} {
			v := s.visit()
			v.get("/ops/sign-in?" + url.Values{"next": {next}}.Encode()).wellMade(t)
			a := v.signIn(secret, next).want(http.StatusSeeOther)
			if to := a.header.Get("Location"); to != "/" {
				t.Errorf("next=%q leads to %q", next, to)
			}
		}
	}, requireKeys)
}

func TestKeysThatDoNotOpenThePage(t *testing.T) {
	onStage(t, func(s *stage) {
		orders, old := s.key("shop", keys.Orders, keys.Inventory), s.key("old", keys.Ops)
		s.revoke("old")
		never := "hf_" + strings.Repeat("A", 43)
		s.secrets = append(s.secrets, never)
		for secret, status := range map[string]int{
			old: http.StatusUnauthorized, never: http.StatusUnauthorized,
			"": http.StatusUnprocessableEntity, "two words": http.StatusUnprocessableEntity, `a"b`: http.StatusUnprocessableEntity, "ключ": http.StatusUnprocessableEntity,
		} {
			v := s.visit()
			page := v.signIn(secret, "/ops/stock").want(status)
			page.wellMade(t)
			if page.alert() == "" || page.field("next") != "/ops/stock" || len(v.cookies) > 0 {
				t.Errorf("%q: %s; next %q, %v", secret, page.words(), page.field("next"), v.cookies)
			}
			v.get("/").want(http.StatusSeeOther)
		}
		v := s.visitAs(orders)
		for _, target := range []string{"/", "/ops/orders", "/ops/stock", "/ops/nothing"} {
			page := v.get(target).want(http.StatusForbidden)
			page.wellMade(t)
			if !strings.Contains(page.alert(), "shop") || !strings.Contains(page.alert(), "scope ops") || page.form("/ops/sign-in") == nil || page.field("next") != target {
				t.Errorf("%s: %s", target, page.words())
			}
		}
		v.signIn(s.key("desk", keys.Ops), "")
		v.get("/").want(http.StatusOK)
	}, requireKeys)
}

func TestARevokedKeyEndsTheSession(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 10)
		id := s.place("ann", simulated.Down)
		v := s.visitAs(s.key("desk", keys.Ops))
		v.get("/ops/stock").want(http.StatusOK)
		s.revoke("desk")
		if to := v.get("/ops/stock").want(http.StatusSeeOther).header.Get("Location"); to != "/ops/sign-in?next=%2Fops%2Fstock" {
			t.Errorf("it leads to %q", to)
		}
		v.get("/ops/sign-in").want(http.StatusOK).says("The key that you signed in with is not taken any more")
		if to := v.post("/ops/orders/"+id+"/cancel", nil).want(http.StatusSeeOther).header.Get("Location"); to != "/ops/sign-in" {
			t.Errorf("an act leads to %q", to)
		}
		s.wantStatus(id, "PENDING")
	}, requireKeys)
}

func TestSigningOut(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visitAs(s.key("desk", keys.Ops))
		if v.get("/").form("/ops/sign-out") == nil {
			t.Error("there is no way out")
		}
		v.get("/ops/sign-out").want(http.StatusNotFound)
		v.do("/ops/sign-out", url.Values{}).want(http.StatusOK)
		if len(v.cookies) > 0 {
			t.Errorf("%v is left", v.cookies)
		}
		v.get("/").want(http.StatusSeeOther)
	}, requireKeys)
}

// TestACookieThatIsNoGoodLocksNobodyOut: a browser sends the cookies of one port to all
// ports of a host, so it may be another server's.
func TestACookieThatIsNoGoodLocksNobodyOut(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visit()
		v.get("/").want(http.StatusOK).says("local")
		v.signIn(s.key("desk", keys.Ops), "").follow().want(http.StatusOK).says("desk")
		s.revoke("desk")
		page := v.get("/").want(http.StatusOK)
		page.says("local")
		if set := page.header["Set-Cookie"]; len(set) > 0 {
			t.Errorf("what may be another server's is set: %s", set)
		}
	})
}

func TestAKeyOfItsOwnIsUsedWhereNoneIsNeeded(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visitAs(s.key("desk", keys.Ops))
		s.stock("A123", 10)
		v.get("/ops/stock/A123").want(http.StatusOK).says("sign in with a key that has the scope inventory")
		v.post("/ops/stock/A123/adjust", url.Values{"adjustment_id": {"a"}, "delta": {"1"}}).want(http.StatusForbidden)
	})
}
