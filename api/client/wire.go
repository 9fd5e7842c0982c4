package client

import (
	"encoding/json"
	"time"
)

// Money is an amount in the currency's minor units.
type Money struct {
	Amount   int64  `json:"amount" minimum:"1" example:"1999" doc:"Amount in the currency's minor units: 1999 is 19.99 USD."`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" example:"USD" doc:"ISO 4217 code."`
}

// PlaceOrder is the body of POST /orders.
type PlaceOrder struct {
	UserID        string  `json:"user_id" minLength:"1" maxLength:"128" example:"test_user" doc:"Who the order is for: 1 to 128 printable characters."`
	Items         []Line  `json:"items" nullable:"false" minItems:"1" doc:"What is ordered: 1 to 50 lines once lines of the same SKU are added up."`
	OrderID       *string `json:"order_id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" example:"order-1001" doc:"The order's id, word for word. A repeat of the same id is the same order. If Idempotency-Key is sent too, it must be equal."`
	PaymentMethod string  `json:"payment_method,omitempty" pattern:"^[A-Za-z0-9._-]{0,64}$" example:"sim_approve" doc:"The gateway's name for what is charged; without it the gateway's default. The simulated gateway knows sim_approve, sim_decline, sim_timeout, sim_slow, sim_down and sim_flaky. Never a card number."`
}

// Line is a line of an order as the client asks for it.
type Line struct {
	SKU string `json:"sku" pattern:"^[A-Za-z0-9._-]{1,64}$" example:"A123" doc:"Stock keeping unit. Lines of the same SKU are added up."`
	Qty int64  `json:"qty" minimum:"1" maximum:"10000" example:"1" doc:"Units, 1 to 10,000 of one SKU in an order."`
}

// Accepted is the 202 of POST /orders: the order as it was accepted, whatever
// became of it since.
type Accepted struct {
	OrderID   string    `json:"order_id" example:"order-1001" doc:"The order's id, for GET /orders/{id}."`
	Status    string    `json:"status" enum:"PENDING" example:"PENDING" doc:"Always PENDING, also on a repeat: how the order stands is in GET /orders/{id}."`
	UserID    string    `json:"user_id" example:"test_user" doc:"Who the order is for."`
	Items     []Line    `json:"items" nullable:"false" doc:"The lines, added up by SKU."`
	CreatedAt time.Time `json:"created_at" example:"2026-11-23T09:00:00.000Z" doc:"When the order was accepted; UTC, to the millisecond."`

	// Replayed says that this request had been accepted before.
	Replayed bool `json:"-"`
}

// Order is an order as it stands.
type Order struct {
	OrderID       string      `json:"order_id" example:"order-1001" doc:"The order's id."`
	UserID        string      `json:"user_id" example:"test_user" doc:"Who the order is for."`
	Status        string      `json:"status" enum:"PENDING,RESERVED,COMPLETED,FAILED_NO_STOCK,PAYMENT_FAILED,CANCELLING,CANCELLED,REFUNDING,REFUNDED" example:"COMPLETED" doc:"Where the order stands. PENDING, RESERVED, CANCELLING and REFUNDING are under way; the others are ends."`
	Reason        string      `json:"reason" example:"" doc:"A stable code that explains the status, empty where nothing needs explaining: out_of_stock, unknown_sku, mixed_currency, card_declined, cancelled_by_client, hold_expired."`
	Items         []OrderLine `json:"items" nullable:"false" doc:"The lines, added up by SKU."`
	Total         Money       `json:"total,omitzero" doc:"Sum of quantity times unit price. Absent until it is known."`
	Shortfall     []Shortfall `json:"shortfall,omitempty" nullable:"false" doc:"The lines that could not be held. Present where stock fell short."`
	PaymentMethod string      `json:"payment_method,omitempty" example:"sim_approve" doc:"As the order named it."`
	Version       int         `json:"version" minimum:"1" example:"3" doc:"The length of history. It rises with every change, and is the ETag."`
	CreatedAt     time.Time   `json:"created_at" example:"2026-11-23T09:00:00.000Z" doc:"When the order was accepted; UTC, to the millisecond."`
	UpdatedAt     time.Time   `json:"updated_at" example:"2026-11-23T09:00:00.040Z" doc:"When the order last changed; UTC, to the millisecond."`
	History       []Entry     `json:"history" nullable:"false" doc:"Every status the order has had, oldest first."`
}

