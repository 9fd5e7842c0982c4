package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"holdfast/api/client"
)

// FuzzPlace holds any body with any headers to: never a 5xx, never a 202 without
// a stored order, never a stored order without a 202, and a problem otherwise.
func FuzzPlace(f *testing.F) {
	for _, body := range []string{
		seedBody, "", "{}", "null", `{"user_id": "u", "order_id": ".", "items": [{"sku": "A", "qty": 1}], "payment_method": "x"}`,
		qty("1.5"), qty("null"), with("items", lines(51)), with("User_ID", "1"), `{"user_id": "a", "user_id": "b"}`, "{\"user_id\": \"\xff\"}", seedBody + "x",
	} {
		f.Add([]byte(body), "k", "application/json")
		f.Add([]byte(body), `"`, "application/json; charset=utf-8")
	}
	s := start(f)
	f.Fuzz(func(t *testing.T, body []byte, key, contentType string) {
		s.reset(t)
		r := newRequest(http.MethodPost, "/orders", string(body))
		r.Header["Content-Type"] = []string{contentType}
		if key != "" {
			r.Header["Idempotency-Key"] = []string{key}
		}
		a := s.serve(r)
		stored := len(s.stored())
		if a.status != http.StatusAccepted {
			if a.problem(t, a.status); a.status < 400 || a.status > 499 || stored != 0 {
				t.Fatalf("%d with %d orders stored: %s", a.status, stored, a.body)
			}
			return
		}
		accepted := read[client.Accepted](t, a)
		if stored != 1 || s.stored()[0].OrderID != accepted.OrderID || s.stored()[0].UserID != accepted.UserID {
			t.Fatalf("%s, but stored are %v", a.body, s.stored())
		}
	})
}

// FuzzTarget holds any request without a body to never getting a 5xx, and to a
// problem for every refusal.
func FuzzTarget(f *testing.F) {
	for _, target := range []string{"/", "/orders/a", "/orders/..", "/orders/%00?limit=1", "/orders?limit=1&cursor=AAAA", "/inventory/%ff?a&b", "/orders?user_id=%zz", "//x", "/docs/../orders", "/queues/order/dead-letters/%2F%2F?cursor=AAAA"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT"} {
			f.Add(method, target, "a;,b")
		}
	}
	s := start(f, withEverything)
	f.Fuzz(func(t *testing.T, method, target, header string) {
		location, err := url.ParseRequestURI(target)
		if err != nil || strings.Contains(target, "wait") {
			return // not a request, or one that takes its time
		}
		s.reset(t)
		s.place("a")
		r := newRequest(http.MethodGet, "/", "")
		r.Method, r.URL = method, location
		for _, name := range []string{"Accept", "If-Match", "If-None-Match", "Idempotency-Key", "Content-Type"} {
			r.Header[name] = []string{header}
		}
		if a := s.serve(r); a.status >= 500 {
			t.Fatalf("%d: %s", a.status, a.body)
		} else if a.status >= 400 {
			a.problem(t, a.status)
		} else if a.status >= 300 && a.status != http.StatusNotModified && a.header.Get("Location") != "/docs" {
			t.Fatalf("redirected to %s", a.header.Get("Location"))
		}
	})
}
