package event_test

import (
	"slices"
	"testing"

	"holdfast/event"
)

func TestTheCellsOfATableHaveNamesInOrder(t *testing.T) {
	want := []event.CellName{
		{Message: event.OrderPlaced, State: ""},
		{Message: event.OrderPlaced, State: "green"},
		{Message: event.PaymentCaptured, State: "green"},
		{Message: event.PaymentCaptured, State: "red"},
		{Message: event.PaymentVoided, State: "green"},
		{Message: event.StockReserved, State: ""},
		{Message: event.StockReserved, State: "green"},
		{Message: event.StockReserved, State: "red"},
	}
	for range 10 { // a map has no order of its own
		if got := lights.Names(); !slices.Equal(got, want) {
			t.Fatalf("the cells are %v, want %v", got, want)
		}
	}
}
