package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

func TestUnknownPaths(t *testing.T) {
	s := start(t)
	for _, target := range []string{"/nothing", "/orders/", "/orders/a/b", "/orders/a/cancel/", "//orders", "/orders//a", "/docs/nothing.js", "/metrics", "/gateway/outage", "/queues", "/schemas/Order.json", "/openapi.yaml", "/../etc/passwd", "/orders/../inventory"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a := s.do(method, target, "")
			a.problem(t, 404)
			if a.header.Get("Location") != "" {
				t.Errorf("%s is redirected", target)
			}
		}
	}
}

func TestDocsWithASlash(t *testing.T) {
	r := newRequest(http.MethodGet, "/docs/?x=1", "")
	r.Host = "evil.example"
	a := start(t).serve(r)
	if a.status != http.StatusMovedPermanently || a.header.Get("Location") != "/docs" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestMethodsThatAreNot(t *testing.T) {
	s := start(t, withQueues(event.Order), func(c *api.Config) { c.Outage = func(context.Context, time.Duration) error { return nil } })
	for target, allow := range map[string]string{
		"/orders": "GET, HEAD, POST", "/orders/a": "GET, HEAD", "/orders/a/cancel": "POST", "/orders/a/refund": "POST",
		"/inventory": "GET, HEAD", "/inventory/A": "GET, HEAD, PUT", "/inventory/A/adjustments": "POST", "/gateway/outage": "POST", "/livez": "GET, HEAD",
		"/queues": "GET, HEAD", "/queues/order/dead-letters": "GET, HEAD", "/queues/x/dead-letters/a": "DELETE, GET, HEAD", "/queues/x/redrive": "POST",
		"/readyz": "GET, HEAD", "/openapi.json": "GET, HEAD", "/docs": "GET, HEAD", "/caller": "GET, HEAD", "/overview": "GET, HEAD", "/orders/a/timeline": "GET, HEAD", "/records/order/a": "GET, HEAD",
	} {
		for _, method := range []string{"DELETE", "PATCH", "OPTIONS", "BREW"} {
			if strings.Contains(allow, method) {
				continue
			}
			a := s.do(method, target, "")
			a.problem(t, 405)
			if got := a.header.Get("Allow"); got != allow {
				t.Errorf("%s %s: Allow %q, want %q", method, target, got, allow)
			}
		}
	}
}

func TestHeadWorksWhereGetDoes(t *testing.T) {
	s := start(t)
	s.place("a")
	s.stock("A123", 1)
	for _, target := range []string{"/orders", "/orders/a", "/inventory", "/inventory/A123", "/livez", "/readyz", "/openapi.json", "/docs", "/caller", "/overview", "/orders/a/timeline"} {
		head, get := s.do(http.MethodHead, target, ""), s.get(target)
		if head.status != 200 || head.header.Get("ETag") != get.header.Get("ETag") || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d %v, GET %v", target, head.status, head.header, get.header)
		}
	}
	s.do(http.MethodHead, "/orders/b", "").want(t, 404)
}

