package ops

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/api/client"
)

// waiting says what an order is waiting for, a sentence each; none if it has ended.
// It follows the flow: what the stores say tells the hop that is outstanding, what
// the processes remember tells how often it was tried and when it is tried next.
func waiting(t client.Timeline, gateway *client.Gateway) []string {
	if ended(t.Order.Status) {
		return nil
	}
	says := []string{outstanding(t)}
	if gateway != nil && atGateway(t) {
		says = append(says, gatewayWords(*gateway, t.Now)...)
	}
	if hold := holdWords(t); hold != "" {
		says = append(says, hold)
	}
	for _, service := range t.Unanswered {
		says = append(says, fmt.Sprintf("The %s service does not answer now, so what it knows of this order is missing here.", service))
	}
	if t.DueAt != nil {
		says = append(says, sweepWords(t))
	}
	return says
}

// outstanding is the hop that the order waits for. The money goes first: what payment
// says tells whether inventory is to act, and what inventory says whether it has.
func outstanding(t client.Timeline) string {
	payment, stock := state(t.Payment), ""
	if t.Reservation != nil {
		stock = t.Reservation.State
	}
	switch {
	case booked(t.Order.Status, stock):
		return "Inventory is done; the order service is to hear of it."
	case t.Order.Status == "REFUNDING":
		return refunding(t)
	case payment == "DECLINED" || payment == "VOIDED":
		return "Nothing is charged; inventory is to release the stock."
	case t.Order.Status == "CANCELLING" && !strings.HasPrefix(payment, "VOIDING"):
		return "Payment is to take the charge back."
	case atGateway(t):
		return asked(t)
	case payment == "CAPTURED":
		return "It is paid; inventory is to settle the hold."
	case slices.Contains(t.Unanswered, "inventory"):
		return "Inventory, which does not answer now."
	case stock == "HELD" && slices.Contains(t.Unanswered, "payment"):
		return "The stock is held. Payment does not answer now."
	case !t.HoldUntil.After(t.Now):
		return "The hold has ended; payment is to say whether the order was paid."
	case stock == "":
		return "Inventory is to hold the stock."
	}
	return "The stock is held; payment is to begin the charge."
}

// booked reports whether inventory has done the last that an order in this status needs.
func booked(status, stock string) bool {
	switch status {
	case "REFUNDING":
		return stock == "RETURNED"
	case "CANCELLING":
		return strings.HasPrefix(stock, "RELEASED")
	}
	return stock != "" && stock != "HELD"
}

func refunding(t client.Timeline) string {
	switch state(t.Payment) {
	case "REFUNDING":
		return asked(t)
	case "REFUNDED":
		return "The money is given back; inventory is to book the units."
	}
	return "Payment is to begin the refund."
}

func state(p *client.Payment) string {
	if p == nil {
		return ""
	}
	return p.State
}

// atGateway reports whether the gateway's answer is what the order waits for.
func atGateway(t client.Timeline) bool {
	s := state(t.Payment)
	return s == "CHARGING" || strings.HasPrefix(s, "VOIDING") || s == "REFUNDING"
}

// asked says how often the gateway was asked in vain, and when it is asked next.
func asked(t client.Timeline) string {
	what, op := call(t)
	vain, held, next := 0, false, (*time.Time)(nil)
	for _, m := range t.Remembered {
		switch {
		case m.Kind == "called" && m.Op == op && m.Outcome == "unknown":
			vain++
		case m.Kind == "called" && m.Op == op && m.Outcome == "held back":
			held = true
		case m.Kind == "called" && m.Op == op:
			vain, held, next = 0, false, nil
		case m.Kind == "returned" && m.Service == "payment":
			next = m.Next
		}
	}
	text := fmt.Sprintf("%s unknown: asked %s in vain", what, plural(vain, "time", "times"))
	switch {
	case vain == 0 && held:
		text = what + ": the gateway is not asked while it does not answer others"
	case vain == 0:
		return what + ": the gateway has been asked and has not answered yet."
	}
	if next != nil && next.After(t.Now) {
		return text + ", next " + in(next.Sub(t.Now)) + "."
	}
	return text + ", asking again now."
}

// call is what the gateway is asked for: in words, and the operation. What a void finds
// captured is refunded.
func call(t client.Timeline) (what, op string) {
	isRefund := func(m client.Remembered) bool { return m.Op == "refund" }
	switch s := state(t.Payment); {
	case s == "CHARGING":
		return "Payment", "capture"
	case s == "REFUNDING" || slices.ContainsFunc(t.Remembered, isRefund):
		return "Refund", "refund"
	}
	return "Void of the payment", "void"
}

// gatewayWords say what keeps the gateway from answering, as far as that is known.
func gatewayWords(g client.Gateway, now time.Time) []string {
	if g.OutageUntil != nil {
		return []string{fmt.Sprintf("The simulated gateway is unreachable until %s.", clock(*g.OutageUntil, now))}
	}
	for _, b := range g.Breakers {
		if b.State != "closed" { // half-open: one call is asked whether it answers again
			return []string{fmt.Sprintf("The gateway does not answer anybody who asks it to %s; it is tried every few seconds.", b.Operation)}
		}
	}
	return nil
}

// holdWords say until when the stock is held, where that is still open.
func holdWords(t client.Timeline) string {
	if t.Reservation == nil || t.Reservation.State != "HELD" || slices.Contains([]string{"CAPTURED", "DECLINED", "VOIDED"}, state(t.Payment)) {
		return ""
	}
	if t.Order.Status == "CANCELLING" {
		return "The stock stays held until it is certain that nothing is charged."
	}
	if t.HoldUntil.After(t.Now) {
		return "Stock held until " + clock(t.HoldUntil, t.Now) + "; unpaid by then, the order is cancelled and the stock goes back."
	}
	return "The hold ended at " + clock(t.HoldUntil, t.Now) + ". The stock stays held until it is certain that nothing is charged."
}

// sweepWords say when the order is asked about again, whatever was lost.
func sweepWords(t client.Timeline) string {
	text := "If a message was lost, it is sent again "
	if t.Sweeps > 0 {
		text = fmt.Sprintf("Silent for long: the sweeper has asked about it %s, and asks again ", plural(t.Sweeps, "time", "times"))
	}
	if !t.DueAt.After(t.Now) {
		return text + "now."
	}
	return text + in(t.DueAt.Sub(t.Now)) + "."
}

// in says how long it is until something, to the second, and never none at all.
func in(d time.Duration) string { return "in " + duration(max(d.Round(time.Second), time.Second)) }
