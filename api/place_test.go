package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/engine"
	"holdfast/event"
	"holdfast/keys"
	"holdfast/order"
)

func TestPlace(t *testing.T) {
	s := start(t)
	a := s.post("/orders", seedBody)
	a.want(t, http.StatusAccepted)
	const want = `{"order_id":"order-1","status":"PENDING","user_id":"test_user","items":[{"sku":"A123","qty":1}],"created_at":"2026-11-23T09:00:00.120Z"}` + "\n"
	if a.body != want {
		t.Errorf("body %s, want %s", a.body, want)
	}
	if got := a.header.Get("Location"); got != "/orders/order-1" {
		t.Errorf("Location %q", got)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if len(s.sent) != 1 || s.sent[0].Type != event.OrderPlaced || s.sent[0].OrderID != "order-1" {
		t.Errorf("sent %v", s.sent)
	}
	if o := s.stored()[0]; o.Caller != "local" || !o.CreatedAt().Equal(epoch.Truncate(1e6)) {
		t.Errorf("stored %+v", o)
	}
	if second := s.post("/orders", seedBody); second.header.Get("Idempotent-Replayed") != "" || len(s.stored()) != 2 {
		t.Error("two requests without a key or an id are not two orders")
	}
}

// The bytes of version 1 of the 202, for every kind of order that there can be.
// This file never changes: a client that repeats its request years later must
// get the same bytes.
func TestRendering1IsFrozen(t *testing.T) {
	golden, err := os.ReadFile("testdata/accepted-v1.golden")
	if err != nil {
		t.Fatal(err)
	}
	requests := []string{
		seedBody,
		`{"user_id": "Zoë \"Z\" \\ <b>&'\/` + "\u00a1\U0001F600" + `", "items": [{"sku": "b", "qty": 1}, {"sku": "A.1_-", "qty": 10000}, {"sku": "b", "qty": 2}], "order_id": "x.Y_z-1", "payment_method": "sim_approve"}`,
	}
	s := start(t)
	var got strings.Builder
	for _, body := range requests {
		got.WriteString(s.post("/orders", body).body)
	}
	if got.String() != string(golden) {
		t.Errorf("got\n%swant\n%s", got.String(), golden)
	}
}

func TestReplayIsTheSameAnswerHoweverFarTheOrderHasCome(t *testing.T) {
	s := start(t)
	const body = `{"user_id": "test_user", "order_id": "a", "items": [{"sku": "A123", "qty": 1}]}`
	first := s.post("/orders", body)
	s.complete("a")
	other := newRequest(http.MethodPost, "/orders", body, jsonType, "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https")
	other.Host = "other.example:8443"
	for _, again := range []answer{s.post("/orders", body), s.serve(other)} {
		again.want(t, http.StatusAccepted)
		if again.body != first.body || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%s %v, want %s %v", again.body, again.header, first.body, first.header)
		}
		if again.header.Get("Idempotent-Replayed") != "true" {
			t.Error("a replay does not say so")
		}
		if text := fmt.Sprint(again.header) + again.body; strings.Contains(text, "example") {
			t.Errorf("a host's name in %s", text)
		}
	}
	if len(s.stored()) != 1 || len(s.sent) != 1 {
		t.Errorf("%d orders, %d events", len(s.stored()), len(s.sent))
	}
}

func TestHundredPostsOfOneKeyMakeOneOrder(t *testing.T) {
	s := start(t)
	answers := make([]answer, 100)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = s.post("/orders", seedBody, "Idempotency-Key: k") })
	}
	all.Wait()
	fresh := 0
	for _, a := range answers {
		a.want(t, http.StatusAccepted)
		if a.body != answers[0].body {
			t.Errorf("%s and %s", a.body, answers[0].body)
		}
		if a.header.Get("Idempotent-Replayed") == "" {
			fresh++
		}
	}
	if fresh != 1 || len(s.stored()) != 1 || len(s.sent) != 1 {
		t.Errorf("%d first answers, %d orders, %d events", fresh, len(s.stored()), len(s.sent))
	}
}

