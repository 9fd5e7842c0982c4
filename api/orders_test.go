package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"holdfast/api/client"
	"holdfast/event"
)

func TestOrderAsItStands(t *testing.T) {
	s := start(t)
	s.post("/orders", `{"user_id": "u", "order_id": "a", "payment_method": "sim_approve", "items": [{"sku": "A123", "qty": 1}]}`)
	pending := s.get("/orders/a")
	const wantPending = `{"order_id":"a","user_id":"u","status":"PENDING","reason":"","items":[{"sku":"A123","qty":1}],` +
		`"payment_method":"sim_approve","version":1,"created_at":"2026-11-23T09:00:00.120Z","updated_at":"2026-11-23T09:00:00.120Z",` +
		`"history":[{"status":"PENDING","at":"2026-11-23T09:00:00.120Z"}]}` + "\n"
	if pending.body != wantPending || pending.header.Get("ETag") != `"1"` {
		t.Errorf("%s %s, want %s", pending.header.Get("ETag"), pending.body, wantPending)
	}
	s.complete("a")
	completed := s.get("/orders/a")
	const wantCompleted = `{"order_id":"a","user_id":"u","status":"COMPLETED","reason":"",` +
		`"items":[{"sku":"A123","qty":1,"unit_price":{"amount":1999,"currency":"USD"}}],"total":{"amount":1999,"currency":"USD"},` +
		`"payment_method":"sim_approve","version":3,"created_at":"2026-11-23T09:00:00.120Z","updated_at":"2026-11-23T09:00:00.140Z",` +
		`"history":[{"status":"PENDING","at":"2026-11-23T09:00:00.120Z"},{"status":"RESERVED","at":"2026-11-23T09:00:00.140Z"},{"status":"COMPLETED","at":"2026-11-23T09:00:00.140Z"}]}` + "\n"
	if completed.body != wantCompleted || completed.header.Get("ETag") != `"3"` {
		t.Errorf("%s %s, want %s", completed.header.Get("ETag"), completed.body, wantCompleted)
	}
}

func TestOrderThatFellShort(t *testing.T) {
	s := start(t)
	s.place("a")
	s.tell("a", event.StockRejected, func(e *event.Event) {
		e.Reason, e.Short = "out_of_stock", []event.Shortfall{{SKU: "A123", Qty: 1, Available: 0}}
	})
	a := s.get("/orders/a")
	o := read[client.Order](t, a)
	if o.Status != "FAILED_NO_STOCK" || o.Reason != "out_of_stock" || !slices.Equal(o.Shortfall, []client.Shortfall{{SKU: "A123", Qty: 1}}) {
		t.Errorf("%s", a.body)
	}
	if o.History[1].Reason != "out_of_stock" || strings.Contains(a.body, "total") || strings.Contains(a.body, "unit_price") {
		t.Errorf("%s", a.body)
	}
}

func TestETagOfAnOrder(t *testing.T) {
	s := start(t)
	s.place("a")
	for header, status := range map[string]int{
		`"1"`: 304, `W/"1"`: 304, `*`: 304, `"0", "1"`: 304, `"x",W/"1"`: 304,
		`"2"`: 200, `1`: 200, `"11"`: 200, ``: 200, `""`: 200,
	} {
		a := s.get("/orders/a", "If-None-Match: "+header)
		if a.status != status || a.header.Get("ETag") != `"1"` || (a.body == "") != (status == 304) {
			t.Errorf("If-None-Match %s: %d %q, want %d", header, a.status, a.body, status)
		}
	}
	s.complete("a")
	s.get("/orders/a", `If-None-Match: "1"`).want(t, http.StatusOK)
}

func TestIDsThatCannotBe(t *testing.T) {
	s := start(t)
	for _, id := range []string{"nobody", "%00", "a%2Fb", "%ff", "a%20b", "é", strings.Repeat("a", 65), "..", "%2e%2e", "%2E", "a%0a", "{id}", "%25"} {
		s.get("/orders/"+id).problem(t, 404)
		s.post("/orders/"+id+"/cancel", "").problem(t, 404)
		s.post("/orders/"+id+"/refund", "").problem(t, 404)
		s.get("/inventory/"+id).problem(t, 404)
	}
}

