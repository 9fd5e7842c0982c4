package main

import (
	"slices"
	"testing"
	"time"

	"holdfast/api/client"
)

// An order may come all its way within a millisecond, which is all that its stores
// tell of time.
func TestATimelineWithinAMillisecondIsInOrder(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var told []string
	for _, s := range steps(client.Timeline{
		Reservation: &client.Reservation{State: "RELEASED(declined)", HeldAt: &at, UpdatedAt: at.Add(time.Millisecond)},
		Payment:     &client.Payment{State: "REFUNDING", UpdatedAt: at},
		Remembered: []client.Remembered{
			{At: at, Service: "order", Kind: "received", Event: "StockSettled"},
			{At: at, Service: "payment", Kind: "called", Op: "capture", Outcome: "unknown", TookMS: 12.5, Detail: "no answer"},
			{At: at, Service: "payment", Kind: "received", Event: "StockReserved", Count: 2},
		},
		Order: client.Order{History: []client.Entry{{Status: "PENDING", At: at}, {Status: "CANCELLING", At: at}, {Status: "PAYMENT_FAILED", At: at, Reason: "card_declined"}}},
	}) {
		told = append(told, s.service+" "+s.known+" "+s.what)
	}
	want := []string{
		"order stored PENDING", "order stored CANCELLING", "inventory stored HELD", "payment stored REFUNDING", "payment remembered received StockReserved, delivery 2",
		"payment remembered asked the gateway to capture: unknown after 12.5 ms: no answer",
		"order remembered received StockSettled", "order stored PAYMENT_FAILED card_declined", "inventory stored RELEASED(declined)",
	}
	if !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}
