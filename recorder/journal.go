package recorder

import (
	"math"
	"slices"
	"sync"
	"time"

	"holdfast/event"
)

// places is how many records each of a journal's rings holds: 1 MB of them. At 15,000
// orders a second payment's ring of what goes well goes back a second, at a hundred
// some minutes.
const places = 32 * 1024

// journal is what one service did lately. What goes well has a ring of its own, so
// that at a good load it does not drive out the few entries that somebody will ask for.
type journal struct {
	mu      sync.Mutex
	fine    ring
	trouble ring
}

// ring holds the latest records. It has no pointers, so the garbage collector never
// looks into it.
type ring struct {
	records []record // nil before the first
	next    int      // the place of the oldest, which the next one takes
}

// record is an entry in few bytes.
type record struct {
	number int64  // of the order; 0: an empty place, or a message that cannot be read
	at     int64  // Unix nanoseconds
	span   int64  // nanoseconds: of a call how long it took, else from at until it happens again
	detail uint32 // among the texts
	count  uint16 // 65,535: that or more
	what   uint8  // the kind and the outcome: see whatOf
	of     uint8  // the event's type, or the call's operation: 1 + its place in types or event.Ops
}

// The words that a record has codes for.
var (
	kinds    = []Kind{Received, Called, Returned, Dead, Swept}
	outcomes = []string{"captured", "declined", "voided", "refunded", Unknown, HeldBack}
	types    = []event.Type{
		event.OrderPlaced, event.StockReserved, event.PaymentCaptured, event.StockSettled, // the usual way
		event.StockRejected, event.PaymentDeclined, event.StockReleasedDeclined,
		event.CancelRequestedClient, event.CancelRequestedExpired, event.PaymentVoided, event.StockReleasedVoided,
		event.RefundRequested, event.PaymentRefunded, event.StockReturned, event.PaymentPending,
	}
)

// code is 1 + the place of a word in its list; 0: it is not there.
func code[T ~string](list []T, word T) uint8 { return uint8(slices.Index(list, word) + 1) }

// word is what a code stands for.
func word[T ~string](list []T, code uint8) (w T) {
	if code > 0 {
		w = list[code-1]
	}
	return w
}

// whatOf puts the codes of a kind and of an outcome into one.
func whatOf(kind Kind, outcome string) uint8 { return code(kinds, kind)<<4 | code(outcomes, outcome) }

var whatReceived = whatOf(Received, "")

func counted(n int) uint16 { return uint16(min(max(n, 0), math.MaxUint16)) }

// pack puts an entry, but for its service, into a record; detail is the place of its
// text.
func pack(e Entry, detail uint32) record {
	r := record{at: e.At.UnixNano(), what: whatOf(e.Kind, e.Outcome), count: counted(e.Count), detail: detail}
	if e.Kind == Called {
		r.of, r.span = code(event.Ops, e.Op), int64(e.Took)
		return r
	}
	if r.of = code(types, e.Event); !e.Next.IsZero() {
		r.span = int64(e.Next.Sub(e.At))
	}
	return r
}

func (r record) unpack(detail string) Entry {
	e := Entry{At: time.Unix(0, r.at).UTC(), Kind: word(kinds, r.what>>4), Outcome: word(outcomes, r.what&0xf), Count: int(r.count), Detail: detail}
	switch e.Kind {
	case Called:
		e.Op, e.Took = word(event.Ops, r.of), time.Duration(r.span)
		return e
	case Returned, Swept:
		e.Next = e.At.Add(time.Duration(r.span))
	}
	e.Event = word(types, r.of)
	return e
}

// add puts a record of an order into one of the rings. The journal is locked.
func (j *journal) add(number int64, r record, trouble bool) {
	if r.number = number; trouble {
		j.trouble.add(r)
	} else {
		j.fine.add(r)
	}
}

func (g *ring) add(r record) {
	if g.records == nil {
		g.records = make([]record, places)
	}
	g.records[g.next] = r
	g.next = (g.next + 1) % places
}

// of returns the records of an order, at most maxEntries of each ring, of which each
// is the oldest first.
func (j *journal) of(number int64) []record {
	j.mu.Lock()
	defer j.mu.Unlock()
	found := j.trouble.of(number, j.fine.of(number, nil))
	slices.Reverse(found)
	return found
}

// of adds an order's records to those found, the latest first.
func (g *ring) of(number int64, found []record) []record {
	n := len(found)
	for i := range g.records { // backwards from the latest
		r := &g.records[(g.next-1-i+places)%places]
		if r.number == number {
			if found = append(found, *r); len(found)-n == maxEntries {
				break
			}
		}
	}
	return found
}
