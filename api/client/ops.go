package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Caller is the answer to GET /caller.
type Caller struct {
	Name         string   `json:"name" example:"desk" doc:"The API key's name; local where none is needed and none was sent."`
	Scopes       []string `json:"scopes" nullable:"false" doc:"What the key opens: orders, inventory, ops."`
	KeysRequired bool     `json:"keys_required" doc:"Whether requests without a key are refused."`
}

// Overview is the answer to GET /overview: how the order service is doing. What the
// process remembers began at Since, and is its own share where several run.
type Overview struct {
	Now             time.Time      `json:"now" example:"2026-11-23T09:00:00.000Z" doc:"When this was put together; UTC, to the millisecond."`
	Since           time.Time      `json:"since" example:"2026-11-23T08:00:00.000Z" doc:"When the process started: what it remembers begins there."`
	Engine          string         `json:"engine" enum:"sqlite,aws,memory" example:"sqlite" doc:"Where everything is kept."`
	Version         string         `json:"version" example:"1.0.0" doc:"The server's version."`
	Open            *int           `json:"open" minimum:"0" example:"0" doc:"Orders that have not ended. Null where they cannot be counted now."`
	ByStatus        map[string]int `json:"by_status,omitempty" doc:"Orders by status, all that are stored. Absent where the engine keeps no such count, or they cannot be counted now."`
	EndedSince      map[string]int `json:"ended_since" nullable:"false" doc:"Orders that this process has brought to an end since it started, by status; a refund ends an order a second time."`
	IntervalSeconds int            `json:"interval_seconds" minimum:"1" example:"10" doc:"What each point spans, in seconds."`
	Points          []Point        `json:"points" nullable:"false" doc:"The last hour, the oldest first, as far back as the process goes."`
	Overdue         []Overdue      `json:"overdue" nullable:"false" doc:"Open orders whose hold ended long ago, the longest first; at most 100."`
	OverdueCount    int            `json:"overdue_count" minimum:"0" example:"0" doc:"How many of those there are."`
}

// Point is one interval of the last hour.
type Point struct {
	At       time.Time `json:"at" example:"2026-11-23T09:00:00.000Z" doc:"When the interval ended; UTC, to the millisecond."`
	Accepted int       `json:"accepted" minimum:"0" example:"120" doc:"Orders accepted in it."`
	Ended    int       `json:"ended" minimum:"0" example:"118" doc:"Orders that came to their first end in it."`
	P50      *float64  `json:"p50_seconds" minimum:"0" example:"0.004" doc:"Half of those took this long or less from their creation, in seconds. Null where none ended."`
	P99      *float64  `json:"p99_seconds" minimum:"0" example:"0.02" doc:"99 in 100 of those took this long or less, in seconds. Null where none ended."`
	Open     *int      `json:"open" minimum:"0" example:"2" doc:"Orders open at its end. Null where nobody counted."`
}

// Overdue is an open order whose hold ended long ago.
type Overdue struct {
	OrderID string    `json:"order_id" example:"order-1001" doc:"The order's id."`
	Status  string    `json:"status" enum:"PENDING,RESERVED,CANCELLING,REFUNDING" example:"PENDING" doc:"Where it stands."`
	Since   time.Time `json:"since" example:"2026-11-23T09:15:00.000Z" doc:"When its hold ended, or when it last changed if that was later; UTC, to the millisecond."`
	Sweeps  int       `json:"sweeps" minimum:"0" example:"12" doc:"How often the sweeper has asked since the order last changed."`
	SweptAt time.Time `json:"swept_at" example:"2026-11-23T09:30:00.000Z" doc:"When it last asked; UTC, to the millisecond."`
}

// Timeline is the answer to GET /orders/{id}/timeline: what the three services know
// of an order, each from its own store and memory.
type Timeline struct {
	Order       Order        `json:"order" doc:"The order, as its service holds it."`
	Number      int64        `json:"number" minimum:"1" example:"2" doc:"The number under which all three services keep it."`
	Now         time.Time    `json:"now" example:"2026-11-23T09:00:00.000Z" doc:"When this was put together; UTC, to the millisecond."`
	HoldUntil   time.Time    `json:"hold_until" example:"2026-11-23T09:15:00.000Z" doc:"When its stock is given back if no payment is known; UTC, to the millisecond."`
	DueAt       *time.Time   `json:"due_at" example:"2026-11-23T09:00:30.000Z" doc:"When the sweeper asks about it next. Null once it has ended."`
	Sweeps      int          `json:"sweeps" minimum:"0" example:"0" doc:"How often the sweeper has asked since the order last changed."`
	Reservation *Reservation `json:"reservation,omitempty" doc:"What inventory holds. Absent where it has no record, or did not answer."`
	Payment     *Payment     `json:"payment,omitempty" doc:"What payment holds. Absent where it has no record, or did not answer."`
	Remembered  []Remembered `json:"remembered" nullable:"false" doc:"What the processes remember of recent events and calls, the oldest first. It is not stored, and may have gaps."`
	Unanswered  []string     `json:"unanswered" nullable:"false" doc:"The services that did not answer: inventory, payment."`
}

