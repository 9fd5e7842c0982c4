package event_test

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"holdfast/event"
)

// samples are one event of each type, filled as its service fills it: what the
// lines of testdata/version1.jsonl and version2.jsonl say.
func samples() []event.Event {
	price := func(amount int64) event.Money { return event.Money{Amount: amount, Currency: "USD"} }
	asked := []event.Line{{SKU: "A123", Qty: 2}, {SKU: "B-4.5_6", Qty: 1}}
	held := []event.Line{{SKU: "A123", Qty: 2, UnitPrice: price(1999)}, {SKU: "B-4.5_6", Qty: 1, UnitPrice: price(5)}}
	hold := event.Event{Lines: held, Total: price(4003), ReservedAt: noon.Add(-time.Second)}
	charge, pending := hold, hold
	charge.PaymentMethod, pending.Lines = "sim_slow", nil
	filled := []event.Event{
		{Type: event.OrderPlaced, Lines: asked, PaymentMethod: "sim_slow"},
		{Type: event.CancelRequestedClient},
		{Type: event.CancelRequestedExpired},
		{Type: event.RefundRequested, Restock: true},
		of(event.StockReserved, charge),
		{Type: event.StockRejected, Reason: "out_of_stock", Short: []event.Shortfall{{SKU: "A123", Qty: 2, Available: 1}}},
		of(event.StockSettled, hold),
		of(event.StockReleasedDeclined, hold),
		{Type: event.StockReleasedVoided},
		of(event.StockReturned, hold),
		of(event.PaymentPending, pending),
		{Type: event.PaymentCaptured},
		{Type: event.PaymentDeclined},
		{Type: event.PaymentVoided},
		{Type: event.PaymentRefunded, Restock: true},
	}
	for i := range filled {
		e := &filled[i]
		e.Version, e.At, e.Ref = event.Version, noon, event.Ref{OrderID: "01jd-4f.Z_9", Number: 1<<53 + 1}
	}
	return filled
}

func of(t event.Type, e event.Event) event.Event {
	e.Type = t
	return e
}

// golden are the texts of the samples as builds of a version write them, one a line.
func golden(t testing.TB, version int) [][]byte {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("testdata/version%d.jsonl", version))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(lines) != len(samples()) {
		t.Fatalf("version %d has %d texts, want one for each of %d types", version, len(lines), len(samples()))
	}
	return lines
}

func TestEveryVersionOfEveryEventIsRead(t *testing.T) {
	for version := 1; version <= event.Version; version++ {
		for i, text := range golden(t, version) {
			want := samples()[i]
			want.Version = version
			got := event.Decode(text)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("version %d of %s is read as\n%+v, want\n%+v", version, want.Type, got, want)
			}
			if err := got.Check(); err != nil || got.ID() != samples()[i].ID() {
				t.Errorf("version %d of %s: %v, id %s", version, want.Type, err, got.ID())
			}
		}
	}
}

func TestEventsAreWrittenInTheNewestVersion(t *testing.T) {
	for i, want := range golden(t, event.Version) {
		if got, err := samples()[i].Encode(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("written as\n%s, %v, want\n%s", got, err, want)
		}
	}
}
