package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"holdfast/api/client"
	"holdfast/inventory"
)

const (
	fullCount = `{"on_hand": 7, "price": {"amount": 1999, "currency": "USD"}}`
	bareCount = `{"on_hand": 7}`
)

func (s *server) put(sku, body string, headers ...string) answer {
	return s.do(http.MethodPut, "/inventory/"+sku, body, append(headers, jsonType)...)
}

func TestStock(t *testing.T) {
	s := start(t)
	made := s.put("A123", fullCount)
	made.want(t, http.StatusOK)
	const want = `{"sku":"A123","available":7,"reserved":0,"sold":0,"on_hand":7,"price":{"amount":1999,"currency":"USD"},"updated_at":"2026-11-23T09:00:00.120Z"}` + "\n"
	if made.body != want || made.header.Get("ETag") != `"1"` {
		t.Errorf("%v %s, want %s", made.header, made.body, want)
	}
	if got := s.get("/inventory/A123"); got.body != want || got.header.Get("ETag") != `"1"` {
		t.Errorf("%v %s", got.header, got.body)
	}
	counted := s.put("A123", `{"on_hand": 0}`)
	if got := read[client.Stock](t, counted); counted.status != 200 || got.OnHand != 0 || got.Price.Amount != 1999 || counted.header.Get("ETag") != `"2"` {
		t.Errorf("%v %s", counted.header, counted.body)
	}
	s.get("/inventory/A123", `If-None-Match: "2"`).want(t, http.StatusNotModified)
	s.get("/inventory/A123", `If-None-Match: "1"`).want(t, http.StatusOK)
	s.get("/inventory/B456").problem(t, 404)
}

func TestPreconditionsOfACount(t *testing.T) {
	tests := []struct {
		exists  bool
		headers []string
		status  int
	}{
		{true, []string{`If-Match: "1"`}, 200},
		{true, []string{`If-Match: *`}, 200},
		{true, []string{`If-Match: "8", "1"`}, 200},
		{true, []string{`If-Match: "2"`}, 412},
		{true, []string{`If-Match: "0"`}, 412},
		{true, []string{`If-Match: "01"`}, 412},
		{true, []string{`If-Match: 1`}, 412},
		{true, []string{`If-Match: W/"1"`}, 412},
		{true, []string{`If-Match: "x"`}, 412},
		{true, []string{`If-None-Match: *`}, 412},
		{true, []string{`If-Match: "1"`, `If-None-Match: *`}, 412},
		{true, []string{`If-None-Match: "2"`}, 422},
		{true, []string{`If-Match: `}, 422},
		{true, []string{`If-Match: ,`}, 422},
		{true, []string{`If-None-Match: `}, 422},
		{true, []string{`If-Match: "8"`, `If-Match: "1"`}, 200},
		{true, []string{`If-None-Match: `, `If-None-Match: *`}, 412},
		{true, []string{`If-Match: *`, `If-None-Match: *`}, 412},
		{false, []string{`If-None-Match: *`}, 200},
		{false, []string{`If-Match: *`}, 412},
		{false, []string{`If-Match: "0"`}, 412},
		{false, []string{`If-Match: "1"`}, 412},
		{false, []string{`If-Match: *`, `If-None-Match: *`}, 412},
	}
	for _, test := range tests {
		s := start(t)
		if test.exists {
			s.stock("A123", 100)
		}
		a := s.put("A123", fullCount, test.headers...)
		if a.status != test.status {
			t.Errorf("exists %t, %v: %d, want %d: %s", test.exists, test.headers, a.status, test.status, a.body)
		}
		if test.status == 200 {
			continue
		}
		a.problem(t, test.status)
		now := s.get("/inventory/A123")
		if (now.status == 200) != test.exists || test.exists && read[client.Stock](t, now).OnHand != 100 {
			t.Errorf("exists %t, %v: refused, and yet %s", test.exists, test.headers, now.body)
		}
	}
}

