package ops

import (
	"math"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
)

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 12345: "12,345", 123456: "123,456", 5_000_000: "5,000,000", 1_000_000_000_000: "1,000,000,000,000",
		-1: "−1", -1000: "−1,000", -999_999: "−999,999", math.MinInt64: "−9,223,372,036,854,775,808",
	} {
		if got := count(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{5: "+5", 1500: "+1,500", 0: "0", -3: "−3"} {
		if got := signed(n); got != want {
			t.Errorf("%d with a sign is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 orders", 1: "1 order", 2: "2 orders", 1001: "1,001 orders"} {
		if got := plural(n, "order", "orders"); got != want {
			t.Errorf("%d orders are %q, want %q", n, got, want)
		}
	}
	for perSecond, want := range map[float64]string{0: "0", 0.1: "0.1", 9.96: "10.0", 9: "9", 10.4: "10", 14300: "14,300"} {
		if got := rate(perSecond); got != want {
			t.Errorf("%v a second is %q, want %q", perSecond, got, want)
		}
	}
}

func TestMoney(t *testing.T) {
	for want, m := range map[string]client.Money{
		"19.99 USD": {Amount: 1999, Currency: "USD"}, "0.05 EUR": {Amount: 5, Currency: "EUR"}, "10,000,000,000.00 USD": {Amount: 1e12, Currency: "USD"},
		"1,999 JPY": {Amount: 1999, Currency: "JPY"}, "1.999 KWD": {Amount: 1999, Currency: "KWD"}, "0.007 KWD": {Amount: 7, Currency: "KWD"},
		"0.1999 CLF": {Amount: 1999, Currency: "CLF"}, "0.01 XYZ": {Amount: 1, Currency: "XYZ"}, "–": {},
	} {
		if got := money(m); got != want {
			t.Errorf("%+v is %q, want %q", m, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	for want, spans := range map[string][]time.Duration{
		"0 s":         {-1, -time.Hour},
		"0 ms":        {0, time.Millisecond - 1},
		"1 ms":        {time.Millisecond, 2*time.Millisecond - 1},
		"999 ms":      {time.Second - 1},
		"1 s":         {time.Second},
		"2.5 s":       {2500 * time.Millisecond},
		"10 s":        {9990 * time.Millisecond, 10 * time.Second},
		"12 s":        {12*time.Second + 999*time.Millisecond},
		"119 s":       {2*time.Minute - 1},
		"2 min":       {2 * time.Minute},
		"119 min":     {2*time.Hour - 1},
		"2 h 0 min":   {2 * time.Hour},
		"47 h 59 min": {48*time.Hour - 1},
		"2 days":      {48 * time.Hour},
	} {
		for _, d := range spans {
			if got := duration(d); got != want {
				t.Errorf("%s is %q, want %q", d, got, want)
			}
		}
	}
	east := time.FixedZone("east", 3*60*60)
	if got := clock(nine.In(east), nine.Add(14*time.Hour).In(east)); got != "09:00:00" {
		t.Errorf("on the same day it is %q", got)
	}
	if got := clock(nine, nine.Add(15*time.Hour)); got != "2026-11-23 09:00:00" {
		t.Errorf("on another day it is %q", got)
	}
	if got := stamp(nine.Add(4 * time.Millisecond).In(east)); got != "2026-11-23T09:00:00.004Z" {
		t.Errorf("in full it is %q", got)
	}
}

// TestEveryCodeHasWords: those of the API's own enumerations, which may not be shown as
// they are.
func TestEveryCodeHasWords(t *testing.T) {
	for _, s := range statuses {
		if statusWords(s.Status) == s.Status || entered[s.Status] == "" {
			t.Errorf("%s has no words", s.Status)
		}
	}
	for _, state := range []string{"REJECTED", "SETTLED", "RELEASED(declined)", "RELEASED(voided)", "RETURNED"} {
		if words := reservationWords(client.Reservation{State: state}); strings.Contains(words, state) {
			t.Errorf("reservation %s is %q", state, words)
		}
	}
	for _, state := range []string{"CHARGING", "CAPTURED", "DECLINED", "VOIDING(client)", "VOIDING(expired)", "VOIDED", "REFUNDING", "REFUNDED"} {
		if words := paymentWords(client.Payment{State: state}); strings.Contains(words, state) {
			t.Errorf("payment %s is %q", state, words)
		}
	}
	for _, kind := range []string{"received", "called", "returned", "dead", "swept"} {
		if words := rememberedWords(client.Remembered{Kind: kind, Event: "X"}); strings.HasPrefix(words, kind) {
			t.Errorf("%s is %q", kind, words)
		}
	}
}

func TestItems(t *testing.T) {
	items := []client.OrderLine{{SKU: "A", Qty: 2}, {SKU: "B", Qty: 1000}, {SKU: "C", Qty: 1}, {SKU: "D", Qty: 1}, {SKU: "E", Qty: 1}}
	for n, want := range map[int]string{0: "", 1: "2 × A", 3: "2 × A, 1,000 × B, 1 × C", 4: "2 × A, 1,000 × B, 1 × C, 1 more", 5: "2 × A, 1,000 × B, 1 × C, 2 more"} {
		if got := itemWords(items[:n]); got != want {
			t.Errorf("%d lines are %q, want %q", n, got, want)
		}
	}
}

// TestStepsAreInOrder: by time, and in the same millisecond as the order goes.
func TestStepsAreInOrder(t *testing.T) {
	at := func(ms int) time.Time { return nine.Add(time.Duration(ms) * time.Millisecond) }
	order := client.Timeline{
		Order: client.Order{CreatedAt: at(0), History: []client.Entry{
			{Status: "PENDING", At: at(0)}, {Status: "RESERVED", At: at(2)}, {Status: "CANCELLING", At: at(5)}, {Status: "CANCELLED", At: at(9), Reason: "cancelled_by_client"},
		}},
		Reservation: &client.Reservation{State: "RELEASED(voided)", HeldAt: new(at(2)), UpdatedAt: at(8), Items: []client.OrderLine{{SKU: "A123", Qty: 2}, {SKU: "B456", Qty: 1000}}},
		Payment:     &client.Payment{State: "VOIDED", Amount: client.Money{Amount: 1999, Currency: "USD"}, UpdatedAt: at(7)},
		Remembered: []client.Remembered{
			{At: at(6), Service: "payment", Kind: "returned", Event: "CancelRequested", Next: new(at(6))},
			{At: at(6), Service: "payment", Kind: "called", Op: "void", Outcome: "voided", TookMS: 1.5},
		},
	}
	var got []string
	for _, s := range steps(order) {
		line := s.Service + " " + s.Since.String() + " " + s.Text
		if s.Memory {
			line += " (remembered)"
		}
		got = append(got, line)
	}
	want := `order 0s Order accepted
inventory 2ms Stock held: 2 × A123, 1,000 × B456
order 2ms Reserved: the stock is held, the payment begins
order 5ms Cancel accepted
payment 6ms Asked the gateway to void: voided after 1 ms (remembered)
payment 6ms Put CancelRequested back, to try again at 09:00:00 (remembered)
payment 7ms Payment voided: nothing is charged
inventory 8ms Stock released: the payment was voided
order 9ms Order cancelled`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("%s\nwant:\n%s", text, want)
	}
}