// Record is the answer to GET /records/{service}/{id}: what one service knows of an
// order.
type Record struct {
	Service     string       `json:"service" enum:"order,inventory,payment" example:"inventory" doc:"Whose record it is."`
	Reservation *Reservation `json:"reservation,omitempty" doc:"What inventory holds; absent where there is no record."`
	Payment     *Payment     `json:"payment,omitempty" doc:"What payment holds; absent where there is no record."`
	Remembered  []Remembered `json:"remembered" nullable:"false" doc:"What this process remembers of recent events and calls, the oldest first."`
}

// Reservation is inventory's record of an order.
type Reservation struct {
	State     string      `json:"state" enum:"HELD,REJECTED,SETTLED,RELEASED(declined),RELEASED(voided),RETURNED" example:"HELD" doc:"Where the reservation stands."`
	Items     []OrderLine `json:"items" nullable:"false" doc:"The lines with their prices when they were held; empty where the hold was refused before it was asked for."`
	Reason    string      `json:"reason,omitempty" example:"out_of_stock" doc:"Why it was refused."`
	Restocked bool        `json:"restocked,omitzero" doc:"Whether returned units went back on sale."`
	HeldAt    *time.Time  `json:"held_at,omitempty" example:"2026-11-23T09:00:00.000Z" doc:"When the units were held; absent if they never were."`
	UpdatedAt time.Time   `json:"updated_at" example:"2026-11-23T09:00:00.000Z" doc:"When it came to its state; UTC, to the millisecond."`
}

// Payment is payment's record of an order. It says nothing of what is charged.
type Payment struct {
	State     string    `json:"state" enum:"CHARGING,CAPTURED,DECLINED,VOIDING(client),VOIDING(expired),VOIDED,REFUNDING,REFUNDED" example:"CAPTURED" doc:"Where the payment stands."`
	Amount    Money     `json:"amount,omitzero" doc:"What is charged; absent where nothing ever was."`
	UpdatedAt time.Time `json:"updated_at" example:"2026-11-23T09:00:00.000Z" doc:"When it came to its state; UTC, to the millisecond."`
}

// Remembered is one thing that a process did for an order.
type Remembered struct {
	At      time.Time  `json:"at" example:"2026-11-23T09:00:00.000Z" doc:"When; UTC, to the millisecond."`
	Service string     `json:"service" enum:"order,inventory,payment" example:"payment" doc:"The service that did it."`
	Kind    string     `json:"kind" enum:"received,called,returned,dead,swept" example:"called" doc:"received: a message was handled; called: the gateway answered a call or did not; returned: a message was given back, to come again; dead: a message was dead-lettered; swept: the sweeper asked again."`
	Event   string     `json:"event,omitempty" example:"StockReserved" doc:"The message's type."`
	Op      string     `json:"operation,omitempty" enum:"capture,void,refund" example:"capture" doc:"The call's operation."`
	Outcome string     `json:"outcome,omitempty" example:"unknown" doc:"What the gateway answered: captured, declined, voided, refunded or unknown; held back: it was not asked, since it does not answer others."`
	Detail  string     `json:"detail,omitempty" doc:"Why, in words."`
	TookMS  float64    `json:"took_ms,omitzero" minimum:"0" example:"12.5" doc:"How long the call took, in milliseconds."`
	Count   int        `json:"count,omitzero" minimum:"0" example:"2" doc:"How often the message was received, or the order swept."`
	Next    *time.Time `json:"next,omitempty" example:"2026-11-23T09:00:30.000Z" doc:"When it happens again, at the latest."`
}

// Place is how far on an order's way it lies, whatever the time, from 0 to 4: a
// question of the sweeper's, what the order and then inventory ask for, the gateway's
// call, what follows of its answer or of none, and what the order hears of it.
func (r Remembered) Place() int {
	switch {
	case r.Kind == "swept":
		return 0
	case r.Kind == "called":
		return 2
	case r.Kind == "returned", r.Kind == "dead":
		return 3
	case r.Service == "order":
		return 4
	case r.Service == "payment", r.Event == "OrderPlaced":
		return 1
	}
	return 3
}

// Gateway is the answer to GET /gateway.
type Gateway struct {
	Name        string     `json:"name" enum:"simulated" example:"simulated" doc:"Which payment gateway it is."`
	OutageUntil *time.Time `json:"outage_until" example:"2026-11-23T09:01:00.000Z" doc:"When the simulated gateway's outage ends. Null without one."`
	Breakers    []Breaker  `json:"breakers" nullable:"false" doc:"The circuit breaker of each operation."`
}