func TestRefusedPreconditionsNameTheirHeader(t *testing.T) {
	s := start(t)
	s.stock("A123", 100)
	for header, status := range map[string]int{"If-Match: ": 422, "If-None-Match: ": 422, `If-Match: "2"`: 412, "If-None-Match: *": 412} {
		name, _, _ := strings.Cut(header, ":")
		wantPlaces(t, s.put("A123", fullCount, header), status, "header."+name)
	}
	if p := s.put("A123", fullCount, "If-None-Match: *").problem(t, 412); p.Detail != "A123 exists already" {
		t.Error(p.Detail)
	}
}

// busyShelf counts the SKU once more before each count it is given.
type busyShelf struct{ inventory.Store }

func (s busyShelf) Count(ctx context.Context, counts []inventory.Count) ([]inventory.Counted, error) {
	other := counts[0]
	other.IfVersion = nil
	if _, err := s.Store.Count(ctx, []inventory.Count{other}); err != nil {
		return nil, err
	}
	return s.Store.Count(ctx, counts)
}

func TestPreconditionsUnderARace(t *testing.T) {
	s := start(t)
	s.inventory.Store = busyShelf{s.inventory.Store}
	if p := s.put("A123", fullCount, "If-None-Match: *").problem(t, 412); p.Detail != "A123 exists already" {
		t.Error(p.Detail)
	}
	s.put("A123", fullCount, "If-Match: *").want(t, http.StatusOK)
	wantPlaces(t, s.put("A123", fullCount, "If-Match: "+s.get("/inventory/A123").header.Get("ETag")), 412, "header.If-Match")
}

func TestBadCountsAreRefused(t *testing.T) {
	tests := []struct {
		sku, body string
		status    int
		location  string
	}{
		{"A123", `{}`, 422, "body.on_hand"},
		{"A123", `{"on_hand": null}`, 422, "body.on_hand"},
		{"A123", `{"on_hand": -1}`, 422, "body.on_hand"},
		{"A123", `{"on_hand": 1.0}`, 422, "body.on_hand"},
		{"A123", `{"on_hand": "1"}`, 422, "body.on_hand"},
		{"A123", `{"on_hand": 1000000000001}`, 422, "body.on_hand"},
		{"A123", `{"on_hand": 9223372036854775808}`, 422, "body.on_hand"},
		{"A123", `{"on_hand": 1, "price": null}`, 422, "body.price"},
		{"A123", `{"on_hand": 1, "price": {}}`, 422, "body.price.amount"},
		{"A123", `{"on_hand": 1, "price": {"amount": 0, "currency": ""}}`, 422, "body.price"},
		{"A123", `{"on_hand": 1, "price": {"amount": 0, "currency": "USD"}}`, 422, "body.price.amount"},
		{"A123", `{"on_hand": 1, "price": {"amount": 1000000000001, "currency": "USD"}}`, 422, "body.price.amount"},
		{"A123", `{"on_hand": 1, "price": {"amount": 19.99, "currency": "USD"}}`, 422, "body.price.amount"},
		{"A123", `{"on_hand": 1, "price": {"amount": 1}}`, 422, "body.price.currency"},
		{"A123", `{"on_hand": 1, "price": {"amount": 1, "currency": "usd"}}`, 422, "body.price.currency"},
		{"A123", `{"on_hand": 1, "available": 1}`, 422, "body.available"},
		{"A%20B", fullCount, 422, "path.sku"},
		{"A%00", fullCount, 422, "path.sku"},
		{"NEW", bareCount, 422, "body.price"},
	}
	s := start(t)
	s.stock("A123", 100)
	before := s.get("/inventory").body
	for _, test := range tests {
		a := s.put(test.sku, test.body)
		if p := a.problem(t, test.status); len(p.Errors) == 0 || p.Errors[0].Location != test.location {
			t.Errorf("%s: no location %q in %s", test.body, test.location, a.body)
		}
	}
	s.put("A123", "").problem(t, 400)
	if after := s.get("/inventory").body; after != before {
		t.Errorf("a refused count changed %s to %s", before, after)
	}
}

func TestCountBelowWhatIsReserved(t *testing.T) {
	s := start(t)
	s.stock("A123", 5)
	s.reserve("A123", 3)
	s.put("A123", `{"on_hand": 2}`).problem(t, 409)
	if got := read[client.Stock](t, s.put("A123", `{"on_hand": 3}`)); got.Available != 0 || got.Reserved != 3 || got.OnHand != 3 {
		t.Errorf("%+v", got)
	}
}