// OrderLine is a line of an order, with its price once that is known.
type OrderLine struct {
	SKU       string `json:"sku" example:"A123" doc:"Stock keeping unit."`
	Qty       int64  `json:"qty" minimum:"1" maximum:"10000" example:"1" doc:"Units."`
	UnitPrice Money  `json:"unit_price,omitzero" doc:"Price of one unit when the stock was held. Absent until it is known."`
}

// Shortfall is a line that could not be held.
type Shortfall struct {
	SKU       string `json:"sku" example:"B456" doc:"Stock keeping unit."`
	Qty       int64  `json:"qty" example:"1" doc:"Units asked for."`
	Available int64  `json:"available" minimum:"0" example:"0" doc:"Units there were."`
}

// Entry is one step of an order's history.
type Entry struct {
	Status string    `json:"status" enum:"PENDING,RESERVED,COMPLETED,FAILED_NO_STOCK,PAYMENT_FAILED,CANCELLING,CANCELLED,REFUNDING,REFUNDED" example:"PENDING" doc:"The status entered."`
	At     time.Time `json:"at" example:"2026-11-23T09:00:00.000Z" doc:"When it was entered; UTC, to the millisecond. Times never go back."`
	Reason string    `json:"reason,omitempty" doc:"Why, as a stable code, where there is something to explain."`
}

// OrderPage is one page of GET /orders.
type OrderPage struct {
	Orders     []Order `json:"orders" nullable:"false" doc:"Newest first."`
	NextCursor string  `json:"next_cursor" example:"" doc:"Send it as cursor, with the same filters, for the next page. Empty on the last page."`
}

// Refund is the body of POST /orders/{id}/refund.
type Refund struct {
	Restock bool `json:"restock,omitempty" default:"false" doc:"Whether the units go back on sale. It cannot be changed later."`
}

// Stock is what there is of one SKU.
type Stock struct {
	SKU       string    `json:"sku" example:"A123" doc:"Stock keeping unit."`
	Available int64     `json:"available" minimum:"0" example:"99" doc:"Units that an order can still have."`
	Reserved  int64     `json:"reserved" minimum:"0" example:"0" doc:"Units held for orders that have not ended."`
	Sold      int64     `json:"sold" minimum:"0" example:"1" doc:"Units of completed orders, less those returned."`
	OnHand    int64     `json:"on_hand" minimum:"0" example:"99" doc:"Units on the shelf: available + reserved."`
	Price     Money     `json:"price" doc:"Price of one unit."`
	UpdatedAt time.Time `json:"updated_at" example:"2026-11-23T09:00:00.000Z" doc:"When the stock last changed; UTC, to the millisecond."`

	// ETag names this state of the stock, for StockCount.IfMatch.
	ETag string `json:"-"`
}

// StockCount is the body of PUT /inventory/{sku}.
type StockCount struct {
	OnHand *int64 `json:"on_hand" nullable:"false" minimum:"0" maximum:"1000000000000" example:"100" doc:"Units on the shelf, those reserved for orders included. Not below what is reserved."`
	Price  *Money `json:"price,omitempty" nullable:"false" doc:"Price of one unit, 1 to 1,000,000,000,000 minor units. Required for a new SKU; without it a known SKU keeps its price."`

	// IfMatch, if set, is the ETag that the stock must still have.
	IfMatch string `json:"-"`
}

// StockPage is one page of GET /inventory.
type StockPage struct {
	Inventory  []Stock `json:"inventory" nullable:"false" doc:"In ascending order of SKU."`
	NextCursor string  `json:"next_cursor" example:"" doc:"Send it as cursor for the next page. Empty on the last page."`
}

// Outage is the body of POST /gateway/outage.
type Outage struct {
	Seconds *int64 `json:"seconds" nullable:"false" minimum:"0" maximum:"86400" example:"60" doc:"How long the simulated gateway cannot be reached, in seconds from now; 0 ends an outage."`
}

