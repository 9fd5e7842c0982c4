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

// outstanding is the hop that the order waits for.
func outstanding(t client.Timeline) string {
	if atGateway(t) {
		return asked(t)
	}
	payment := state(t.Payment)
	switch {
	case t.Order.Status == "REFUNDING" && payment != "REFUNDED":
		return "Payment is to begin the refund."
	case t.Order.Status == "REFUNDING":
		return "The money is given back; inventory is to book the units."
	case t.Order.Status == "CANCELLING" && payment == "VOIDED":
		return "Nothing is charged; inventory is to release the stock."
	case t.Order.Status == "CANCELLING":
		return "Payment is to take the charge back."
	case slices.Contains(t.Unanswered, "inventory"):
		return "An answer of inventory, which does not answer now."
	case t.Reservation == nil:
		return "Inventory is to hold the stock."
	case t.Reservation.State != "HELD":
		return "Inventory is done; the order service is to hear of it."
	case slices.Contains(t.Unanswered, "payment"):
		return "The stock is held. Payment does not answer now."
	case payment == "":
		return "The stock is held; payment is to begin the charge."
	case payment == "CAPTURED":
		return "It is paid; inventory is to settle the hold."
	}
	return "Payment is done; inventory is to release the stock."
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
	what, op := "Payment", "capture"
	switch state(t.Payment) {
	case "VOIDING(client)", "VOIDING(expired)":
		what, op = "Void of the payment", "void"
	case "REFUNDING":
		what, op = "Refund", "refund"
	}
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

// holdWords say until when the stock is held, where it is.
func holdWords(t client.Timeline) string {
	if t.Reservation == nil || t.Reservation.State != "HELD" {
		return ""
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
		text = fmt.Sprintf("Asked about again %s so far; next ", plural(t.Sweeps, "time", "times"))
	}
	if !t.DueAt.After(t.Now) {
		return text + "now."
	}
	return text + in(t.DueAt.Sub(t.Now)) + "."
}

// in says how long it is until something, to the second, and never none at all.
func in(d time.Duration) string { return "in " + duration(max(d.Round(time.Second), time.Second)) }
