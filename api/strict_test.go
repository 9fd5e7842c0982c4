package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"holdfast/api"
	"holdfast/event"
)

// lines is a JSON array of n lines, each of another SKU.
func lines(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`{"sku": "S%d", "qty": 1}`, i)
	}
	return "[" + strings.Join(all, ",") + "]"
}

// with is an order's body with one member set, "" for its removal.
func with(name, value string) string {
	members := []string{`"user_id": "u"`, `"items": [{"sku": "A123", "qty": 1}]`}
	kept := members[:0]
	for _, m := range members {
		if !strings.HasPrefix(m, `"`+name+`"`) {
			kept = append(kept, m)
		}
	}
	if value != "" {
		kept = append(kept, fmt.Sprintf("%q: %s", name, value))
	}
	return "{" + strings.Join(kept, ", ") + "}"
}

func qty(value string) string {
	return with("items", `[{"sku": "A123", "qty": `+value+`}]`)
}

// badOrders are bodies of POST /orders that must be refused.
var badOrders = []struct {
	name     string
	body     string
	status   int
	location string
}{
	{"empty", "", 400, "body"},
	{"blank", " \n", 400, "body"},
	{"not JSON", "user_id=u", 400, "body"},
	{"breaks off", `{"user_id": "u`, 400, "body"},
	{"trailing data", seedBody + " x", 400, "body"},
	{"two values", seedBody + seedBody, 400, "body"},
	{"trailing comma", `{"user_id": "u",}`, 400, "body"},
	{"comment", `{/* */"user_id": "u"}`, 400, "body"},
	{"byte order mark", "\ufeff" + seedBody, 400, "body"},
	{"NaN", qty("NaN"), 400, "body"},
	{"leading zero", qty("01"), 400, "body"},
	{"invalid UTF-8", with("user_id", "\"\xff\""), 400, "body"},
	{"lone surrogate", with("user_id", `"\ud800"`), 400, "body"},
	{"duplicate key", `{"user_id": "a", "user_id": "b", "items": [{"sku": "A123", "qty": 1}]}`, 400, "body.user_id"},
	{"duplicate nested key", `{"user_id": "a", "items": [{"sku": "A123", "qty": 1, "qty": 2}]}`, 400, "body.items[0].qty"},
	{"duplicate key, escaped", `{"user_id": "a", "user\u005fid": "b", "items": []}`, 400, "body.user_id"},
	{"wrong type before broken syntax", `{"user_id": 5, "items": [`, 400, "body"},
	{"deep nesting", strings.Repeat("[", 60_000), 400, "body"},

	{"null", "null", 422, "body"},
	{"array", "[]", 422, "body"},
	{"string", `"order"`, 422, "body"},
	{"empty object", "{}", 422, "body.user_id"},
	{"unknown field", with("note", `"x"`), 422, "body.note"},
	{"unknown nested field", with("items", `[{"sku": "A123", "qty": 1, "unit_price": 1}]`), 422, "body.items[0].unit_price"},
	{"$schema", with("$schema", `"x"`), 422, "body.$schema"},
	{"letter case", with("User_ID", `"u"`), 422, "body.User_ID"},
	{"nested letter case", with("items", `[{"SKU": "A123", "qty": 1}]`), 422, "body.items[0].SKU"},

	{"fraction", qty("1.5"), 422, "body.items[0].qty"},
	{"whole fraction", qty("1.0"), 422, "body.items[0].qty"},
	{"exponent", qty("1e2"), 422, "body.items[0].qty"},
	{"zero", qty("0"), 422, "body.items[0].qty"},
	{"negative", qty("-1"), 422, "body.items[0].qty"},
	{"too many", qty("10001"), 422, "body.items[0].qty"},
	{"beyond int64", qty("9223372036854775808"), 422, "body.items[0].qty"},
	{"beyond every float", qty("1e999999"), 422, "body.items[0].qty"},
	{"number as string", qty(`"1"`), 422, "body.items[0].qty"},
	{"boolean number", qty("true"), 422, "body.items[0].qty"},
	{"null number", qty("null"), 422, "body.items[0].qty"},
	{"too many over two lines", with("items", `[{"sku": "A", "qty": 6000}, {"sku": "A", "qty": 6000}]`), 422, "body.items[1].qty"},
	{"fault in the second line", with("items", `[{"sku": "A", "qty": 1}, {"sku": "B", "qty": 1.5}]`), 422, "body.items[1].qty"},

	{"no user", with("user_id", ""), 422, "body.user_id"},
	{"empty user", with("user_id", `""`), 422, "body.user_id"},
	{"null user", with("user_id", "null"), 422, "body.user_id"},
	{"user of another type", with("user_id", "5"), 422, "body.user_id"},
	{"long user", with("user_id", `"`+strings.Repeat("é", 129)+`"`), 422, "body.user_id"},
	{"NUL in user", with("user_id", `"a\u0000b"`), 422, "body.user_id"},
	{"newline in user", with("user_id", `"a\nb"`), 422, "body.user_id"},

	{"no items", with("items", ""), 422, "body.items"},
	{"empty items", with("items", "[]"), 422, "body.items"},
	{"null items", with("items", "null"), 422, "body.items"},
	{"items no array", with("items", `{"sku": "A123", "qty": 1}`), 422, "body.items"},
	{"null line", with("items", "[null]"), 422, "body.items[0]"},
	{"line no object", with("items", `["A123"]`), 422, "body.items[0]"},
	{"51 lines", with("items", lines(51)), 422, "body.items"},
	{"no sku", with("items", `[{"qty": 1}]`), 422, "body.items[0].sku"},
	{"no qty", with("items", `[{"sku": "A123"}]`), 422, "body.items[0].qty"},
	{"sku with a space", with("items", `[{"sku": "A 1", "qty": 1}]`), 422, "body.items[0].sku"},
	{"long sku", with("items", `[{"sku": "`+strings.Repeat("A", 65)+`", "qty": 1}]`), 422, "body.items[0].sku"},
	{"sku and newline", with("items", `[{"sku": "A123\n", "qty": 1}]`), 422, "body.items[0].sku"},

	{"empty order id", with("order_id", `""`), 422, "body.order_id"},
	{"null order id", with("order_id", "null"), 422, "body.order_id"},
	{"order id with a slash", with("order_id", `"a/b"`), 422, "body.order_id"},
	{"long order id", with("order_id", `"`+strings.Repeat("a", 65)+`"`), 422, "body.order_id"},
	{"null payment method", with("payment_method", "null"), 422, "body.payment_method"},
	{"payment method with spaces", with("payment_method", `"4242 4242 4242 4242"`), 422, "body.payment_method"},
	{"payment method a number", with("payment_method", "4242424242424242"), 422, "body.payment_method"},
	{"payment method an object", with("payment_method", `{"number": "4242424242424242"}`), 422, "body.payment_method"},

	{"64 KiB and a byte", seedBody + strings.Repeat(" ", 64<<10-len(seedBody)+1), 413, "body"},
}

