package order_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/order"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newService() *order.Service {
	return &order.Service{Store: memory.New().Orders, Terms: order.Terms{Hold: 15 * time.Minute, Silence: 30 * time.Second}}
}

func request(change func(*order.Request)) order.Request {
	r := order.Request{Caller: "local", UserID: "test_user", Lines: []event.Line{{SKU: "A123", Qty: 1}}, NewID: "new"}
	if change != nil {
		change(&r)
	}
	return r
}

func place(t *testing.T, s *order.Service, r order.Request) order.Placed {
	t.Helper()
	placed, err := s.Place(t.Context(), noon, []order.Request{r})
	if err != nil {
		t.Fatal(err)
	}
	return placed[0]
}

func lines(n int) (all []event.Line) {
	for i := range n {
		all = append(all, event.Line{SKU: fmt.Sprintf("S%d", i), Qty: 1})
	}
	return all
}

func TestABadRequestNamesItsPlaceAndStoresNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*order.Request)
		place  string
	}{
		"no user":                  {func(r *order.Request) { r.UserID = "" }, "body.user_id"},
		"a user of 129 characters": {func(r *order.Request) { r.UserID = strings.Repeat("é", 129) }, "body.user_id"},
		"a user with a newline":    {func(r *order.Request) { r.UserID = "a\nb" }, "body.user_id"},
		"a user that is no UTF-8":  {func(r *order.Request) { r.UserID = "a\xff" }, "body.user_id"},
		"an order id with a slash": {func(r *order.Request) { r.OrderID = "a/b" }, "body.order_id"},
		"an order id of 65":        {func(r *order.Request) { r.OrderID = strings.Repeat("a", 65) }, "body.order_id"},
		"a method with a space":    {func(r *order.Request) { r.PaymentMethod = "a b" }, "body.payment_method"},
		"a key of 256":             {func(r *order.Request) { r.Key = strings.Repeat("k", 256) }, "header.Idempotency-Key"},
		"key and id that differ":   {func(r *order.Request) { r.Key, r.OrderID = "a", "b" }, "header.Idempotency-Key"},
		"no lines":                 {func(r *order.Request) { r.Lines = nil }, "body.items"},
		"51 lines":                 {func(r *order.Request) { r.Lines = lines(51) }, "body.items"},
		"no SKU":                   {func(r *order.Request) { r.Lines[0].SKU = "" }, "body.items[0].sku"},
		"quantity 0":               {func(r *order.Request) { r.Lines[0].Qty = 0 }, "body.items[0].qty"},
		"quantity -1":              {func(r *order.Request) { r.Lines[0].Qty = -1 }, "body.items[0].qty"},
		"quantity 10,001":          {func(r *order.Request) { r.Lines[0].Qty = 10_001 }, "body.items[0].qty"},
		"a sum past the bound":     {func(r *order.Request) { r.Lines = []event.Line{{SKU: "A", Qty: 9_999}, {SKU: "A", Qty: 2}} }, "body.items[1].qty"},
		"a sum past 63 bits":       {func(r *order.Request) { r.Lines = []event.Line{{SKU: "A", Qty: 1}, {SKU: "A", Qty: math.MaxInt64}} }, "body.items[1].qty"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService()
			p := place(t, s, request(c.change))
			var bad *event.Error
			if !errors.As(p.Err, &bad) || bad.Code != event.Invalid || len(bad.Fields) == 0 || bad.Fields[0].Location != c.place {
				t.Errorf("Place: %+v, want Invalid at %s", p.Err, c.place)
			}
			if stored, err := s.Store.Scan(t.Context(), 0, 1); err != nil || len(stored) > 0 {
				t.Errorf("stored %v, %v", stored, err)
			}
			if mended := place(t, s, request(nil)); mended.Err != nil || !mended.New {
				t.Errorf("the mended request: %+v", mended)
			}
		})
	}
}

func TestTheBoundsThemselvesAreAccepted(t *testing.T) {
	for name, change := range map[string]func(*order.Request){
		"a user of 128":   func(r *order.Request) { r.UserID = strings.Repeat("é", 128) },
		"a key of 255":    func(r *order.Request) { r.Key = strings.Repeat("k", 255) },
		"50 lines":        func(r *order.Request) { r.Lines = lines(50) },
		"60 merged to 30": func(r *order.Request) { r.Lines = append(lines(30), lines(30)...) },
		"10,000 of a SKU": func(r *order.Request) { r.Lines = []event.Line{{SKU: "A", Qty: 9_999}, {SKU: "A", Qty: 1}} },
		"key equal to id": func(r *order.Request) { r.Key, r.OrderID = "a", "a" },
	} {
		t.Run(name, func(t *testing.T) {
			if p := place(t, newService(), request(change)); p.Err != nil || !p.New {
				t.Errorf("Place: %+v", p)
			}
		})
	}
}

func TestTheSameRequestIsTheSameOrder(t *testing.T) {
	withKey := func(more func(*order.Request)) order.Request {
		return request(func(r *order.Request) {
			r.Key = "k"
			r.Lines = []event.Line{{SKU: "A", Qty: 1}, {SKU: "B", Qty: 2}}
			if more != nil {
				more(r)
			}
		})
	}
	s := newService()
	first := place(t, s, withKey(nil))
	for name, c := range map[string]struct {
		change func(*order.Request)
		err    error
	}{
		"again":                   {},
		"with another line order": {change: func(r *order.Request) { r.Lines[0], r.Lines[1] = r.Lines[1], r.Lines[0] }},
		"with a line split": {change: func(r *order.Request) {
			r.Lines = append(r.Lines[:1:1], event.Line{SKU: "B", Qty: 1}, event.Line{SKU: "B", Qty: 1})
		}},
		"with another quantity":  {change: func(r *order.Request) { r.Lines[0].Qty = 2 }, err: event.Mismatch},
		"with another user":      {change: func(r *order.Request) { r.UserID = "other" }, err: event.Mismatch},
		"with another method":    {change: func(r *order.Request) { r.PaymentMethod = "sim_slow" }, err: event.Mismatch},
		"its id, another caller": {change: func(r *order.Request) { r.Caller, r.Key, r.OrderID = "other", "", first.Order.OrderID }, err: event.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			p := place(t, s, withKey(c.change))
			switch {
			case c.err != nil && !errors.Is(p.Err, c.err):
				t.Errorf("Place: %v, want %v", p.Err, c.err)
			case c.err == nil && (p.Err != nil || p.New || p.Order.OrderID != first.Order.OrderID || p.Send.Type != ""):
				t.Errorf("Place: %+v, want a replay that sends nothing", p)
			}
		})
	}
}

func TestOneKeyOfTwoCallersIsTwoOrders(t *testing.T) {
	s := newService()
	mine := place(t, s, request(func(r *order.Request) { r.Key = "k" }))
	theirs := place(t, s, request(func(r *order.Request) { r.Key, r.Caller = "k", "other" }))
	if !mine.New || !theirs.New || mine.Order.OrderID == theirs.Order.OrderID {
		t.Errorf("orders %+v and %+v", mine, theirs)
	}
}

func TestOneBadRequestInABatchSparesTheOthers(t *testing.T) {
	s := newService()
	placed, err := s.Place(t.Context(), noon, []order.Request{
		request(func(r *order.Request) { r.OrderID = "a" }),
		request(func(r *order.Request) { r.UserID = "" }),
		request(func(r *order.Request) { r.OrderID = "b" }),
	})
	if err != nil || !placed[0].New || placed[1].Err == nil || !placed[2].New || placed[2].Order.OrderID != "b" {
		t.Errorf("%+v, %v", placed, err)
	}
}