// OutageEnd is the answer to POST /gateway/outage.
type OutageEnd struct {
	Until time.Time `json:"until" example:"2026-11-23T09:01:00.000Z" doc:"When the outage ends; UTC, to the millisecond."`
}

// Health is the answer of /livez and /readyz when all is well.
type Health struct {
	Status string `json:"status" enum:"ok" example:"ok" doc:"Always ok; a service that is not answers 503."`
}

// Adjustment is the body of POST /inventory/{sku}/adjustments.
type Adjustment struct {
	AdjustmentID string `json:"adjustment_id" pattern:"^[A-Za-z0-9._-]{1,64}$" example:"shelf-7-damaged" doc:"Names this adjustment, so that it is made once however often it is sent."`
	Delta        int64  `json:"delta" minimum:"-1000000000000" maximum:"1000000000000" example:"-3" doc:"Units that came in, negative if they went out otherwise than by an order; not 0."`
	Reason       string `json:"reason,omitempty" maxLength:"128" default:"adjusted" example:"damaged" doc:"Why, for the stock ledger: up to 128 printable characters."`
}

// Adjusted is the answer to POST /inventory/{sku}/adjustments: the row of the
// stock ledger.
type Adjusted struct {
	AdjustmentID string    `json:"adjustment_id" example:"shelf-7-damaged" doc:"The adjustment's id."`
	SKU          string    `json:"sku" example:"A123" doc:"Stock keeping unit."`
	Delta        int64     `json:"delta" example:"-3" doc:"Units that came in, negative if they went out."`
	Reason       string    `json:"reason" example:"damaged" doc:"Why."`
	At           time.Time `json:"at" example:"2026-11-23T09:00:00.000Z" doc:"When the adjustment was first made; UTC, to the millisecond."`
}

// QueuePage is the answer to GET /queues.
type QueuePage struct {
	Queues []Queue `json:"queues" nullable:"false" doc:"In the order order, inventory, payment."`
}

// Queue is what there is in one service's queue. A figure is nil where it is not
// known now.
type Queue struct {
	Name          string   `json:"name" enum:"order,inventory,payment" example:"inventory" doc:"The service that reads the queue."`
	Depth         *int     `json:"depth" minimum:"0" example:"0" doc:"Events that wait, those given back for later included."`
	InFlight      *int     `json:"in_flight" minimum:"0" example:"0" doc:"Events that are being handled."`
	DeadLetters   *int     `json:"dead_letters" minimum:"0" example:"0" doc:"Events that could not be handled."`
	OldestSeconds *float64 `json:"oldest_seconds" minimum:"0" example:"0" doc:"How long the oldest event has been in the queue, in seconds; 0 if it is empty."`
}

// DeadLetterPage is one page of GET /queues/{name}/dead-letters.
type DeadLetterPage struct {
	DeadLetters []DeadLetter `json:"dead_letters" nullable:"false" doc:"In ascending order of id."`
	NextCursor  string       `json:"next_cursor" example:"" doc:"Send it as cursor for the next page. Empty on the last page."`
}

// DeadLetter is an event that its reader could not handle.
type DeadLetter struct {
	ID           string          `json:"id" example:"order-1001:OrderPlaced" doc:"The event's id."`
	Reason       string          `json:"reason" doc:"Why it could not be handled."`
	ReceiveCount int             `json:"receive_count" example:"1" doc:"How often it was received before it was given up."`
	DeadAt       time.Time       `json:"dead_at" example:"2026-11-23T09:00:00.000Z" doc:"When it was given up; UTC, to the millisecond."`
	Event        json.RawMessage `json:"event" doc:"The event in its CloudEvents envelope, or the message as it was received."`
}

// Redrive is the body of POST /queues/{name}/redrive: one of the two.
type Redrive struct {
	IDs []string `json:"ids,omitempty" nullable:"false" minItems:"1" maxItems:"1000" doc:"The dead letters to put back. What is not there is passed over."`
	All bool     `json:"all,omitempty" doc:"Put all back."`
}

// Redriven is the answer to POST /queues/{name}/redrive.
type Redriven struct {
	Redriven int `json:"redriven" minimum:"0" example:"1" doc:"How many dead letters were put back on the queue."`
}