// Breaker is the circuit breaker of one of the gateway's operations.
type Breaker struct {
	Operation string `json:"operation" enum:"capture,void,refund" example:"capture" doc:"The operation."`
	State     string `json:"state" enum:"closed,open,half-open" example:"closed" doc:"closed: calls go through; open: they are refused for some seconds without asking; half-open: one call is let through to see."`
}

// LedgerPage is one page of GET /inventory/{sku}/ledger.
type LedgerPage struct {
	Entries    []LedgerEntry `json:"entries" nullable:"false" doc:"Newest first."`
	NextCursor string        `json:"next_cursor" example:"" doc:"Send it as cursor for the next page. Empty on the last page."`
}

// LedgerEntry is one row of a SKU's stock ledger.
type LedgerEntry struct {
	AdjustmentID string    `json:"adjustment_id,omitempty" example:"shelf-7-damaged" doc:"The adjustment's id; absent for a count."`
	Delta        int64     `json:"delta" example:"-3" doc:"Units that came in, negative if they went out otherwise than by an order."`
	Reason       string    `json:"reason" example:"damaged" doc:"Why; counted for a stock count."`
	At           time.Time `json:"at" example:"2026-11-23T09:00:00.000Z" doc:"When; UTC, to the millisecond."`
}

// Caller returns who the server takes this client for.
func (c *Client) Caller(ctx context.Context) (Caller, error) {
	return get[Caller](ctx, c, "/caller")
}

// Overview returns how the order service is doing.
func (c *Client) Overview(ctx context.Context) (Overview, error) {
	return get[Overview](ctx, c, "/overview")
}

// Timeline returns what the three services know of an order.
func (c *Client) Timeline(ctx context.Context, id string) (Timeline, error) {
	return get[Timeline](ctx, c, "/orders/"+url.PathEscape(id)+"/timeline")
}

// Gateway returns how the payment gateway is doing.
func (c *Client) Gateway(ctx context.Context) (Gateway, error) {
	return get[Gateway](ctx, c, "/gateway")
}

// GatewayOutage makes the simulated gateway unreachable for so many seconds from
// now; 0 ends an outage.
func (c *Client) GatewayOutage(ctx context.Context, seconds int64) (OutageEnd, error) {
	var end OutageEnd
	_, err := c.call(ctx, http.MethodPost, "/gateway/outage", nil, Outage{Seconds: &seconds}, &end)
	return end, err
}

// Ledger returns a page of a SKU's stock ledger, the newest entries first. An empty
// cursor asks for the first page; limit is 1 to 200, 0 the server's default.
func (c *Client) Ledger(ctx context.Context, sku string, limit int, cursor string) (LedgerPage, error) {
	return get[LedgerPage](ctx, c, "/inventory/"+url.PathEscape(sku)+"/ledger"+encode(paging(limit, cursor)))
}

// LedgerEntries goes through a SKU's stock ledger, the newest entries first, page by
// page of so many. It ends after the first error.
func (c *Client) LedgerEntries(ctx context.Context, sku string, limit int) iter.Seq2[LedgerEntry, error] {
	return all(func(cursor string) ([]LedgerEntry, string, error) {
		page, err := c.Ledger(ctx, sku, limit, cursor)
		return page.Entries, page.NextCursor, err
	})
}

// StockPage returns a page of the stock in ascending order of SKU.
func (c *Client) StockPage(ctx context.Context, limit int, cursor string) (StockPage, error) {
	return get[StockPage](ctx, c, "/inventory"+encode(paging(limit, cursor)))
}

// LowStock returns the SKUs of which at most so many units are available, the fewest
// first; at most limit of them, 1 to 200.
func (c *Client) LowStock(ctx context.Context, atMost int64, limit int) ([]Stock, error) {
	query := paging(limit, "")
	query.Set("max_available", strconv.FormatInt(atMost, 10))
	page, err := get[StockPage](ctx, c, "/inventory"+encode(query))
	return page.Inventory, err
}

// DeadLetterPage returns a page of a queue's dead letters in ascending order of id.
func (c *Client) DeadLetterPage(ctx context.Context, queue string, limit int, cursor string) (DeadLetterPage, error) {
	return get[DeadLetterPage](ctx, c, inQueue(queue, "dead-letters")+encode(paging(limit, cursor)))
}

// DeadLetter returns one dead letter of a queue.
func (c *Client) DeadLetter(ctx context.Context, queue, id string) (DeadLetter, error) {
	return get[DeadLetter](ctx, c, inQueue(queue, "dead-letters")+"/"+url.PathEscape(id))
}

// Cost returns what running processes have spent on AWS, as holdfast cost --json
// prints it. It is NotFound on any other engine.
func (c *Client) Cost(ctx context.Context) (json.RawMessage, error) {
	return get[json.RawMessage](ctx, c, "/cost")
}

func get[T any](ctx context.Context, c *Client, path string) (into T, err error) {
	_, err = c.call(ctx, http.MethodGet, path, nil, nil, &into)
	return into, err
}