func TestStockList(t *testing.T) {
	s := start(t)
	if a := s.get("/inventory"); a.body != `{"inventory":[],"next_cursor":""}`+"\n" {
		t.Errorf("an empty page is %s", a.body)
	}
	for i := range 5 {
		s.stock(fmt.Sprint("S", 4-i), i)
	}
	for limit, pages := range map[int]int{1: 5, 2: 3, 4: 2, 5: 1, 200: 1} {
		var got []string
		count := 0
		for cursor, more := "", true; more; more = cursor != "" {
			page := read[client.StockPage](t, s.get(fmt.Sprintf("/inventory?limit=%d&cursor=%s", limit, cursor)))
			for _, stock := range page.Inventory {
				got = append(got, stock.SKU)
			}
			cursor = page.NextCursor
			count++
		}
		if !slices.Equal(got, []string{"S0", "S1", "S2", "S3", "S4"}) || count != pages {
			t.Errorf("limit %d: %v on %d pages, want %d", limit, got, count, pages)
		}
	}
}

func (s *server) adjust(sku, body string) answer {
	return s.post("/inventory/"+sku+"/adjustments", body)
}

func TestAdjust(t *testing.T) {
	s := start(t)
	s.stock("A123", 7)
	s.stock("B456", 7)
	first := s.adjust("A123", `{"adjustment_id": "a", "delta": -3, "reason": "damaged"}`)
	const want = `{"adjustment_id":"a","sku":"A123","delta":-3,"reason":"damaged","at":"2026-11-23T09:00:00.120Z"}` + "\n"
	if first.want(t, http.StatusOK); first.body != want {
		t.Errorf("%s, want %s", first.body, want)
	}
	if again := s.adjust("A123", `{"adjustment_id": "a", "delta": -3}`); again.status != 200 || again.body != want {
		t.Errorf("repeated: %d %s, want %s", again.status, again.body, want)
	}
	for sku, body := range map[string]string{"A123": `{"adjustment_id": "a", "delta": -2}`, "B456": `{"adjustment_id": "a", "delta": -3}`} {
		wantPlaces(t, s.adjust(sku, body), 422, "body.adjustment_id")
	}
	if got := read[client.Stock](t, s.get("/inventory/A123")); got.OnHand != 4 {
		t.Errorf("%+v", got)
	}
	s.adjust("A123", `{"adjustment_id": "b", "delta": -5}`).problem(t, 409)
	s.adjust("C789", `{"adjustment_id": "b", "delta": 1}`).problem(t, 404)
	bare := s.adjust("A123", `{"adjustment_id": "b", "delta": 5}`)
	if got := read[client.Adjusted](t, bare); got.Reason != "adjusted" || got.Delta != 5 {
		t.Errorf("without a reason: %s", bare.body)
	}
}

func TestBadAdjustmentsAreRefused(t *testing.T) {
	s := start(t)
	s.stock("A123", 7)
	for body, place := range map[string]string{
		`{"adjustment_id": "a", "delta": 0}`:                                               "body.delta",
		`{"adjustment_id": "a", "delta": 1.5}`:                                             "body.delta",
		`{"adjustment_id": "a", "delta": null}`:                                            "body.delta",
		`{"adjustment_id": "a", "delta": 1000000000001}`:                                   "body.delta",
		`{"adjustment_id": "", "delta": 1}`:                                                "body.adjustment_id",
		`{"adjustment_id": "a b", "delta": 1}`:                                             "body.adjustment_id",
		`{"adjustment_id": "a", "delta": 1, "note": ""}`:                                   "body.note",
		`{"adjustment_id": "a", "delta": 1, "reason": "` + strings.Repeat("é", 129) + `"}`: "body.reason",
	} {
		wantPlaces(t, s.adjust("A123", body), 422, place)
	}
	if got := read[client.Stock](t, s.get("/inventory/A123")); got.OnHand != 7 {
		t.Errorf("a refused adjustment moved stock: %+v", got)
	}
}

