package ops

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"holdfast/api/client"
)

// order is the page of one order.
type order struct {
	client.Timeline
	Waiting   []string // what it is waiting for, in words
	Why       string   // why it ended as it did; empty where nothing needs explaining
	Steps     []step
	Folded    []step // those after the first few of Steps that are many and alike: the latest of them
	Left      int    // how many before them are left out
	Rest      []step // those after them
	MayCancel bool
	MayRefund bool
}

// step is a line of an order's timeline.
type step struct {
	At      time.Time
	Since   time.Duration // since the order was accepted
	Place   int           // on an order's way, for what happened at the same time; see client.Remembered.Place
	Service string
	Text    string
	Detail  string
	// Memory says that a process remembers it; it is in no store.
	Memory bool
}

func (p *Pages) order(r *http.Request, v viewer) (view, error) {
	t, err := v.Client.Timeline(r.Context(), r.PathValue("id"))
	if err != nil {
		return view{}, err
	}
	var gateway *client.Gateway
	if !ended(t.Order.Status) {
		gateway, _ = askGateway(r.Context(), v.Client) // without it less is explained
	}
	return view{Title: "Order " + t.Order.OrderID, Section: "Orders", Body: newOrder(t, gateway), Live: orderPath(t.Order.OrderID)}, nil
}

func newOrder(t client.Timeline, gateway *client.Gateway) order {
	o := order{
		Timeline: t, Waiting: waiting(t, gateway),
		MayCancel: t.Order.Status == "PENDING" || t.Order.Status == "RESERVED",
		MayRefund: t.Order.Status == "COMPLETED",
	}
	if t.Order.Reason != "" {
		o.Why = reason(t.Order.Reason)
	}
	o.Steps, o.Folded, o.Rest = fold(steps(t))
	o.Left = max(len(o.Folded)-mostFolded, 0)
	o.Folded = o.Folded[o.Left:]
	return o
}

func (p *Pages) cancel(r *http.Request, v viewer) (next, saying string, err error) {
	o, err := v.Client.Cancel(r.Context(), r.PathValue("id"))
	return orderPath(o.OrderID), "cancelled", err
}

func (p *Pages) refund(r *http.Request, v viewer) (next, saying string, err error) {
	o, err := v.Client.Refund(r.Context(), r.PathValue("id"), r.PostFormValue("restock") != "")
	return orderPath(o.OrderID), "refunded", err
}

// steps puts the three records and the processes' memories into one order of time.
func steps(t client.Timeline) []step {
	var all []step
	add := func(at time.Time, place int, service, text, detail string) {
		all = append(all, step{At: at, Since: at.Sub(t.Order.CreatedAt), Place: place, Service: service, Text: text, Detail: detail})
	}
	for _, e := range t.Order.History {
		why := ""
		if e.Reason != "" {
			why = reason(e.Reason)
		}
		place := 4
		if e.Status == "PENDING" || e.Status == "CANCELLING" || e.Status == "REFUNDING" {
			place = 0
		}
		add(e.At, place, "order", entered[e.Status], why)
	}
	if r := t.Reservation; r != nil {
		if r.HeldAt != nil {
			add(*r.HeldAt, 1, "inventory", "Stock held: "+itemWords(r.Items), "")
		}
		if r.State != "HELD" {
			add(r.UpdatedAt, 3, "inventory", reservationWords(*r), "")
		}
	}
	if pay := t.Payment; pay != nil {
		place := 3
		if atGateway(t) {
			place = 1
		}
		add(pay.UpdatedAt, place, "payment", paymentWords(*pay), "")
	}
	for _, m := range t.Remembered {
		add(m.At, m.Place(), m.Service, rememberedWords(m), m.Detail)
		all[len(all)-1].Memory = true
	}
	slices.SortStableFunc(all, func(a, b step) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Place, b.Place)) })
	return all
}

// How many steps are shown before and after those that are folded away.
const (
	firstSteps = 12
	lastSteps  = 10
	fewSteps   = 5  // are not worth folding
	mostFolded = 80 // of those folded away; a process remembers hundreds of an order
)

