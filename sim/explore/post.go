package explore

import (
	"fmt"
	"time"

	"holdfast/event"
)

// What is asked of a service by others than services. It reads as messages do.
const (
	place       event.Type = "place"
	cancel      event.Type = "cancel"
	refund      event.Type = "refund"
	sweepBefore event.Type = "sweep before the term"
	sweepAfter  event.Type = "sweep after the term"
	unitComesIn event.Type = "a unit comes in"
)

// What the orders are of, and the times they live by: only the hold's term tells
// these apart.
var (
	price     = event.Money{Amount: 1999, Currency: "USD"}
	placedAt  = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	handledAt = placedAt.Add(time.Second)
)

const (
	sku  = "A123"
	hold = 15 * time.Minute
)

func restocking(e event.Event) event.Event {
	e.Restock = true
	return e
}

// maxLetters bounds how many different letters of one order there can be.
const maxLetters = 64

// post gives numbers to the letters of one order. Two that differ in times alone
// are the same.
type post struct {
	events  []event.Event
	numbers map[string]int
}

// number is the letter's, none if it has no type.
func (p *post) number(e event.Event) int {
	if e.Type == "" {
		return none
	}
	key := fmt.Sprint(e.Type, e.OrderID, e.Number, e.Lines, e.PaymentMethod, e.Total, e.ReservedAt.IsZero(), e.Reason, e.Short, e.Restock)
	n, known := p.numbers[key]
	if !known {
		if n = len(p.events); n == maxLetters {
			panic("explore: more letters than a set has room for")
		}
		p.numbers[key] = n
		p.events = append(p.events, e)
	}
	return n
}

// name is the letter as a person reads it.
func (p *post) name(n int) string {
	if e := p.events[n]; e.Restock {
		return string(e.Type) + "(restock)"
	}
	return string(p.events[n].Type)
}
