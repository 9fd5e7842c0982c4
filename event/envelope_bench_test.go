package event_test

import (
	"strconv"
	"testing"

	"holdfast/event"
)

// stockReserved is a StockReserved of one line, the largest event of the usual way.
func stockReserved(number int) event.Event {
	price := event.Money{Amount: 1999, Currency: "USD"}
	e := event.New(event.StockReserved, event.Ref{OrderID: "order-" + strconv.Itoa(number), Number: int64(number)}, noon)
	e.Lines, e.Total, e.ReservedAt = []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}, price, noon
	return e
}

// BenchmarkEncode writes one event as a queue between processes carries it.
func BenchmarkEncode(b *testing.B) {
	e := stockReserved(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecode reads one event that came through a queue between processes.
func BenchmarkDecode(b *testing.B) {
	text, err := stockReserved(1).Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if e := event.Decode(text); e.Unread != nil {
			b.Fatal(e.Check())
		}
	}
}
