package order_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"holdfast/event"
	"holdfast/order"
)

// TestAProblemShowsWhatWasSent: each offending place has its bound in words, and
// the value where that is no secret.
func TestAProblemShowsWhatWasSent(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*order.Request)
		says   string
		value  any
	}{
		"a user":      {func(r *order.Request) { r.UserID = "a\nb" }, "1 to 128 printable", "a\nb"},
		"an order id": {func(r *order.Request) { r.OrderID = "a/b" }, event.NamePattern, "a/b"},
		"a method":    {func(r *order.Request) { r.PaymentMethod = "4111 1111" }, order.MethodPattern, nil},
		"a key":       {func(r *order.Request) { r.Key = strings.Repeat("k", 256) }, "at most 255", nil},
		"a SKU":       {func(r *order.Request) { r.Lines[0].SKU = "a b" }, event.NamePattern, "a b"},
		"a quantity":  {func(r *order.Request) { r.Lines[0].Qty = 10_001 }, "from 1 to 10000", int64(10_001)},
		"a sum":       {func(r *order.Request) { r.Lines = []event.Line{{SKU: "A", Qty: 9_999}, {SKU: "A", Qty: 3}} }, "brings A to 10002; at most 10000", int64(3)},
		"no lines":    {func(r *order.Request) { r.Lines = nil }, "1 to 50 lines", nil},
		"two ids":     {func(r *order.Request) { r.Key, r.OrderID = "a", "b" }, "equal body.order_id", nil},
	} {
		p := place(t, newService(), request(c.change))
		var bad *event.Error
		if !errors.As(p.Err, &bad) || len(bad.Fields) != 1 || bad.Detail == "" {
			t.Errorf("%s: %+v, want one place", name, p.Err)
			continue
		}
		if f := bad.Fields[0]; !strings.Contains(f.Message, c.says) || f.Value != c.value {
			t.Errorf("%s: %+v, want %q and %v", name, f, c.says, c.value)
		}
	}
}

// TestEachLineHasOneProblemAtMost: what is wrong with a line is not held against
// those after it.
func TestEachLineHasOneProblemAtMost(t *testing.T) {
	for name, c := range map[string]struct {
		lines []event.Line
		want  []string // the beginning of each problem's message
	}{
		"SKU and quantity":       {[]event.Line{{SKU: "a b", Qty: 0}}, []string{"must match"}},
		"a quantity, then not":   {[]event.Line{{SKU: "A", Qty: 10_001}, {SKU: "A", Qty: 1}}, []string{"must be a whole number"}},
		"a sum, and then more":   {[]event.Line{{SKU: "A", Qty: 9_999}, {SKU: "A", Qty: 3}, {SKU: "A", Qty: 1}}, []string{"brings A to 10002", "brings A to 10001"}},
		"the most, and one more": {[]event.Line{{SKU: "A", Qty: 10_000}, {SKU: "B", Qty: 10_000}, {SKU: "B", Qty: 1}}, []string{"brings B to 10001"}},
	} {
		p := place(t, newService(), request(func(r *order.Request) { r.Lines = c.lines }))
		var bad *event.Error
		if !errors.As(p.Err, &bad) || len(bad.Fields) != len(c.want) {
			t.Errorf("%s: %+v, want %d problems", name, p.Err, len(c.want))
			continue
		}
		for i, f := range bad.Fields {
			if !strings.HasPrefix(f.Message, c.want[i]) {
				t.Errorf("%s: problem %d is %q, want %q", name, i, f.Message, c.want[i])
			}
		}
	}
}

// TestARequestsPartsDoNotRunIntoOneAnother: what moves from the end of one to the
// beginning of the next makes another request.
func TestARequestsPartsDoNotRunIntoOneAnother(t *testing.T) {
	s := newService()
	ask := func(user, method, sku string) error {
		return place(t, s, request(func(r *order.Request) {
			r.Key, r.UserID, r.PaymentMethod = "k", user, method
			r.Lines[0].SKU = sku
		})).Err
	}
	if err := ask("ann", "card", "A1"); err != nil {
		t.Fatal(err)
	}
	for _, other := range [][3]string{{"annc", "ard", "A1"}, {"ann", "cardA", "1"}, {"ann", "car", "dA1"}} {
		if err := ask(other[0], other[1], other[2]); !errors.Is(err, event.Mismatch) {
			t.Errorf("%v is taken for the first request: %v", other, err)
		}
	}
}

// TestWhatWasStoredIsKnownAgain: an id made of a key and the hash of a request's
// meaning are compared with what older builds stored, so they never change.
func TestWhatWasStoredIsKnownAgain(t *testing.T) {
	o := place(t, newService(), request(func(r *order.Request) {
		r.Key, r.PaymentMethod = "k-1", "card"
		r.Lines = []event.Line{{SKU: "B", Qty: 300}, {SKU: "A", Qty: 2}}
	})).Order
	if want := "w6drfebdpa5uwqlpazi4rkytrm"; o.OrderID != want {
		t.Errorf("the id is %s, want %s", o.OrderID, want)
	}
	if got, want := hex.EncodeToString(o.Fingerprint[:]), "ebc63f3a2565cf9fc6333f401ae35401"; got != want {
		t.Errorf("the fingerprint is %s, want %s", got, want)
	}
}

// TestARefusalNamesWhatTheRequestWasKnownBy: its key, or the order id in its body.
func TestARefusalNamesWhatTheRequestWasKnownBy(t *testing.T) {
	s := newService()
	for location, change := range map[string]func(*order.Request){
		"header.Idempotency-Key": func(r *order.Request) { r.Key = "k" },
		"body.order_id":          func(r *order.Request) { r.OrderID = "o" },
	} {
		if p := place(t, s, request(change)); p.Err != nil {
			t.Fatal(p.Err)
		}
		p := place(t, s, request(func(r *order.Request) { change(r); r.UserID = "other" }))
		var bad *event.Error
		if !errors.As(p.Err, &bad) || bad.Code != event.Mismatch || bad.Fields[0].Location != location || !strings.Contains(bad.Detail, "use a new key") {
			t.Errorf("%s: %+v", location, p.Err)
		}
	}
}

func TestABatchOfBadRequestsAsksNothingOfTheStore(t *testing.T) {
	s := newService()
	s.Store = nil
	placed, err := s.Place(t.Context(), noon, []order.Request{{}, {}})
	if err != nil || len(placed) != 2 || placed[0].Err == nil || placed[1].Err == nil {
		t.Errorf("%+v, %v", placed, err)
	}
}
