package sim

import (
	"strings"

	"holdfast/event"
)

// duty is what has become of a message: an ack is only right once the message was
// handled since it was delivered, and all that it led to has been done.
type duty struct {
	taken    int    // times it was received
	handling int    // times it is being handled now
	doneAt   int    // the step at which it was last handled, or buried
	follows  string // the id of the event that it led to then; empty: none
	asks     string // the order whose gateway answer it then waited for; empty: none
	sentAt   int    // the step at which it was last sent itself
	sends    int
}

// duty is that of a message or an answer, by its id.
func (w *world) duty(id string) *duty {
	d := w.duties[id]
	if d == nil {
		d = &duty{doneAt: -1, sentAt: -1}
		w.duties[id] = d
	}
	return d
}

// answers is the id under which it is kept when a gateway's answer about an order
// was last handled.
func answers(orderID string) string { return "answer " + orderID }

// charge notes what a message has led to.
func (w *world) charge(e event.Event, r event.Result) {
	if strings.HasPrefix(string(e.Type), "gateway: ") {
		w.duty(answers(e.OrderID)).doneAt = w.steps
		return
	}
	d := w.duty(e.ID())
	d.doneAt, d.follows, d.asks = w.steps, "", ""
	if r.Send.Type != "" {
		d.follows = r.Send.ID()
	}
	if r.Call.Op != "" {
		d.asks = answers(e.OrderID)
	}
}

// mayAck holds an ack to what its message has led to. Of a message that came more
// than once nobody can tell which of the deliveries led to what.
func (w *world) mayAck(m *message) {
	id := m.event.ID()
	switch d := w.duty(id); {
	case d.taken > 1:
	case d.doneAt < 0:
		w.breach(m.event.OrderID, "%s was acknowledged before it was handled", id)
	case d.follows != "" && w.duty(d.follows).sentAt < d.doneAt:
		w.breach(m.event.OrderID, "%s was acknowledged before %s was sent", id, d.follows)
	case d.asks != "" && w.duty(d.asks).doneAt < d.doneAt:
		w.breach(m.event.OrderID, "%s was acknowledged before the gateway had answered", id)
	}
}

// inHand notes what is being handled: a message may be so twice at a time.
func (w *world) inHand(batch []event.Event) (release func()) {
	for _, e := range batch {
		d := w.duty(e.ID())
		if d.handling++; d.handling > 1 {
			w.hit(race(10))
		}
	}
	return func() {
		for _, e := range batch {
			w.duty(e.ID()).handling--
		}
	}
}