func TestBadOrdersAreRefusedAndNotStored(t *testing.T) {
	for _, test := range badOrders {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			a := s.post("/orders", test.body)
			p := a.problem(t, test.status)
			var found bool
			for _, e := range p.Errors {
				found = found || e.Location == test.location
			}
			if !found {
				t.Errorf("no location %q in %s", test.location, a.body)
			}
			if strings.Contains(a.body, "4242") {
				t.Errorf("the payment method is echoed: %s", a.body)
			}
			if len(s.stored()) > 0 || len(s.sent) > 0 {
				t.Errorf("stored %v, sent %v", s.stored(), s.sent)
			}
		})
	}
}

func TestBodiesAtTheirBoundsAreAccepted(t *testing.T) {
	for name, body := range map[string]string{
		"64 KiB":               seedBody + strings.Repeat(" ", 64<<10-len(seedBody)),
		"50 lines":             with("items", lines(50)),
		"51 lines of 50 SKUs":  with("items", strings.Replace(lines(51), "S50", "S0", 1)),
		"128 characters":       with("user_id", `"`+strings.Repeat("é", 128)+`"`),
		"a user called null":   with("user_id", `"null"`),
		"10,000 units":         qty("10000"),
		"an empty method":      with("payment_method", `""`),
		"blanks around":        " \n" + seedBody + "\r\n\t",
		"an escaped name":      `{"user\u005fid": "u", "items": [{"sku": "A123", "qty": 1}]}`,
		"an order id of a dot": with("order_id", `"."`),
	} {
		t.Run(name, func(t *testing.T) {
			start(t).post("/orders", body).want(t, http.StatusAccepted)
		})
	}
}