func TestSameMeaningIsTheSameRequest(t *testing.T) {
	const body = `{"user_id": "u", "items": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 5}]}`
	for name, again := range map[string]string{
		"spacing":          `{"user_id":"u","items":[{"sku":"A","qty":1},{"sku":"B","qty":5}]}`,
		"order of names":   `{"items": [{"qty": 1, "sku": "A"}, {"qty": 5, "sku": "B"}], "user_id": "u"}`,
		"order of lines":   `{"user_id": "u", "items": [{"sku": "B", "qty": 5}, {"sku": "A", "qty": 1}]}`,
		"lines split":      `{"user_id": "u", "items": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}, {"sku": "B", "qty": 3}]}`,
		"an empty method":  `{"user_id": "u", "items": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 5}], "payment_method": ""}`,
		"escaped in ASCII": `{"user_id": "\u0075", "items": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 5}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			first := s.post("/orders", body, "Idempotency-Key: k")
			second := s.post("/orders", again, "Idempotency-Key: k")
			if second.status != http.StatusAccepted || second.body != first.body {
				t.Errorf("%d %s, want %s", second.status, second.body, first.body)
			}
		})
	}
}

func TestKeyWithAnotherBodyIsRefused(t *testing.T) {
	for name, other := range map[string]string{
		"user":    `{"user_id": "other", "items": [{"sku": "A123", "qty": 1}]}`,
		"qty":     `{"user_id": "test_user", "items": [{"sku": "A123", "qty": 2}]}`,
		"line":    `{"user_id": "test_user", "items": [{"sku": "A123", "qty": 1}, {"sku": "B", "qty": 1}]}`,
		"payment": `{"user_id": "test_user", "items": [{"sku": "A123", "qty": 1}], "payment_method": "sim_decline"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			first := s.post("/orders", seedBody, "Idempotency-Key: k")
			before := s.stored()
			refused := s.post("/orders", other, "Idempotency-Key: k")
			wantPlaces(t, refused, 422, "header.Idempotency-Key")
			if p := refused.problem(t, 422); p.Type != "urn:holdfast:problem:mismatch" {
				t.Errorf("type %s", p.Type)
			}
			if again := s.post("/orders", seedBody, "Idempotency-Key: k"); again.body != first.body || !reflect.DeepEqual(s.stored(), before) || len(s.sent) != 1 {
				t.Errorf("the refused request changed something: %s, stored %+v, sent %v", again.body, s.stored(), s.sent)
			}
		})
	}
}

func TestMendedBodyIsAccepted(t *testing.T) {
	s := start(t)
	s.post("/orders", qty("0"), "Idempotency-Key: k").problem(t, 422)
	mended := s.post("/orders", qty("1"), "Idempotency-Key: k")
	mended.want(t, http.StatusAccepted)
	if mended.header.Get("Idempotent-Replayed") != "" || len(s.stored()) != 1 || len(s.sent) != 1 {
		t.Errorf("the mended request is no new one: %v, stored %v, sent %v", mended.header, s.stored(), s.sent)
	}
}

func TestTwoLinesOfOneSKUAreMerged(t *testing.T) {
	s := start(t)
	a := s.post("/orders", `{"user_id": "u", "items": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 1}, {"sku": "A", "qty": 2}]}`)
	items := read[client.Accepted](t, a).Items
	if len(items) != 2 || items[0] != (client.Line{SKU: "A", Qty: 3}) || items[1] != (client.Line{SKU: "B", Qty: 1}) {
		t.Errorf("items %v", items)
	}
}

func TestKeyAndOrderID(t *testing.T) {
	const body = `{"user_id": "u", "order_id": "a", "items": [{"sku": "A", "qty": 1}]}`
	s := start(t)
	p := s.post("/orders", body, "Idempotency-Key: b").problem(t, 422)
	if p.Errors[0].Location != "header.Idempotency-Key" || len(s.stored()) != 0 {
		t.Errorf("%+v, %d orders", p, len(s.stored()))
	}
	first := s.post("/orders", body, "Idempotency-Key: a")
	wantPlaces(t, s.post("/orders", strings.Replace(body, `"u"`, `"v"`, 1)), 422, "body.order_id")
	if second := s.post("/orders", body); second.body != first.body || first.status != http.StatusAccepted {
		t.Errorf("%s and %s", first.body, second.body)
	}
}

func TestOrderIDOfAnotherCallerIsTaken(t *testing.T) {
	s := start(t)
	if _, err := s.orders.Place(t.Context(), epoch, []order.Request{{
		Caller: "somebody", UserID: "test_user", Lines: []event.Line{{SKU: "A123", Qty: 1}}, OrderID: "a",
	}}); err != nil {
		t.Fatal(err)
	}
	shop := s.key("shop", keys.Orders)
	a := s.post("/orders", `{"user_id": "test_user", "order_id": "a", "items": [{"sku": "A123", "qty": 1}]}`, shop)
	if a.problem(t, 409); strings.Contains(a.body, "somebody") || strings.Contains(a.body, "A123") {
		t.Errorf("another caller's order is told of: %s", a.body)
	}
	s.get("/orders/a", shop).problem(t, 404)
	s.post("/orders/a/cancel", "", shop).problem(t, 404)
	s.post("/orders/a/refund", "", shop).problem(t, 404)
	if page := read[client.OrderPage](t, s.get("/orders", shop)); len(page.Orders) != 0 {
		t.Errorf("another caller's orders are listed: %v", page)
	}
}

