// Package event is the language the services speak: the events that pass
// between them, the envelope those travel in, the queues that carry them, the
// decision tables that read them, and the few words (money, error codes) that
// every service uses.
//
//	order ──OrderPlaced──▶ inventory ──StockReserved──▶ payment ⇄ gateway
//	  ▲                     │      ▲                      │
//	  └──StockSettled …─────┘      └──PaymentCaptured …───┘
//
// The services share this package and nothing else.
package event

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Version is the version of the event format that this build writes. It reads
// all up to it; a message of a newer one is dead-lettered, never guessed at.
const Version = 2

// MaxAge is how old a message may be that begins a record: a hold, a charge. What
// is older finds the record that it began once, or is refused, since the record
// may have been purged. Whoever purges records must keep them longer than this.
const MaxAge = 90 * 24 * time.Hour

// Type says what happened, or what is asked for. The word in brackets is part
// of it: a decision table has a column for each.
type Type string

// What the services tell one another.
const (
	OrderPlaced            Type = "OrderPlaced"
	CancelRequestedClient  Type = "CancelRequested(client)"
	CancelRequestedExpired Type = "CancelRequested(expired)"
	RefundRequested        Type = "RefundRequested"

	StockReserved         Type = "StockReserved"
	StockRejected         Type = "StockRejected"
	StockSettled          Type = "StockSettled"
	StockReleasedDeclined Type = "StockReleased(declined)"
	StockReleasedVoided   Type = "StockReleased(voided)"
	StockReturned         Type = "StockReturned"

	PaymentPending  Type = "PaymentPending"
	PaymentCaptured Type = "PaymentCaptured"
	PaymentDeclined Type = "PaymentDeclined"
	PaymentVoided   Type = "PaymentVoided"
	PaymentRefunded Type = "PaymentRefunded"
)

// Service names one of the three services, and the queue that it reads.
type Service string

// The services.
const (
	Order     Service = "order"
	Inventory Service = "inventory"
	Payment   Service = "payment"
)

// Services lists the three in the order in which an order passes them.
var Services = []Service{Order, Inventory, Payment}

// Reader is the service that reads events of this type; false if none does. A
// switch, not a map: every message is asked this several times.
func (t Type) Reader() (Service, bool) {
	switch t {
	case StockRejected, StockSettled, StockReleasedDeclined, StockReleasedVoided, StockReturned, PaymentPending:
		return Order, true
	case OrderPlaced, PaymentCaptured, PaymentDeclined, PaymentVoided, PaymentRefunded:
		return Inventory, true
	case StockReserved, CancelRequestedClient, CancelRequestedExpired, RefundRequested:
		return Payment, true
	}
	return "", false
}

// Ref names an order in every store: by its id, which clients know, and by its
// number, which rises with time and so makes a cheap key. The order store gives
// the number when it creates the order; both are unique and never change.
type Ref struct {
	OrderID string
	Number  int64
}

// TraceID is the same for all that happens to an order, in whichever service: 32
// hexadecimal digits, as W3C Trace Context has them. It is made of the order's id,
// so no message has to carry it.
func TraceID(orderID string) string {
	sum := sha256.Sum256([]byte(orderID))
	return hex.EncodeToString(sum[:16])
}

// Line is one SKU of an order. UnitPrice is zero until inventory has named it.
type Line struct {
	SKU       string `json:"sku"`
	Qty       int64  `json:"qty"`
	UnitPrice Money  `json:"unit_price,omitzero"`
}

// Shortfall is a line that could not be held: Qty was asked for, Available was there.
type Shortfall struct {
	SKU       string `json:"sku"`
	Qty       int64  `json:"qty"`
	Available int64  `json:"available"`
}

// Event is one message. It carries all that its reader needs, so that no
// service ever has to ask another. Which of the optional fields are set depends
// on the type.
type Event struct {
	Type    Type
	Version int
	At      time.Time // when what it tells of happened, to the millisecond
	Ref

	// OrderPlaced, and all that inventory says of a hold.
	Lines []Line
	// OrderPlaced and StockReserved; empty: the gateway's default.
	PaymentMethod string
	// StockReserved and after.
	Total Money
	// When the stock was held: StockReserved and after, zero if it never was.
	ReservedAt time.Time
	// StockRejected: a reason code, and the lines that fell short.
	Reason string
	Short  []Shortfall
	// RefundRequested and PaymentRefunded: whether the units go back on sale.
	Restock bool

	// The message, word for word, where this build cannot read it: see Decode.
	Unread []byte
}

// New returns an event of the current version.
func New(t Type, ref Ref, at time.Time) Event {
	return Event{Type: t, Version: Version, Ref: ref, At: at}
}

// split takes "StockReleased(voided)" apart into its name and its cause.
func (t Type) split() (name, cause string) {
	name, cause, _ = strings.Cut(string(t), "(")
	return name, strings.TrimSuffix(cause, ")")
}