func TestNoSchemaLinksAndNoHosts(t *testing.T) {
	s := start(t)
	s.place("a")
	s.stock("A123", 1)
	for _, target := range []string{"/orders", "/orders/a", "/inventory", "/inventory/A123", "/nothing", "/livez", "/openapi.json"} {
		r := newRequest(http.MethodGet, target, "", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example")
		r.Host = "evil.example"
		a := s.serve(r)
		if a.header.Get("Link") != "" || strings.Contains(a.body, "evil.example") || strings.Contains(a.body, `"$schema"`) {
			t.Errorf("%s: %v %s", target, a.header, a.body)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", target, a.header)
		}
	}
}

func TestOtherSitesCannotWrite(t *testing.T) {
	s := start(t)
	s.place("a")
	for _, headers := range [][]string{
		{"Sec-Fetch-Site: cross-site"}, {"Origin: https://evil.example"}, {"Origin: null"},
	} {
		s.post("/orders/a/cancel", "", headers...).problem(t, 403)
		s.get("/orders/a", headers...).want(t, http.StatusOK)
	}
	if s.stored()[0].Status != order.Pending {
		t.Error("another site cancelled an order")
	}
	s.post("/orders/a/cancel", "", "Sec-Fetch-Site: same-origin", "Origin: http://"+ownHost).want(t, http.StatusAccepted)
}

var outside = regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]`)

func TestTheDocsAskNoOtherHost(t *testing.T) {
	s := start(t, withPages)
	a := s.get("/docs")
	a.want(t, http.StatusOK)
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || outside.MatchString(policy) || strings.Contains(policy, "*") {
		t.Errorf("policy %q", policy)
	}
	for _, link := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
		if link[1] == "data:," {
			continue
		}
		if !strings.HasPrefix(link[1], "/") || outside.MatchString(link[1]) {
			t.Errorf("a link to %s", link[1])
		} else {
			s.get(link[1]).want(t, http.StatusOK)
		}
	}
	if strings.Contains(a.body, "<script>") || strings.Contains(a.body, "onload=") {
		t.Error("there is a script inside, which the policy forbids")
	}
	if body := s.get("/docs/initializer.js").body; outside.MatchString(strings.ReplaceAll(body, "// ", "")) || !strings.Contains(body, `url: "/openapi.json"`) || !strings.Contains(body, "validatorUrl: null") {
		t.Errorf("the initializer asks elsewhere: %s", body)
	}
}

func TestOpenAPI(t *testing.T) {
	s := start(t, withEverything)
	a := s.get("/openapi.json")
	document := read[map[string]any](t, a)
	if document["openapi"] != "3.1.0" || dig(document["servers"].([]any)[0], "url") != "/" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("openapi %v, servers %v, %v", document["openapi"], document["servers"], a.header)
	}
	operations := 0
	for path, item := range document["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			operations++
			checkOperation(t, method+" "+path, op.(map[string]any))
		}
	}
	if operations != 24 {
		t.Errorf("%d operations, want 24", operations)
	}
	for name, schema := range document["components"].(map[string]any)["schemas"].(map[string]any) {
		properties, _ := schema.(map[string]any)["properties"].(map[string]any)
		for property, p := range properties {
			if p.(map[string]any)["description"] == nil {
				t.Errorf("%s.%s has no description", name, property)
			}
		}
	}
	for _, ref := range regexp.MustCompile(`"\$ref":"#/components/schemas/(\w+)"`).FindAllStringSubmatch(a.body, -1) {
		if document["components"].(map[string]any)["schemas"].(map[string]any)[ref[1]] == nil {
			t.Errorf("nothing is called %s", ref[1])
		}
	}
}

func dig(v any, path ...string) any {
	for _, name := range path {
		v = v.(map[string]any)[name]
	}
	return v
}

// checkOperation holds an operation to having an id, words, described parameters
// and problems for errors.
func checkOperation(t *testing.T, name string, op map[string]any) {
	t.Helper()
	if op["operationId"] == nil || op["summary"] == nil || op["tags"] == nil {
		t.Errorf("%s is not described", name)
	}
	parameters, _ := op["parameters"].([]any)
	for _, p := range parameters {
		if dig(p, "description") == nil {
			t.Errorf("%s: %v is not described", name, dig(p, "name"))
		}
	}
	for status, response := range op["responses"].(map[string]any) {
		if status >= "400" && dig(response, "content", "application/problem+json", "schema") == nil {
			t.Errorf("%s: %s is no problem", name, status)
		}
	}
	if op["responses"].(map[string]any)["503"] == nil {
		t.Errorf("%s: 503 is not told of", name)
	}
}

// What a server enforces stands in its document.
func TestOpenAPIKnowsTheBounds(t *testing.T) {
	document := read[map[string]any](t, start(t).get("/openapi.json"))
	for _, path := range []string{"/orders/{id}", "/inventory/{sku}"} {
		op := dig(document, "paths", path, "get").(map[string]any)
		if dig(op, "responses").(map[string]any)["304"] == nil {
			t.Errorf("%s: 304 is not told of", path)
		}
		if got := dig(op["parameters"].([]any)[0], "schema", "pattern"); got != event.NamePattern {
			t.Errorf("%s: pattern %v", path, got)
		}
	}
	schemas := dig(document, "components", "schemas")
	for property, want := range map[string]string{"order_id": event.NamePattern, "payment_method": order.MethodPattern} {
		if got := dig(schemas, "PlaceOrder", "properties", property, "pattern"); got != want {
			t.Errorf("%s: pattern %v, want %s", property, got, want)
		}
	}
	if got := dig(schemas, "Line", "properties", "sku", "pattern"); got != event.NamePattern {
		t.Errorf("sku: pattern %v", got)
	}
	if got := dig(schemas, "Line", "properties", "qty", "maximum"); got != float64(order.MaxQty) {
		t.Errorf("qty: maximum %v", got)
	}
	for schema, price := range map[string]string{"StockCount": "price", "Stock": "price", "OrderLine": "unit_price"} {
		if got := dig(schemas, schema, "properties", price, "properties", "amount", "maximum"); got != float64(inventory.MaxPrice) {
			t.Errorf("%s.%s: maximum %v", schema, price, got)
		}
	}
}

// The statuses stand as text in the struct tags of the wire types.
func TestOpenAPIKnowsEveryStatus(t *testing.T) {
	s := start(t)
	document := read[map[string]any](t, s.get("/openapi.json"))
	enum := dig(document, "components", "schemas", "Order", "properties", "status", "enum").([]any)
	entries := dig(document, "components", "schemas", "Entry", "properties", "status", "enum").([]any)
	if len(enum) != len(order.Statuses) || len(entries) != len(order.Statuses) {
		t.Errorf("%v", enum)
	}
	for i, status := range order.Statuses {
		if enum[i] != string(status) || entries[i] != string(status) {
			t.Errorf("%v, want %v", enum, order.Statuses)
		}
		s.get("/orders?status="+string(status)).want(t, http.StatusOK)
	}
}

func TestHealth(t *testing.T) {
	ready := errors.New("the order store is read-only")
	s := start(t, func(c *api.Config) { c.Ready = func(context.Context) error { return ready } })
	s.get("/livez").want(t, http.StatusOK)
	a := s.get("/readyz")
	if p := a.problem(t, 503); !strings.Contains(p.Detail, "the order store is read-only") || a.header.Get("Retry-After") == "" {
		t.Errorf("%v %s", a.header, a.body)
	}
	ready = nil
	if a := s.get("/readyz"); a.body != `{"status":"ok"}`+"\n" {
		t.Errorf("%s", a.body)
	}
}

func TestMetrics(t *testing.T) {
	s := start(t, func(c *api.Config) {
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	})
	if a := s.get("/metrics"); a.status != 200 || a.body != "up 1\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.do(http.MethodPost, "/metrics", "").problem(t, 405)
}

func TestOutage(t *testing.T) {
	var got []time.Duration
	s := start(t, func(c *api.Config) {
		c.Outage = func(_ context.Context, d time.Duration) error { got = append(got, d); return nil }
	})
	a := s.post("/gateway/outage", `{"seconds": 60}`)
	a.want(t, http.StatusAccepted)
	if end := read[client.OutageEnd](t, a); !end.Until.Equal(epoch.Truncate(time.Millisecond).Add(time.Minute)) {
		t.Errorf("%s", a.body)
	}
	s.post("/gateway/outage", `{"seconds": 86400}`).want(t, http.StatusAccepted)
	s.post("/gateway/outage", `{"seconds": 0}`).want(t, http.StatusAccepted)
	for _, body := range []string{`{}`, `{"seconds": null}`, `{"seconds": -1}`, `{"seconds": 86401}`, `{"seconds": 1.5}`, `{"seconds": 9223372036854775807}`, `{"seconds": "1"}`} {
		if p := s.post("/gateway/outage", body).problem(t, 422); p.Errors[0].Location != "body.seconds" {
			t.Errorf("%s: %+v", body, p)
		}
	}
	if len(got) != 3 || got[0] != time.Minute || got[1] != 24*time.Hour || got[2] != 0 {
		t.Errorf("%v", got)
	}
}