func TestKeys(t *testing.T) {
	good := [][2]string{
		{`abc`, `"abc"`}, {`"abc"`, `abc`}, {`a b`, `"a b"`}, {`"`, `"""`}, {`a,b`, `"a,b"`},
		{strings.Repeat("k", 255), `"` + strings.Repeat("k", 255) + `"`},
	}
	for _, keys := range good {
		s := start(t)
		first := s.post("/orders", seedBody, "Idempotency-Key: "+keys[0])
		first.want(t, http.StatusAccepted)
		if again := s.post("/orders", seedBody, "Idempotency-Key: "+keys[1]); again.body != first.body {
			t.Errorf("%q and %q are two keys", keys[0], keys[1])
		}
		both := s.post("/orders", seedBody, "Idempotency-Key: "+keys[0], "Idempotency-Key: "+keys[1])
		if both.body != first.body {
			t.Errorf("%q sent twice: %s", keys[0], both.body)
		}
	}
	for _, headers := range [][]string{
		{"Idempotency-Key: "}, {`Idempotency-Key: ""`}, {"Idempotency-Key: é"}, {"Idempotency-Key: a\tb"}, {"Idempotency-Key: a\x00b"},
		{"Idempotency-Key: " + strings.Repeat("k", 256)}, {"Idempotency-Key: a", "Idempotency-Key: b"}, {"Idempotency-Key: a", "Idempotency-Key: "},
	} {
		s := start(t)
		a := s.post("/orders", seedBody, headers...)
		p := a.problem(t, 422)
		if p.Errors[0].Location != "header.Idempotency-Key" || p.Errors[0].Value != nil || len(s.stored()) > 0 {
			t.Errorf("%q: %s", headers, a.body)
		}
	}
}

func TestFaultsOfKeyAndBodyAreToldTogether(t *testing.T) {
	a := start(t).post("/orders", qty("1.5"), "Idempotency-Key: ")
	if p := a.problem(t, 422); len(p.Errors) != 2 {
		t.Errorf("errors %v", p.Errors)
	}
}

func TestUnsentEventIsLoggedNotShown(t *testing.T) {
	s := start(t, func(c *api.Config) {
		c.Send = func(context.Context, []event.Event) error { return errors.New("queue gone") }
	})
	s.post("/orders", seedBody).want(t, http.StatusAccepted)
	if log := s.log.String(); !strings.Contains(log, "queue gone") || !strings.Contains(log, "order_id=order-1") {
		t.Errorf("log %q", log)
	}
}

func TestEventIsSentThoughTheClientHasLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sent := false
	s := start(t, func(c *api.Config) {
		c.Send = func(ctx context.Context, _ []event.Event) error {
			cancel()
			sent = ctx.Err() == nil
			return nil
		}
	})
	s.serve(newRequest(http.MethodPost, "/orders", seedBody, jsonType).WithContext(ctx))
	if !sent {
		t.Error("the event was sent under the client's own context")
	}
}

func TestStoreFailures(t *testing.T) {
	tests := map[string]struct {
		fault  error
		status int
	}{
		"unavailable": {event.Errorf(event.Unavailable, "secret path is full"), 503},
		"no code":     {errors.New("secret bug"), 500},
		"unreachable": {event.Errorf(event.Unreachable, "secret state"), 500},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.engine.SetFault(func(engine.Point) error { return test.fault })
			a := s.post("/orders", seedBody)
			a.problem(t, test.status)
			if strings.Contains(a.body, "secret") || !strings.Contains(s.log.String(), "secret") {
				t.Errorf("shown %s, logged %s", a.body, s.log)
			}
			if got := a.header.Get("Retry-After"); (got == "1") != (test.status == 503) {
				t.Errorf("Retry-After %q", got)
			}
			s.engine.SetFault(nil)
			if len(s.stored()) > 0 || len(s.sent) > 0 {
				t.Error("stored or sent")
			}
		})
	}
}

func TestPanicIsAProblem(t *testing.T) {
	s := start(t, func(c *api.Config) { c.NewID = func() string { panic("secret") } })
	a := s.post("/orders", seedBody)
	a.problem(t, 500)
	if strings.Contains(a.body, "secret") || !strings.Contains(s.log.String(), "secret") {
		t.Errorf("shown %s, logged %s", a.body, s.log)
	}
}

// slowStore lets a test hold a write.
type slowStore struct {
	order.Store
	entered, leave chan struct{}
}

func (s slowStore) Create(ctx context.Context, orders []order.Order) ([]order.Created, error) {
	s.entered <- struct{}{}
	<-s.leave
	return s.Store.Create(ctx, orders)
}

func TestIntakeIsBounded(t *testing.T) {
	s := start(t, func(c *api.Config) { c.Intake = 2 })
	slow := slowStore{s.orders.Store, make(chan struct{}), make(chan struct{})}
	s.orders.Store = slow
	var waiting sync.WaitGroup
	for range 2 {
		waiting.Go(func() { s.post("/orders", seedBody).want(t, http.StatusAccepted) })
		<-slow.entered
	}
	a := s.post("/orders", seedBody)
	if p := a.problem(t, 503); p.Type != "urn:holdfast:problem:overloaded" || a.header.Get("Retry-After") != "1" {
		t.Errorf("%s %v", p.Type, a.header)
	}
	s.get("/orders").want(t, http.StatusOK)
	close(slow.leave)
	waiting.Wait()
	s.orders.Store = slow.Store
	s.post("/orders", seedBody).want(t, http.StatusAccepted)
}