// A count that could never be made is refused for that, whatever its condition says
// (RFC 9110, section 13.2.1).
func TestABadCountIsRefusedBeforeItsCondition(t *testing.T) {
	s := start(t)
	for _, condition := range []string{`If-Match: "7"`, "If-None-Match: *"} {
		s.do(http.MethodPut, "/inventory/a%2Cb", fullCount, jsonType, condition).problem(t, 422)
	}
}

// skus are those of a page of stock, in its order.
func skus(t *testing.T, a answer) (names []string) {
	t.Helper()
	a.want(t, http.StatusOK)
	for _, s := range read[client.StockPage](t, a).Inventory {
		names = append(names, s.SKU)
	}
	return names
}

func TestLowStock(t *testing.T) {
	s := start(t)
	for sku, onHand := range map[string]int{"b": 0, "a": 5, "c": 0, "d": 6, "e": 1000} {
		s.stock(sku, onHand)
	}
	s.reserve("d", 6)
	for query, want := range map[string][]string{
		"max_available=0": {"b", "c", "d"}, "max_available=5": {"b", "c", "d", "a"}, "max_available=5&limit=2": {"b", "c"},
		"max_available=1000000000000": {"b", "c", "d", "a", "e"}, "max_available=": {"a", "b", "c", "d", "e"}, "": {"a", "b", "c", "d", "e"},
	} {
		a := s.get("/inventory?" + query)
		if got := skus(t, a); !slices.Equal(got, want) || !strings.Contains(a.body, `"next_cursor":""`) {
			t.Errorf("%q: %v, want %v: %s", query, got, want, a.body)
		}
	}
	next := read[client.StockPage](t, s.get("/inventory?limit=1")).NextCursor
	for query, place := range map[string]string{
		"max_available=-1": "query.max_available", "max_available=x": "query.max_available", "max_available=1.5": "query.max_available",
		"max_available=1&limit=0": "query.limit", "max_available=1&limit=201": "query.limit",
		"max_available=1&cursor=" + next: "query.cursor", "max_available=1&cursor=AAAA": "query.cursor",
	} {
		if p := s.get("/inventory?"+query).problem(t, 422); p.Errors[0].Location != place {
			t.Errorf("%q: %+v", query, p)
		}
	}
}

func TestLedger(t *testing.T) {
	s := start(t)
	s.stock("A123", 10)
	for i, delta := range []int{-3, 2, 4} {
		s.post("/inventory/A123/adjustments", fmt.Sprintf(`{"adjustment_id": "a%d", "delta": %d, "reason": "found"}`, i, delta)).want(t, 200)
	}
	s.stock("A123", 20)
	s.stock("B456", 1)
	whole := read[client.LedgerPage](t, s.get("/inventory/A123/ledger"))
	var deltas []int64
	for _, e := range whole.Entries {
		deltas = append(deltas, e.Delta)
	}
	if !slices.Equal(deltas, []int64{7, 4, 2, -3, 10}) || whole.NextCursor != "" || whole.Entries[0].Reason != "counted" || whole.Entries[0].AdjustmentID != "" || whole.Entries[1].AdjustmentID != "a2" || whole.Entries[1].Reason != "found" {
		t.Errorf("%+v", whole)
	}
	for _, limit := range []int{1, 2, 5, 200} {
		var paged []client.LedgerEntry
		for cursor, more := "", true; more; more = cursor != "" {
			page := read[client.LedgerPage](t, s.get(fmt.Sprintf("/inventory/A123/ledger?limit=%d&cursor=%s", limit, cursor)))
			paged, cursor = append(paged, page.Entries...), page.NextCursor
		}
		if !slices.Equal(paged, whole.Entries) {
			t.Errorf("limit %d: %+v", limit, paged)
		}
	}
	next := read[client.LedgerPage](t, s.get("/inventory/A123/ledger?limit=2")).NextCursor
	s.get("/inventory/B456/ledger?cursor="+next).problem(t, 400)
	s.get("/inventory?cursor="+next).problem(t, 400)
	s.get("/inventory/C/ledger").problem(t, 404)
	s.get("/inventory/a%20b/ledger").problem(t, 404)
	s.get("/inventory/A123/ledger?limit=0").problem(t, 422)
}
