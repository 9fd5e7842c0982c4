package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/event"
	"holdfast/keys"
)

func requireKeys(c *api.Config) { c.RequireKeys = true }

// withEverything has the server serve all that there is.
func withEverything(c *api.Config) {
	withQueues(event.Services...)(c)
	withGateway(c)
	c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	c.Cost = spent
}

// operations are one request of each operation, with the scopes that open it.
var operations = []struct {
	method, target, body string
	scopes               []keys.Scope
}{
	{http.MethodPost, "/orders", seedBody, []keys.Scope{keys.Orders}},
	{http.MethodGet, "/orders", "", []keys.Scope{keys.Orders, keys.Ops}},
	{http.MethodGet, "/orders/x", "", []keys.Scope{keys.Orders, keys.Ops}},
	{http.MethodHead, "/orders/x", "", []keys.Scope{keys.Orders, keys.Ops}},
	{http.MethodPost, "/orders/x/cancel", "", []keys.Scope{keys.Orders, keys.Ops}},
	{http.MethodPost, "/orders/x/refund", "", []keys.Scope{keys.Orders, keys.Ops}},
	{http.MethodGet, "/orders/x/timeline", "", []keys.Scope{keys.Ops}},
	{http.MethodHead, "/orders/x/timeline", "", []keys.Scope{keys.Ops}},
	{http.MethodGet, "/overview", "", []keys.Scope{keys.Ops}},
	{http.MethodGet, "/records/payment/x?number=1", "", []keys.Scope{keys.Ops}},
	{http.MethodGet, "/gateway", "", []keys.Scope{keys.Ops}},
	{http.MethodGet, "/cost", "", []keys.Scope{keys.Ops}},
	{http.MethodGet, "/caller", "", keys.Scopes},
	{http.MethodGet, "/inventory/x/ledger", "", []keys.Scope{keys.Inventory, keys.Ops}},
	{http.MethodGet, "/inventory", "", []keys.Scope{keys.Inventory, keys.Ops}},
	{http.MethodGet, "/inventory/x", "", []keys.Scope{keys.Inventory, keys.Ops}},
	{http.MethodPut, "/inventory/x", fullCount, []keys.Scope{keys.Inventory}},
	{http.MethodPost, "/inventory/x/adjustments", `{"adjustment_id": "a", "delta": 1}`, []keys.Scope{keys.Inventory}},
	{http.MethodGet, "/queues", "", []keys.Scope{keys.Ops}},
	{http.MethodGet, "/queues/order/dead-letters", "", []keys.Scope{keys.Ops}},
	{http.MethodGet, "/queues/order/dead-letters/x", "", []keys.Scope{keys.Ops}},
	{http.MethodDelete, "/queues/order/dead-letters/x", "", []keys.Scope{keys.Ops}},
	{http.MethodPost, "/queues/order/redrive", `{"all": true}`, []keys.Scope{keys.Ops}},
	{http.MethodPost, "/gateway/outage", `{"seconds": 0}`, []keys.Scope{keys.Ops}},
	{http.MethodGet, "/metrics", "", []keys.Scope{keys.Ops}},
}

func TestScopes(t *testing.T) {
	s := start(t, requireKeys, withEverything)
	secrets := make(map[keys.Scope]string)
	for _, scope := range keys.Scopes {
		secrets[scope] = s.key(string(scope), scope)
	}
	for _, op := range operations {
		for scope, secret := range secrets {
			a := s.do(op.method, op.target, op.body, secret, jsonType)
			if refused := a.status == 403; refused == slices.Contains(op.scopes, scope) || a.status == 401 {
				t.Errorf("%s %s with scope %s: %d", op.method, op.target, scope, a.status)
			}
			if a.status == 403 && op.method != http.MethodHead {
				if p := a.problem(t, 403); !strings.Contains(p.Detail, "scope "+string(op.scopes[0])) {
					t.Errorf("%s %s: the scope is not named: %s", op.method, op.target, p.Detail)
				}
			}
		}
		a := s.do(op.method, op.target, op.body, jsonType)
		if a.want(t, 401); a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s %s: %v", op.method, op.target, a.header)
		}
	}
}

