package event_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"holdfast/event"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.UTC)

func TestAnOrdersTraceIsItsOwnAndAlwaysTheSame(t *testing.T) {
	if got := event.TraceID("o1"); got != "2352da7280f1decc3acf1ba84eb945c9" {
		t.Errorf("the trace of o1 is %s; other processes and builds know it otherwise", got)
	}
	if event.TraceID("o1") == event.TraceID("o2") {
		t.Error("two orders have one trace")
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
