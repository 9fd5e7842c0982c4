package event_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast/event"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.UTC)

func full() event.Event {
	e := event.New(event.StockReleasedVoided, event.Ref{OrderID: "o1", Number: 7}, noon)
	e.Lines = []event.Line{{SKU: "A123", Qty: 2, UnitPrice: event.Money{Amount: 1999, Currency: "USD"}}}
	e.PaymentMethod, e.Total, e.ReservedAt = "sim_approve", event.Money{Amount: 3998, Currency: "USD"}, noon
	e.Reason, e.Short, e.Restock = "out_of_stock", []event.Shortfall{{SKU: "A123", Qty: 2, Available: 1}}, true
	return e
}

func TestTheEnvelopeIsCloudEventsAndKeepsEveryField(t *testing.T) {
	text, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	var envelope map[string]any
	if err := json.Unmarshal(text, &envelope); err != nil {
		t.Fatal(err)
	}
	for attribute, want := range map[string]any{
		"specversion": "1.0", "id": "o1:StockReleased(voided)", "source": "/holdfast/inventory", "type": "holdfast.StockReleased",
		"cause": "voided", "eventversion": 1.0, "subject": "o1", "time": "2026-11-23T12:00:00.005Z", "datacontenttype": "application/json",
	} {
		if envelope[attribute] != want {
			t.Errorf("%s is %v, want %v", attribute, envelope[attribute], want)
		}
	}
	var back event.Event
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, full()) {
		t.Errorf("read back as %+v, %v", back, err)
	}
}

func TestAnEventOfATypeOrVersionThatNobodyReadsIsKept(t *testing.T) {
	for _, text := range []string{
		`{"specversion":"1.0","id":"o1:StockSettled","source":"/holdfast/inventory","type":"holdfast.StockSettled","eventversion":9,"subject":"o1","time":"2026-11-23T12:00:00.005Z","datacontenttype":"application/json","data":{"new":"field","total":"as text"}}`,
		`{"specversion":"1.0","id":"o1:StockEaten(mice)","source":"/holdfast/inventory","type":"holdfast.StockEaten","cause":"mice","eventversion":1,"subject":"o1","time":"2026-11-23T12:00:00.005Z","datacontenttype":"application/json","data":{"by":3}}`,
	} {
		var e event.Event
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.OrderID != "o1" {
			t.Fatalf("%+v, %v", e, err)
		}
		if again, err := json.Marshal(e); err != nil || string(again) != text {
			t.Errorf("written again as\n%s, %v, read from\n%s", again, err, text)
		}
	}
}

func TestWhatIsNoEnvelopeOfOursIsRefused(t *testing.T) {
	for _, text := range []string{`{}`, `[]`, `"x"`, `{"specversion":"1.0","type":"other.Thing"}`, `{"specversion":"0.3","type":"holdfast.OrderPlaced"}`, `{"specversion":"1.0","type":"holdfast."}`} {
		var e event.Event
		if err := json.Unmarshal([]byte(text), &e); !errors.Is(err, event.UnknownEvent) {
			t.Errorf("%s: %v, want UnknownEvent", text, err)
		}
	}
}

func TestTheSameEventSentAgainHasTheSameID(t *testing.T) {
	again := full()
	again.At = noon.Add(time.Hour)
	other := full()
	other.Type = event.StockReleasedDeclined
	if full().ID() != again.ID() || full().ID() == other.ID() {
		t.Errorf("ids: %s, %s, %s", full().ID(), again.ID(), other.ID())
	}
}

func TestTotal(t *testing.T) {
	line := func(qty, price int64, currency string) event.Line {
		return event.Line{SKU: "A", Qty: qty, UnitPrice: event.Money{Amount: price, Currency: currency}}
	}
	for name, c := range map[string]struct {
		lines []event.Line
		want  int64
		err   error
	}{
		"a sum":               {lines: []event.Line{line(2, 1999, "USD"), line(1, 2, "USD")}, want: 4000},
		"two currencies":      {lines: []event.Line{line(1, 1, "USD"), line(1, 1, "EUR")}, err: event.MixedCurrency},
		"as much as fits":     {lines: []event.Line{line(1, math.MaxInt64-1, "USD"), line(1, 1, "USD")}, want: math.MaxInt64},
		"a sum too large":     {lines: []event.Line{line(1, math.MaxInt64, "USD"), line(1, 1, "USD")}, err: event.Invalid},
		"a product too large": {lines: []event.Line{line(3, math.MaxInt64/2, "USD")}, err: event.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := event.Total(c.lines)
			if got.Amount != c.want || c.err != nil && !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("Total = %v, %v; want %d, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestQueuesRefuseAnEventWithoutAReader(t *testing.T) {
	err := event.Queues{}.Send(t.Context(), []event.Event{{Type: event.GatewayCaptured}})
	if !errors.Is(err, event.UnknownEvent) || !strings.Contains(err.Error(), "gateway") {
		t.Errorf("Send = %v, want UnknownEvent naming the type", err)
	}
}
