package api_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"holdfast/api"
	"holdfast/event"
	"holdfast/keys"
)

// onPages are pages that tell what they were asked for.
var onPages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ops/panic" {
		panic("a page broke")
	}
	_, _ = io.WriteString(w, "page "+r.Method+" "+r.URL.EscapedPath())
})

func withPages(c *api.Config) { c.Pages = onPages }

// as makes a request under a host name.
func (s *server) as(host, method, target string, headers ...string) answer {
	r := newRequest(method, target, "", headers...)
	r.Host = host
	return s.serve(r)
}

// foreign and own are host names that a page of another site may have, and that only
// this machine has.
var (
	foreignHosts = []string{
		"evil.example", "evil.example:8000", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example:8000", "evil.localhost.example", "10.0.0.1x", "[::1].evil", "::1evil",
	}
	ownHosts = []string{
		"", "127.0.0.1", "127.0.0.1:8000", "127.0.0.1.:8000", "[::1]", "[::1]:8000", "192.168.1.7:8000", "localhost", "localhost:8000", "LOCALHOST:8000", "localhost.", "shop.localhost:8000", "[fe80::1%25eth0]:80",
	}
)

func TestPagesUnderAForeignNameAreRefused(t *testing.T) {
	s, guarded := start(t, withPages), start(t, withPages, requireKeys)
	for _, target := range []string{"/", "/ops/orders", "/ops/live?at=/", "/%6Fps/orders"} {
		for _, host := range foreignHosts {
			p := s.as(host, http.MethodGet, target).problem(t, 403)
			if !strings.HasSuffix(p.Type, "cross_origin") || !strings.Contains(p.Detail, "http://127.0.0.1:PORT") || !strings.Contains(p.Detail, "--require-keys") {
				t.Errorf("%s of %q: %+v", target, host, p)
			}
			guarded.as(host, http.MethodGet, target).want(t, 200)
		}
		for _, host := range ownHosts {
			s.as(host, http.MethodGet, target).want(t, 200)
		}
	}
}

// What a page sends says where the page is from; what a program sends says nothing,
// and may come by whatever name.
func TestWhatAPageSendsUnderAForeignNameIsRefused(t *testing.T) {
	s, guarded := start(t), start(t, requireKeys)
	for _, host := range foreignHosts {
		origin := "Origin: http://" + host
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if p := s.as(host, method, "/orders", origin, jsonType).problem(t, 403); !strings.HasSuffix(p.Type, "cross_origin") {
				t.Errorf("%s of %q: %+v", method, host, p)
			}
		}
		guarded.as(host, http.MethodGet, "/orders", origin).problem(t, 401)
		s.as(host, http.MethodGet, "/orders").want(t, 200)
		s.as(host, http.MethodGet, "/orders", "Origin: ").problem(t, 403)
	}
	for _, host := range ownHosts {
		s.as(host, http.MethodGet, "/orders", "Origin: http://"+host).want(t, 200)
	}
	if len(s.stored()) > 0 {
		t.Error("a page of another site placed an order")
	}
}

// The door's own name may be any where it requires keys, whatever the services behind
// it, which nobody else reaches, require.
func TestWhatAPageSendsByTheDoor(t *testing.T) {
	var ring *keys.Ring
	stock := start(t, func(c *api.Config) { ring = c.Keys })
	door := start(t, requireKeys, func(c *api.Config) {
		c.Keys, c.Inventory, c.Elsewhere = ring, nil, map[event.Service]*url.URL{event.Inventory: listen(t, stock)}
	})
	const host = "shop.example:8000"
	door.as(host, http.MethodPut, "/inventory/NEW", "Origin: http://"+host, stock.key("desk", keys.Inventory)).problem(t, 415) // it has no body
	door.as(host, http.MethodGet, "/inventory", "Origin: http://"+host, stock.key("other", keys.Inventory)).want(t, 200)
}

func TestPages(t *testing.T) {
	s := start(t, withPages, requireKeys)
	for _, c := range []struct{ method, target, want string }{
		{http.MethodGet, "/", "page GET /"},
		{http.MethodPut, "/", "page PUT /"},
		{http.MethodGet, "/ops/", "page GET /ops/"},
		{http.MethodPost, "/ops/orders/a/cancel", "page POST /ops/orders/a/cancel"},
		{http.MethodGet, "/ops/orders/..", "page GET /ops/orders/%2E%2E"},
		{http.MethodGet, "/ops/queues/order/dead-letters/a%2Fb", "page GET /ops/queues/order/dead-letters/a%2Fb"},
	} {
		a := s.do(c.method, c.target, "")
		if a.status != 200 || a.body != c.want || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %d %v %s", c.method, c.target, a.status, a.header, a.body)
		}
	}
	if a := s.get("/ops"); a.status != http.StatusMovedPermanently || a.header.Get("Location") != "/" {
		t.Errorf("%d %v", a.status, a.header)
	}
	s.get("/opsa").problem(t, 404)
	s.get("/ops//a").problem(t, 404)
	s.get("/orders").problem(t, 401) // the pages do not cover the API
	s.do(http.MethodPost, "/ops/orders/a/cancel", "", "Origin: https://evil.example").problem(t, 403)
	if s.get("/ops/panic").problem(t, 500); !strings.Contains(s.log.String(), "a page broke") {
		t.Errorf("log %s", s.log)
	}
}

func TestNoPagesWhereThereAreNone(t *testing.T) {
	alone := start(t, withPages, func(c *api.Config) { c.Orders = nil })
	for _, target := range []string{"/", "/ops", "/ops/orders"} {
		alone.get(target).problem(t, 404)
	}
}