func TestContentTypes(t *testing.T) {
	for header, status := range map[string]int{
		"Content-Type: application/json":                  202,
		"Content-Type: application/json; charset=utf-8":   202,
		"Content-Type: application/json;charset=UTF-8":    202,
		"Content-Type: Application/JSON":                  202,
		"Content-Type: application/json; charset=latin1":  415,
		"Content-Type: application/json; version=2":       415,
		"Content-Type: application/problem+json":          415,
		"Content-Type: text/plain":                        415,
		"Content-Type: application/x-www-form-urlencoded": 415,
		"Content-Type: application/json, text/plain":      415,
		"Content-Type: ;":                                 415,
		"X-None: ":                                        415,
	} {
		a := start(t).do(http.MethodPost, "/orders", seedBody, header)
		if a.status != status {
			t.Errorf("%s: %d, want %d", header, a.status, status)
		}
	}
	wantPlaces(t, start(t).do(http.MethodPost, "/orders", seedBody, "Content-Type: text/plain"), 415, "header.Content-Type")
	wantPlaces(t, start(t).post("/orders", seedBody, "Content-Encoding: gzip"), 415, "header.Content-Encoding")
}

func TestBrokenOffBodyIsTheClientsFault(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/orders", io.MultiReader(strings.NewReader(seedBody), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.Header.Set("Content-Type", "application/json")
	start(t).serve(r).problem(t, 400)
}

func TestErrorsEchoNothingLong(t *testing.T) {
	long := strings.Repeat("x", 20_000)
	for _, a := range []answer{
		start(t).post("/orders", with(long, "1")),
		start(t).post("/orders", with("user_id", `"`+long+`"`)),
		start(t).post("/orders", with("items", `"`+long+`"`)),
		start(t).post("/orders", `{"`+long+`": 1, "`+long+`": 2}`),
		start(t).post("/orders", with("items", "["+strings.Repeat("{},", 20_000)+"{}]")),
		start(t).post("/orders", qty("1"+strings.Repeat("0", 20_000))),
		start(t).get("/orders?" + long + "=1"),
		start(t).get("/orders?limit=" + long),
		start(t).get("/orders?status=" + long),
		start(t).get("/orders?cursor=" + long),
		start(t).get("/orders/a?wait=" + long),
		start(t).get("/orders/" + long),
		start(t).get("/" + long),
		start(t).get("/records/" + long + "/a?number=1"),
		start(t).get("/queues/" + long + "/dead-letters"),
		start(t, withQueues(event.Order)).get("/queues/order/dead-letters/" + long),
		start(t).get("/inventory/" + long + "/ledger"),
		start(t).post("/orders", seedBody, "Idempotency-Key: "+long),
	} {
		if a.status < 400 || a.status > 499 || len(a.body) > 8000 {
			t.Errorf("%d with %d bytes: %.300s", a.status, len(a.body), a.body)
		}
	}
}