func TestWhatNeedsNoKey(t *testing.T) {
	s := start(t, requireKeys, withEverything, withPages)
	for _, target := range []string{
		"/", "/ops/sign-in", "/livez", "/readyz", "/docs", "/openapi.json", "/docs/initializer.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js",
	} {
		s.get(target).want(t, 200)
		s.get(target, "Authorization: Bearer wrong").want(t, 200)
	}
	s.get("/nothing").problem(t, 404)
	s.do(http.MethodPatch, "/orders", "").problem(t, 405)
}

func TestEveryOperationNeedsItsKey(t *testing.T) {
	s := start(t, requireKeys, withEverything)
	document := read[map[string]any](t, s.get("/openapi.json"))
	if scheme := dig(document, "components", "securitySchemes", "key"); dig(scheme, "type") != "http" || dig(scheme, "scheme") != "bearer" {
		t.Errorf("%v", scheme)
	}
	for path, item := range document["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			a := s.do(strings.ToUpper(method), path, "")
			responses := dig(op, "responses").(map[string]any)
			ways, told := dig(op, "security").([]any)
			if health := path == "/livez" || path == "/readyz"; health {
				if a.status != 200 || told {
					t.Errorf("%s %s: %d, %v", method, path, a.status, ways)
				}
			} else if a.status != 401 || len(ways) == 0 || responses["401"] == nil || responses["403"] == nil {
				t.Errorf("%s %s: %d, %v", method, path, a.status, ways)
			}
			for _, way := range ways {
				if len(way.(map[string]any)) == 0 {
					t.Errorf("%s %s tells of a way without a key", method, path)
				}
			}
		}
	}
	free := read[map[string]any](t, start(t).get("/openapi.json"))
	ways := dig(free, "paths", "/orders/{id}", "get", "security").([]any)
	if len(ways) != 3 || dig(ways[0], "key").([]any)[0] != "orders" || dig(ways[1], "key").([]any)[0] != "ops" || len(ways[2].(map[string]any)) != 0 {
		t.Errorf("%v", ways)
	}
}

func TestHeadersThatNameNobody(t *testing.T) {
	for name, options := range map[string][]func(*api.Config){
		"keys required":     {requireKeys},
		"keys not required": nil,
		"no keys":           {func(c *api.Config) { c.Keys = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, options...)
			good := s.key("shop", keys.Orders)
			revoked := s.key("old", keys.Orders)
			if err := s.engine.Keys.Revoke(t.Context(), "old", epoch); err != nil {
				t.Fatal(err)
			}
			secret := strings.TrimPrefix(good, "Authorization: Bearer ")
			for _, headers := range [][]string{
				{"Authorization: "}, {"Authorization: Bearer"}, {"Authorization: Bearer "}, {"Authorization: Bearer wrong-SECRET"}, {"Authorization: Bearer hf_SECRET" + strings.Repeat("A", 37)},
				{"Authorization: Basic " + secret}, {"Authorization: " + secret}, {good + "x"}, {strings.ToLower(good)}, {revoked},
				{good, good}, {good + ", Bearer " + secret}, {good + " " + secret}, {"Authorization: Bearer\t" + secret}, {"Authorization: Bearer" + secret},
			} {
				a := s.get("/orders", headers...)
				a.problem(t, 401)
				if a.header.Get("WWW-Authenticate") != "Bearer" || strings.Contains(a.body+s.log.String(), secret) || strings.Contains(a.body+s.log.String(), "SECRET") {
					t.Errorf("%q: %v %s, logged %s", headers, a.header, a.body, s.log)
				}
			}
			if name == "no keys" {
				s.get("/orders", good).problem(t, 401)
				return
			}
			s.get("/orders", good).want(t, 200)
			s.get("/orders", strings.Replace(good, "Bearer", "bEARER", 1)).want(t, 200)
			s.get("/orders", strings.Replace(good, "Bearer ", "Bearer  ", 1)).want(t, 200)
		})
	}
}