// fold takes the middle out of a long timeline: an order whose payment is asked for
// again and again has hundreds of steps that are alike. What a store holds stays.
func fold(all []step) (first, folded, rest []step) {
	begin, end := firstSteps, len(all)-lastSteps
	if end-begin < fewSteps {
		return all, nil, nil
	}
	for _, s := range all[begin:end] {
		if s.Memory {
			folded = append(folded, s)
		} else {
			rest = append(rest, s)
		}
	}
	return all[:begin], folded, append(rest, all[end:]...)
}

// entered are the steps of an order's history in words.
var entered = map[string]string{
	"PENDING":         "Order accepted",
	"RESERVED":        "Reserved: the stock is held, the payment begins",
	"COMPLETED":       "Order completed",
	"FAILED_NO_STOCK": "Order failed: no stock",
	"PAYMENT_FAILED":  "Order failed: the payment was declined",
	"CANCELLING":      "Cancel accepted",
	"CANCELLED":       "Order cancelled",
	"REFUNDING":       "Refund accepted",
	"REFUNDED":        "Order refunded",
}

func reservationWords(r client.Reservation) string {
	switch r.State {
	case "REJECTED":
		return "Hold refused: " + reason(r.Reason)
	case "SETTLED":
		return "Hold settled: the units are sold"
	case "RELEASED(declined)":
		return "Stock released: the payment was declined"
	case "RELEASED(voided)":
		if r.HeldAt == nil {
			return "Nothing was held; a late request to hold it will be refused"
		}
		return "Stock released: the payment was voided"
	case "RETURNED":
		if r.Restocked {
			return "Units returned, and on sale again"
		}
		return "Units returned, not put on sale again"
	}
	return "Reservation " + r.State
}

func paymentWords(p client.Payment) string {
	switch p.State {
	case "CHARGING":
		return "Charge of " + money(p.Amount) + " begun"
	case "CAPTURED":
		return "Payment of " + money(p.Amount) + " captured"
	case "DECLINED":
		return "Payment declined"
	case "VOIDING(client)":
		return "Voiding the charge, since the client cancelled"
	case "VOIDING(expired)":
		return "Voiding the charge, since the hold ended"
	case "VOIDED":
		if p.Amount.Currency == "" {
			return "Nothing was charged; a late charge will be refused"
		}
		return "Payment voided: nothing is charged"
	case "REFUNDING":
		return "Refund of " + money(p.Amount) + " begun"
	case "REFUNDED":
		return "Payment of " + money(p.Amount) + " refunded"
	}
	return "Payment " + p.State
}

// rememberedWords says what a process remembers.
func rememberedWords(m client.Remembered) string {
	switch m.Kind {
	case "received":
		return "Handled " + m.Event + often(" (received %s)", m.Count)
	case "called":
		took := ""
		if m.TookMS > 0 {
			took = " after " + duration(time.Duration(m.TookMS*float64(time.Millisecond)))
		}
		if m.Outcome == "held back" {
			return fmt.Sprintf("Did not ask the gateway to %s, since it does not answer others", m.Op)
		}
		if m.Outcome == "unknown" {
			return fmt.Sprintf("Asked the gateway to %s: no answer that can be trusted%s", m.Op, took)
		}
		return fmt.Sprintf("Asked the gateway to %s: %s%s", m.Op, m.Outcome, took)
	case "returned":
		return "Put " + m.Event + " back, to try again" + at(m.Next)
	case "dead":
		return m.Event + " could not be handled and is a dead letter"
	case "swept":
		return "Silent for long, so the sweeper asked again" + often(" (%s so far)", m.Count)
	}
	return m.Kind + " " + m.Event
}

// often says how often a thing was done, where that was more than once.
func often(format string, n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(format, plural(n, "time", "times"))
}

func at(t *time.Time) string {
	if t == nil {
		return ""
	}
	return " at " + t.UTC().Format("15:04:05")
}

// fewItems is how many lines of an order are named where it is one of many.
const fewItems = 3

// itemWords lists lines: 2 × A123, 1 × B456.
func itemWords(items []client.OrderLine) string {
	var parts []string
	for _, l := range items[:min(len(items), fewItems)] {
		parts = append(parts, count(l.Qty)+" × "+l.SKU)
	}
	if more := len(items) - fewItems; more > 0 {
		parts = append(parts, count(more)+" more")
	}
	return strings.Join(parts, ", ")
}