// Probes alone may ask for what they like.
func TestEveryOperationTellsThatItsQueryIsStrict(t *testing.T) {
	s := start(t, withEverything)
	for _, op := range allDocumented(t, s) {
		if op.ID == "livez" || op.ID == "readyz" {
			continue
		}
		for query, status := range map[string]int{"?%zz": 400, "?unknown=1": 422} {
			s.do(op.method, op.path+query, "").problem(t, status)
			if _, told := op.Responses[fmt.Sprint(status)]; !told {
				t.Errorf("%s: %d is not told of", op.ID, status)
			}
		}
	}
}

func TestQueriesAreStrict(t *testing.T) {
	tests := []struct {
		target   string
		status   int
		location string
	}{
		{"/orders?foo=1", 422, "query.foo"},
		{"/orders?limit=0", 422, "query.limit"},
		{"/orders?limit=201", 422, "query.limit"},
		{"/orders?limit=-1", 422, "query.limit"},
		{"/orders?limit=1.0", 422, "query.limit"},
		{"/orders?limit=1e2", 422, "query.limit"},
		{"/orders?limit=99999999999999999999", 422, "query.limit"},
		{"/orders?limit=1&limit=2", 422, "query.limit"},
		{"/orders?status=pending", 422, "query.status"},
		{"/orders?Limit=1", 422, "query.Limit"},
		{"/orders?a&limit=5", 422, "query.a"},
		{"/orders?limit", 200, ""},
		{"/orders?limit=%zz", 400, "query"},
		{"/orders?a;b=1", 400, "query"},
		{"/orders?user_id=%ff%00", 200, ""},
		{"/orders?%ff=1", 422, "query.\ufffd"},
		{"/orders?user_id=" + strings.Repeat("u", 129), 422, "query.user_id"},
		{"/orders?cursor=!", 400, "query.cursor"},
		{"/orders/a?wait=10", 422, "query.wait"},
		{"/orders/a?wait=61s", 422, "query.wait"},
		{"/orders/a?wait=-1s", 422, "query.wait"},
		{"/orders/a?wait=soon", 422, "query.wait"},
		{"/orders/a?limit=1", 422, "query.limit"},
		{"/inventory?user_id=u", 422, "query.user_id"},
		{"/inventory?limit=201", 422, "query.limit"},
		{"/inventory?cursor=QQ", 400, "query.cursor"},
		{"/livez?verbose=1", 200, ""},
		{"/livez?a&a=%zz;b", 200, ""},
		{"/readyz?x=1", 200, ""},
		{"/docs?x", 200, ""},
		{"/metrics?x", 200, ""},
		{"/orders?user_id=&status=&limit=&cursor=", 200, ""},
	}
	s := start(t, func(c *api.Config) { c.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) })
	for _, test := range tests {
		a := s.get(test.target)
		if a.status != test.status {
			t.Errorf("%s: %d, want %d: %s", test.target, a.status, test.status, a.body)
		} else if test.location != "" {
			if p := a.problem(t, test.status); len(p.Errors) == 0 || p.Errors[0].Location != test.location {
				t.Errorf("%s: no location %q in %s", test.target, test.location, a.body)
			}
		}
	}
	s.post("/orders?dry_run=1", seedBody).problem(t, 422)
	if len(s.stored()) > 0 {
		t.Error("an order with an unknown parameter was stored")
	}
}

func TestAbsurdHeadersAreNoFaultOfOurs(t *testing.T) {
	s := start(t)
	s.place("a")
	s.stock("A123", 1)
	for _, name := range []string{"Accept", "If-None-Match", "If-Match", "Accept-Encoding", "Range", "Expect", "Cookie", "Origin", "X-Forwarded-Host"} {
		for _, value := range []string{"a;,b", ";q=", ",,,", `"`, `W/`, "\x80\xff", strings.Repeat("a,", 10_000)} {
			for _, target := range []string{"/orders/a", "/inventory/A123", "/orders", "/docs"} {
				if a := s.get(target, name+": "+value); a.status != 200 {
					t.Errorf("%s with %s %.20q: %d", target, name, value, a.status)
				}
			}
		}
	}
}