func TestARevokedKeyIsRefusedASecondLaterAtTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		shop := s.key("shop", keys.Orders)
		s.get("/orders", shop).want(t, 200)
		if err := s.engine.Keys.Revoke(t.Context(), "shop", epoch); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		s.get("/orders", shop).problem(t, 401)
	})
}

// lostKeys cannot be read.
type lostKeys struct{ keys.Store }

func (lostKeys) List(context.Context) ([]keys.Key, error) {
	return nil, event.Errorf(event.Unavailable, "the key file is gone")
}

func TestKeysThatCannotBeRead(t *testing.T) {
	s := start(t, func(c *api.Config) { c.Keys = &keys.Ring{Store: lostKeys{}, Now: time.Now} })
	a := s.get("/orders", s.key("shop", keys.Orders))
	if a.problem(t, 503); a.header.Get("Retry-After") == "" || !strings.Contains(s.log.String(), "the key file is gone") {
		t.Errorf("%v %s, logged %s", a.header, a.body, s.log)
	}
	s.get("/orders").want(t, 200)
}

// unreadable is a body that nobody may read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("read")
}

func TestKeysAreCheckedBeforeTheBodyIsRead(t *testing.T) {
	s := start(t, requireKeys)
	for header, status := range map[string]int{"X: y": 401, "Authorization: Bearer wrong": 401, s.key("ops", keys.Ops): 403} {
		r := newRequest(http.MethodPost, "/orders", seedBody, header, jsonType)
		r.Body = io.NopCloser(unreadable{t})
		s.serve(r).problem(t, status)
	}
}

func TestACallerSeesItsOwnOrders(t *testing.T) {
	s := start(t)
	shop, other, ops := s.key("shop", keys.Orders), s.key("other", keys.Orders), s.key("ops", keys.Orders, keys.Ops)
	for id, header := range map[string]string{"a": shop, "b": other, "c": "X: y"} {
		s.post("/orders", with("order_id", `"`+id+`"`), header).want(t, 202)
	}
	for _, test := range []struct{ header, sees string }{{shop, "a"}, {other, "b"}, {ops, "abc"}, {"X: y", "abc"}} {
		var seen []string
		for _, o := range read[client.OrderPage](t, s.get("/orders", test.header)).Orders {
			seen = append(seen, o.OrderID)
		}
		if slices.Sort(seen); strings.Join(seen, "") != test.sees {
			t.Errorf("%.30s lists %v, want %s", test.header, seen, test.sees)
		}
		for _, id := range []string{"a", "b", "c"} {
			want := map[bool]int{true: 200, false: 404}[strings.Contains(test.sees, id)]
			if got := s.get("/orders/"+id, test.header).status; got != want {
				t.Errorf("%.30s gets %s: %d, want %d", test.header, id, got, want)
			}
			if got := s.get("/orders/"+id+"?wait=1ms", test.header).status; got != want {
				t.Errorf("%.30s waits for %s: %d, want %d", test.header, id, got, want)
			}
		}
	}
	if there, never := s.get("/orders/b", shop), s.get("/orders/d", shop); strings.ReplaceAll(there.body, `\"b\"`, `\"d\"`) != never.body {
		t.Errorf("another's order is told from none: %s, %s", there.body, never.body)
	}
	s.post("/orders/b/cancel", "", shop).problem(t, 404)
	s.post("/orders/b/refund", "", shop).problem(t, 404)
	s.post("/orders/b/cancel", "", other).want(t, 202)
	s.post("/orders/a/cancel", "", ops).want(t, 202)
}

