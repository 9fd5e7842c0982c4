package api_test

import (
	"net/http"
	"strings"
	"testing"

	"holdfast/api/client"
)

// FuzzIdempotencyKey sends one order under two keys of any bytes, in two requests
// and in one: keys that are the same as the server reads them make one order, with
// one answer; others make two; what is no key makes none, and a problem.
func FuzzIdempotencyKey(f *testing.F) {
	long := strings.Repeat("k", 255)
	for _, pair := range [][2]string{
		{"checkout-42", `"checkout-42"`}, {"a", "b"}, {"a", "A"}, {`"`, `""`}, {`"a`, "a"}, {`""a""`, `"a"`}, {"", `" "`}, {" a", "a"}, {"a ", "a"}, {"a,b", "a"},
		{long, `"` + long + `"`}, {long + "k", long}, {"é", "e"}, {"\xff", "\x00"}, {"a\tb", "a b"}, {`W/"a"`, `"a"`}, {`'a'`, "a"}, {"order-1", "order-2"},
	} {
		f.Add(pair[0], pair[1])
	}
	s := start(f)
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, together := range []bool{false, true} {
			s.reset(t)
			s.wantOrdersUnder(t, first, second, together)
		}
	})
}

// keyRead is the key that a header's value means; false: none.
func keyRead(value string) (string, bool) {
	if len(value) > 1 && strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) {
		value = strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
	}
	for _, b := range []byte(value) {
		if b < 0x20 || b > 0x7e {
			return "", false
		}
	}
	return value, len(value) > 0 && len(value) < 256
}

// wantOrdersUnder posts under both keys and wants the orders that they mean.
func (s *server) wantOrdersUnder(t *testing.T, first, second string, together bool) {
	a, aGood := keyRead(first)
	b, bGood := keyRead(second)
	if together {
		wantPlaced(t, s.postUnder(first, second), aGood && bGood && a == b, false)
		return
	}
	one := s.postUnder(first)
	wantPlaced(t, one, aGood, false)
	two := s.postUnder(second)
	wantPlaced(t, two, bGood, aGood && a == b)
	orders := map[string]bool{}
	for _, o := range s.stored() {
		orders[o.OrderID] = true
	}
	want := map[string]bool{}
	for value, good := range map[string]bool{a: aGood, b: bGood} {
		if good {
			want[value] = true
		}
	}
	if len(orders) != len(want) || len(want) == 1 && aGood && bGood && one.body != two.body {
		t.Fatalf("keys %q and %q made %d orders: %s, then %s", first, second, len(orders), one.body, two.body)
	}
}

func (s *server) postUnder(values ...string) answer {
	r := newRequest(http.MethodPost, "/orders", seedBody, jsonType)
	r.Header["Idempotency-Key"] = values
	return s.serve(r)
}

// wantPlaced wants an order, placed now or before, or else a problem of the header.
func wantPlaced(t *testing.T, a answer, good, before bool) {
	t.Helper()
	if !good {
		if p := a.problem(t, http.StatusUnprocessableEntity); len(p.Errors) != 1 || p.Errors[0].Location != "header.Idempotency-Key" {
			t.Fatalf("refused for another reason: %s", a.body)
		}
		return
	}
	a.want(t, http.StatusAccepted)
	read[client.Accepted](t, a)
	if replayed := a.header.Get("Idempotent-Replayed") == "true"; replayed != before {
		t.Fatalf("replayed: %t, placed before: %t", replayed, before)
	}
}