func TestDotsAreIDsAndNotSteps(t *testing.T) {
	s := start(t)
	for _, id := range []string{".", "..", ".a", "..."} {
		s.place(id)
		for _, path := range []string{"/orders/" + id, "/orders/" + strings.ReplaceAll(id, ".", "%2e")} {
			if got := read[client.Order](t, s.get(path)); got.OrderID != id {
				t.Errorf("%s is order %q", path, got.OrderID)
			}
		}
		s.post("/orders/"+id+"/cancel", "").want(t, http.StatusAccepted)
	}
}

func TestListComesNewestFirstAndOnce(t *testing.T) {
	s := start(t)
	for i := range 7 {
		s.place(fmt.Sprint("o", i))
	}
	var got []string
	for target, pages := "/orders?limit=3", 1; ; pages++ {
		page := read[client.OrderPage](t, s.get(target))
		for _, o := range page.Orders {
			got = append(got, o.OrderID)
		}
		if page.NextCursor == "" {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		s.place(fmt.Sprint("late", pages)) // comes on no page
		target = "/orders?limit=3&cursor=" + page.NextCursor
	}
	if want := []string{"o6", "o5", "o4", "o3", "o2", "o1", "o0"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestListFilters(t *testing.T) {
	s := start(t)
	s.place("a")
	s.place("b")
	s.complete("b")
	s.post("/orders", `{"user_id": "other", "order_id": "c", "items": [{"sku": "A123", "qty": 1}]}`)
	for query, want := range map[string]string{
		"": "c b a", "user_id=other": "c", "status=PENDING": "c a", "user_id=test_user&status=COMPLETED": "b",
		"user_id=nobody": "", "status=REFUNDED": "", "limit=1": "c", "limit=200": "c b a",
	} {
		a := s.get("/orders?" + query)
		var ids []string
		for _, o := range read[client.OrderPage](t, a).Orders {
			ids = append(ids, o.OrderID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("?%s: %q, want %q", query, got, want)
		}
	}
	if a := s.get("/orders?user_id=nobody"); a.body != `{"orders":[],"next_cursor":""}`+"\n" {
		t.Errorf("an empty page is %s", a.body)
	}
}

func TestFiftyToAPage(t *testing.T) {
	s := start(t)
	for i := range 51 {
		s.place(fmt.Sprint("o", i))
	}
	if page := read[client.OrderPage](t, s.get("/orders")); len(page.Orders) != 50 || page.NextCursor == "" {
		t.Errorf("%d orders, next %q", len(page.Orders), page.NextCursor)
	}
}

func TestCursorsAreBoundToTheirList(t *testing.T) {
	s := start(t)
	for i := range 3 {
		s.place(fmt.Sprint("o", i))
		s.stock(fmt.Sprint("S", i), 1)
	}
	orders := read[client.OrderPage](t, s.get("/orders?limit=1&user_id=test_user")).NextCursor
	stocks := read[client.StockPage](t, s.get("/inventory?limit=1")).NextCursor
	s.get("/orders?user_id=test_user&cursor="+orders).want(t, http.StatusOK)
	s.get("/inventory?cursor="+stocks).want(t, http.StatusOK)
	for _, target := range []string{
		"/orders?cursor=" + orders,
		"/orders?user_id=other&cursor=" + orders,
		"/orders?user_id=test_user&status=PENDING&cursor=" + orders,
		"/orders?cursor=" + stocks,
		"/inventory?cursor=" + orders,
	} {
		if p := s.get(target).problem(t, 400); p.Errors[0].Location != "query.cursor" {
			t.Errorf("%s: %+v", target, p)
		}
	}
	whole, err := base64.RawURLEncoding.DecodeString(orders)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		mangled := slices.Clone(whole)
		mangled[i] ^= 1
		s.get("/orders?user_id=test_user&cursor="+base64.RawURLEncoding.EncodeToString(mangled)).problem(t, 400)
	}
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if mangled := stocks[:len(stocks)-1] + string(c); mangled != stocks {
			s.get("/inventory?cursor="+mangled).problem(t, 400)
		}
	}
	for _, mangled := range []string{orders[1:], orders[:len(orders)-1], orders + "A", orders + "=", orders + "%00", "AAAAAAAAAAA"} {
		s.get("/orders?user_id=test_user&cursor="+mangled).problem(t, 400)
	}
}

func TestCancel(t *testing.T) {
	s := start(t)
	s.place("a")
	for i, body := range []string{"", "{}", " {} "} {
		a := s.post("/orders/a/cancel", body)
		a.want(t, http.StatusAccepted)
		if o := read[client.Order](t, a); o.Status != "CANCELLING" || o.Version != 2 || a.header.Get("ETag") != `"2"` {
			t.Errorf("%d: %s", i, a.body)
		}
		if a.body != s.get("/orders/a").body {
			t.Error("the answer is not the order as GET shows it")
		}
	}
	if last := s.sent[len(s.sent)-1]; len(s.sent) != 2 || last.Type != event.CancelRequestedClient {
		t.Errorf("sent %v", s.sent)
	}
	s.place("b")
	s.complete("b")
	if p := s.post("/orders/b/cancel", "").problem(t, 409); !strings.Contains(p.Detail, "COMPLETED") {
		t.Errorf("the state is not named: %s", p.Detail)
	}
}

func TestCancelBodies(t *testing.T) {
	s := start(t)
	s.place("a")
	for body, status := range map[string]int{
		`{"reason": "x"}`: 422, `[]`: 422, `null`: 422, `x`: 400, `{}{}`: 400, ` `: 400, strings.Repeat(" ", 64<<10) + "{}": 413,
	} {
		if a := s.post("/orders/a/cancel", body); a.status != status {
			t.Errorf("%.20q: %d, want %d", body, a.status, status)
		}
	}
	s.do(http.MethodPost, "/orders/a/cancel", "{}", "Content-Type: text/plain").problem(t, 415)
	if s.stored()[0].Version() != 1 {
		t.Error("a refused cancel changed the order")
	}
	s.do(http.MethodPost, "/orders/a/cancel", "").want(t, http.StatusAccepted)
}

func TestRefund(t *testing.T) {
	s := start(t)
	s.place("a")
	if p := s.post("/orders/a/refund", "").problem(t, 409); !strings.Contains(p.Detail, "PENDING") {
		t.Errorf("the state is not named: %s", p.Detail)
	}
	s.complete("a")
	for body, status := range map[string]int{
		`{"restock": null}`: 422, `{"restock": "true"}`: 422, `{"restock": 1}`: 422, `{"Restock": true}`: 422, `{"restock": true, "restock": true}`: 400,
	} {
		if a := s.post("/orders/a/refund", body); a.status != status {
			t.Errorf("%s: %d, want %d", body, a.status, status)
		}
	}
	for range 2 {
		a := s.post("/orders/a/refund", `{"restock": true}`)
		a.want(t, http.StatusAccepted)
		if o := read[client.Order](t, a); o.Status != "REFUNDING" {
			t.Errorf("%s", a.body)
		}
	}
	for _, body := range []string{"", "{}", `{"restock": false}`} {
		if p := s.post("/orders/a/refund", body).problem(t, 409); !strings.Contains(p.Detail, "is REFUNDING with restock=true") {
			t.Errorf("the state is not named: %s", p.Detail)
		}
	}
	s.tell("a", event.StockReturned, nil)
	if p := s.post("/orders/a/refund", "").problem(t, 409); !strings.Contains(p.Detail, "order a is REFUNDED with restock=true") {
		t.Errorf("the state is not named: %s", p.Detail)
	}
	if last := s.sent[len(s.sent)-1]; len(s.sent) != 2 || last.Type != event.RefundRequested || !last.Restock {
		t.Errorf("sent %v", s.sent)
	}
}
