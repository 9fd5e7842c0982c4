package audit

import (
	"bufio"
	"fmt"
	"io"

	"holdfast/event"
	"holdfast/order"
)

// Kind is a stable code for one way in which stores can be wrong.
type Kind string

// What may be wrong with an order and its records.
const (
	StockNotSettled    Kind = "stock_not_settled"   // a paid order whose stock is not sold
	StockNotReleased   Kind = "stock_not_released"  // a failed or cancelled order that keeps stock
	StockNotReturned   Kind = "stock_not_returned"  // a refunded order whose reservation is not returned as the refund says
	ReservationDiffers Kind = "reservation_differs" // a reservation that cannot be of an order in this status, or of other lines
	NotCapturedOnce    Kind = "not_captured_once"   // a completed order that is not charged exactly once
	NotRefundedOnce    Kind = "not_refunded_once"   // a refunded order whose one charge is not given back exactly once
	CapturedTwice      Kind = "captured_twice"      // any other order with more than one capture
	NetCharge          Kind = "net_charge"          // an order that ended otherwise and is still charged
	WrongAmount        Kind = "wrong_amount"        // lines, reservation, order, payment and gateway disagree about the amount
	PaymentDiffers     Kind = "payment_differs"     // a payment that cannot be of an order or a reservation in this state
	GatewayDiffers     Kind = "gateway_differs"     // the gateway's ledger contradicts the payment record
	LostOrder          Kind = "lost_order"          // a record of an order that the order store does not have
	MixedRefs          Kind = "mixed_refs"          // an order's id and number go together otherwise elsewhere
	BrokenHistory      Kind = "broken_history"      // an order's history that no sequence of changes makes
	WrongDue           Kind = "wrong_due"           // an ended order with a due time, or an open one without
)

// What may be wrong with a SKU.
const (
	Oversold      Kind = "oversold"       // available below zero
	NegativeCount Kind = "negative_count" // reserved or sold below zero
	StockDiffers  Kind = "stock_differs"  // reserved or sold is not what the reservations add up to
	LedgerDiffers Kind = "ledger_differs" // the counts do not add up to the stock ledger's sum
)

// TallyDiffers says that the order store counts its orders otherwise than they are.
const TallyDiffers Kind = "tally_differs"

// What a drained system must not have.
const (
	OrderOpen     Kind = "order_open"
	UnitsReserved Kind = "units_reserved"
	QueueNotEmpty Kind = "queue_not_empty"
)

// Breach is one thing that is wrong, and where: an order, a SKU, a queue, or the orders
// all together.
type Breach struct {
	Kind    Kind          `json:"kind"`
	OrderID string        `json:"order_id,omitempty"`
	SKU     string        `json:"sku,omitempty"`
	Queue   event.Service `json:"queue,omitempty"`
	Detail  string        `json:"detail"`
}

// MaxListed bounds how many breaches, and how many dead letters of a service, a
// report lists; it counts them all.
const MaxListed = 1000

// Letter is a dead letter, as a report lists it.
type Letter struct {
	Service event.Service `json:"queue"`
	ID      string        `json:"id"`
	OrderID string        `json:"order_id"`
	Reason  string        `json:"reason"`
}

// Report is what an audit found.
type Report struct {
	Found       int                   `json:"found"` // breaches, listed or not
	Breaches    []Breach              `json:"breaches"`
	Orders      int                   `json:"orders"`
	ByStatus    map[order.Status]int  `json:"by_status"`
	Open        int                   `json:"open"`     // orders that have not ended
	Reserved    int64                 `json:"reserved"` // units, of all SKUs
	Moved       int                   `json:"moved"`    // SKUs that moved while they were read, so that they were not added up
	DeadLetters map[event.Service]int `json:"dead_letters"`
	Letters     []Letter              `json:"letters"`
}

func newReport() Report {
	return Report{
		Breaches: []Breach{}, Letters: []Letter{},
		ByStatus: make(map[order.Status]int), DeadLetters: make(map[event.Service]int),
	}
}

// name puts breaches on the report.
func (r *Report) name(breaches ...Breach) {
	r.Found += len(breaches)
	room := MaxListed - len(r.Breaches)
	r.Breaches = append(r.Breaches, breaches[:min(room, len(breaches))]...)
}

// count puts an order on the report.
func (r *Report) count(o order.Order) {
	r.Orders++
	r.ByStatus[o.Status]++
	if !o.Status.Ended() {
		r.Open++
	}
}

// WriteText writes the report for a person: one line a breach, one a dead
// letter, and a summary.
func (r Report) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, b := range r.Breaches {
		fmt.Fprintf(out, "breach %s: %s: %s\n", b.Kind, b.where(), b.Detail)
	}
	if more := r.Found - len(r.Breaches); more > 0 {
		fmt.Fprintf(out, "and %d more breaches\n", more)
	}
	for _, l := range r.Letters {
		fmt.Fprintf(out, "dead letter of %s: order %s: %s: %s\n", l.Service, l.OrderID, l.ID, l.Reason)
	}
	dead := 0
	for _, n := range r.DeadLetters {
		dead += n
	}
	if more := dead - len(r.Letters); more > 0 {
		fmt.Fprintf(out, "and %d more dead letters\n", more)
	}
	fmt.Fprintf(out, "orders %d", r.Orders)
	for _, s := range order.Statuses {
		if n := r.ByStatus[s]; n > 0 {
			fmt.Fprintf(out, ", %s %d", s, n)
		}
	}
	fmt.Fprintf(out, "; open %d, units reserved %d, dead letters %d, breaches %d\n", r.Open, r.Reserved, dead, r.Found)
	if r.Moved > 0 {
		fmt.Fprintf(out, "%d SKUs moved while they were read, so their units were not added up; audit again when they are at rest\n", r.Moved)
	}
	return out.Flush()
}

// where names what a breach is of for a person.
func (b Breach) where() string {
	switch {
	case b.OrderID != "":
		return "order " + b.OrderID
	case b.Queue != "":
		return "queue " + string(b.Queue)
	case b.SKU != "":
		return "SKU " + b.SKU
	}
	return "all orders"
}
