package api

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	wire "holdfast/api/client"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

// milliseconds is RFC 3339 with exactly three digits of a second.
const milliseconds = "2006-01-02T15:04:05.000Z07:00"

// renderers are the renderings of the 202 of POST /orders, by their version. A
// repeat must get the bytes that the first request got, however old: so a
// renderer that has shipped is never changed, and reads nothing of an order that
// changes. A new form is a new version, named in order.Rendering.
var renderers = map[int]func(order.Order) []byte{1: render1}

// render writes the 202 of an order in the version that the order was accepted with.
func render(o order.Order) ([]byte, error) {
	r, ok := renderers[o.Rendering]
	if !ok {
		return nil, fmt.Errorf("order %s has rendering %d, which this build does not know", o.OrderID, o.Rendering)
	}
	return r(o), nil
}

func render1(o order.Order) []byte {
	b := make([]byte, 0, 256)
	quote := func(before, s string) {
		// The error is of ill-formed UTF-8, which validation keeps out.
		b, _ = jsontext.AppendQuote(append(b, before...), s)
	}
	quote(`{"order_id":`, o.OrderID)
	quote(`,"status":"PENDING","user_id":`, o.UserID)
	separator := `,"items":[{"sku":`
	for _, l := range o.Lines {
		quote(separator, l.SKU)
		b = append(b, `,"qty":`...)
		b = append(strconv.AppendInt(b, l.Qty, 10), '}')
		separator = `,{"sku":`
	}
	b = append(b, `],"created_at":"`...)
	// Not the constant milliseconds: should that change, this must not.
	b = o.CreatedAt().UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	return append(b, "\"}\n"...)
}

// format is how all other bodies are written: huma's own would give times as
// many digits as they happen to have.
var format = huma.Format{Marshal: func(w io.Writer, v any) error {
	text, err := marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}}

var encoding = json.JoinOptions(
	// What a client sent may come back in an error, and must not break it.
	jsontext.AllowInvalidUTF8(true),
	// A dead letter is shown as it was received.
	jsontext.AllowDuplicateNames(true),
	// The same is written in the same words, maps too.
	json.Deterministic(true),
	json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, t time.Time) error {
		b := append(e.AvailableBuffer(), '"')
		b = t.UTC().AppendFormat(b, milliseconds)
		return e.WriteValue(append(b, '"'))
	})),
)

func marshal(v any) ([]byte, error) {
	text, err := json.Marshal(v, encoding)
	return append(text, '\n'), err
}

func wireOrder(o order.Order) wire.Order {
	w := wire.Order{
		OrderID: o.OrderID, UserID: o.UserID, Status: string(o.Status), Reason: o.Reason,
		Items: wireLines(o.Lines), Total: wire.Money(o.Total),
		PaymentMethod: o.PaymentMethod, Version: o.Version(), CreatedAt: o.CreatedAt(), UpdatedAt: o.UpdatedAt(),
		History: make([]wire.Entry, len(o.History)),
	}
	for _, s := range o.Short {
		w.Shortfall = append(w.Shortfall, wire.Shortfall(s))
	}
	for i, e := range o.History {
		w.History[i] = wire.Entry{Status: string(e.Status), At: e.At, Reason: e.Reason}
	}
	return w
}

func wireLines(lines []event.Line) []wire.OrderLine {
	w := make([]wire.OrderLine, len(lines))
	for i, l := range lines {
		w[i] = wire.OrderLine{SKU: l.SKU, Qty: l.Qty, UnitPrice: wire.Money(l.UnitPrice)}
	}
	return w
}

func wireStock(s inventory.Stock) wire.Stock {
	return wire.Stock{
		SKU: s.SKU, Available: s.Available, Reserved: s.Reserved, Sold: s.Sold, OnHand: s.OnHand(),
		Price: wire.Money(s.Price), UpdatedAt: s.UpdatedAt,
	}
}
