package ops

import (
	"fmt"
	"slices"
	"time"

	"holdfast/api/client"
)

// alert is something that needs a person, in words.
type alert struct {
	Text     string
	Link     string // where to see to it; may be empty
	LinkText string
}

// tooOld is how long a message may wait before somebody should know.
const tooOld = time.Minute

// attention lists what needs a person, the worst first.
func attention(h health) []alert {
	all := append(overdue(h.overview), gatewayAlerts(h)...)
	for _, q := range h.queues {
		all = append(all, queueAlerts(q)...)
	}
	return append(all, h.silent...)
}

func overdue(o client.Overview) []alert {
	if o.OverdueCount == 0 || len(o.Overdue) == 0 {
		return nil
	}
	first := o.Overdue[0]
	text := fmt.Sprintf("%s should have ended long ago and has not; it is asked about again and again.", plural(o.OverdueCount, "order", "orders"))
	if o.OverdueCount > 1 {
		text = fmt.Sprintf("%s orders should have ended long ago and have not; they are asked about again and again.", count(o.OverdueCount))
	}
	return []alert{{Text: text, Link: "/ops/orders/" + first.OrderID, LinkText: "See why the oldest waits"}}
}

func gatewayAlerts(h health) []alert {
	if h.gateway == nil {
		return nil
	}
	if until := h.gateway.OutageUntil; until != nil {
		return []alert{{Text: fmt.Sprintf(
			"The simulated gateway is unreachable until %s, because somebody asked for it. Orders are still accepted; their stock is held, and they end once it is back.",
			clock(*until, h.overview.Now))}}
	}
	var all []alert
	for _, b := range h.gateway.Breakers {
		if b.State == "open" || b.State == "half-open" && waited(h.queues, "payment") {
			all = append(all, alert{Text: fmt.Sprintf(
				"The payment gateway does not answer when asked to %s. It is asked again every few seconds; the orders wait, and nothing is lost.", b.Operation)})
		}
	}
	return all
}

// waited reports whether something waits in a queue, or is in hand. Where nothing does,
// nobody will find out whether what did not answer answers again.
func waited(queues []client.Queue, name string) bool {
	return slices.ContainsFunc(queues, func(q client.Queue) bool {
		return q.Name == name && (q.Depth != nil && *q.Depth > 0 || q.InFlight != nil && *q.InFlight > 0)
	})
}

func queueAlerts(q client.Queue) []alert {
	var all []alert
	if q.Depth == nil {
		return []alert{{Text: fmt.Sprintf("The %s service does not tell how much waits for it, nor of dead letters. Is it running?", q.Name), Link: "/ops/queues", LinkText: "See the queues"}}
	}
	if q.DeadLetters != nil && *q.DeadLetters > 0 {
		all = append(all, alert{
			Text:     fmt.Sprintf("%s could not be handled by %s. Read why, then redrive or delete.", plural(*q.DeadLetters, "message", "messages"), q.Name),
			Link:     lettersPath(q.Name),
			LinkText: "See the dead letters",
		})
	}
	if q.OldestSeconds != nil && seconds(*q.OldestSeconds) > tooOld {
		all = append(all, alert{
			Text: fmt.Sprintf("The oldest message to %s has waited %s. Either the service cannot work, or what it asks does not answer.", q.Name, duration(seconds(*q.OldestSeconds))),
			Link: "/ops/queues", LinkText: "See the queues",
		})
	}
	return all
}