// Who may see everybody's orders may take them back too, but places none.
func TestOpsTakesBackAnybodysOrders(t *testing.T) {
	s := start(t, requireKeys)
	shop, ops, stock := s.key("shop", keys.Orders), s.key("desk", keys.Ops), s.key("stock", keys.Inventory)
	for _, id := range []string{"a", "b"} {
		s.post("/orders", with("order_id", `"`+id+`"`), shop).want(t, 202)
	}
	s.complete("b")
	s.post("/orders/a/cancel", "", stock).problem(t, 403)
	s.post("/orders/b/refund", "", stock).problem(t, 403)
	if a := s.post("/orders/a/cancel", "", ops); read[client.Order](t, a).Status != "CANCELLING" {
		t.Errorf("%s", a.body)
	}
	if a := s.post("/orders/b/refund", `{"restock": true}`, ops); read[client.Order](t, a).Status != "REFUNDING" {
		t.Errorf("%s", a.body)
	}
	s.post("/orders/c/cancel", "", ops).problem(t, 404)
	s.post("/orders", seedBody, ops).problem(t, 403)
	for _, o := range s.stored() {
		if o.Caller != "shop" {
			t.Errorf("order %s is now %s's", o.OrderID, o.Caller)
		}
	}
}

func TestCaller(t *testing.T) {
	for name, test := range map[string]struct {
		options []func(*api.Config)
		local   string
	}{
		"open":          {nil, `{"name":"local","scopes":["orders","inventory","ops"],"keys_required":false}`},
		"keys required": {[]func(*api.Config){requireKeys}, ""},
	} {
		s := start(t, test.options...)
		required := test.local == ""
		if a := s.get("/caller"); required {
			a.problem(t, 401)
		} else if a.body != test.local+"\n" {
			t.Errorf("%s: %s", name, a.body)
		}
		for _, scope := range keys.Scopes {
			want := fmt.Sprintf(`{"name":"of-%[1]s","scopes":["%[1]s"],"keys_required":%t}`+"\n", scope, required)
			if a := s.get("/caller", s.key("of-"+string(scope), scope)); a.body != want {
				t.Errorf("%s: %s, want %s", name, a.body, want)
			}
		}
		s.get("/caller", "Authorization: Bearer wrong").problem(t, 401)
	}
}

func TestCursorsAreBoundToTheCallersView(t *testing.T) {
	s := start(t)
	shop, other, ops := s.key("shop", keys.Orders), s.key("other", keys.Orders), s.key("ops", keys.Ops)
	for range 3 {
		s.post("/orders", seedBody, shop).want(t, 202)
	}
	next := read[client.OrderPage](t, s.get("/orders?limit=1", shop)).NextCursor
	s.get("/orders?cursor="+next, shop).want(t, 200)
	for _, header := range []string{other, ops, "X: y"} {
		s.get("/orders?cursor="+next, header).problem(t, 400)
	}
}

func TestOneIdempotencyKeyOfTwoAPIKeysIsTwoOrders(t *testing.T) {
	s := start(t)
	callers := []string{s.key("shop", keys.Orders), s.key("other", keys.Orders), "X: y"}
	const each = 10
	answers := make([]answer, len(callers)*each)
	var posts sync.WaitGroup
	for i := range answers {
		posts.Go(func() { answers[i] = s.post("/orders", seedBody, callers[i%len(callers)], "Idempotency-Key: k") })
	}
	posts.Wait()
	bodies := make(map[string]int)
	for i, a := range answers {
		a.want(t, 202)
		if a.body != answers[i%len(callers)].body {
			t.Errorf("one caller was answered %s and %s", a.body, answers[i%len(callers)].body)
		}
		bodies[a.body]++
	}
	if len(bodies) != len(callers) || len(s.stored()) != len(callers) || len(s.sent) != len(callers) {
		t.Errorf("%d answers, %d orders, %d events", len(bodies), len(s.stored()), len(s.sent))
	}
	for _, o := range s.stored() {
		if !slices.Contains([]string{"shop", "other", keys.Local}, o.Caller) {
			t.Errorf("the caller is %q", o.Caller)
		}
	}
}
