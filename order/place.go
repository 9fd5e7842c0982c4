package order

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/event"
)

// The bounds of a request.
const (
	MaxLines      = 50                       // lines of an order after merging
	MaxQty        = 10_000                   // units of one SKU in an order
	MaxUserID     = 128                      // characters of a user id
	MaxKey        = 255                      // bytes of an idempotency key
	MethodPattern = `^[A-Za-z0-9._-]{0,64}$` // event.NamePattern, or empty
)

// Rendering is the version of the 202's rendering that new orders get.
const Rendering = 1

// Request is what a client asks for.
type Request struct {
	Caller        string
	UserID        string
	Lines         []event.Line // SKU and Qty; a SKU may stand on several lines
	OrderID       string       // the client's own id for the order; may be empty
	Key           string       // the client's idempotency key; may be empty
	PaymentMethod string       // may be empty
	NewID         string       // the id to use when the client names neither id nor key; unique
}

// Placed is the answer to a request.
type Placed struct {
	Order Order
	New   bool        // whether this request made the order
	Send  event.Event // OrderPlaced, of a new order; else Type is empty
	Err   error       // Invalid, Mismatch or Conflict: nothing was stored for this request
}

// Place accepts a batch of requests in one durable write. Each valid request
// finds or makes exactly one order: requests of one caller with the same key or
// order id are the same request, and must mean the same. It fails only as
// Store.Create fails; a request's own fault is in its Placed.
func (s *Service) Place(ctx context.Context, now time.Time, requests []Request) ([]Placed, error) {
	placed := make([]Placed, len(requests))
	valid := make([]int, 0, len(requests))
	orders := make([]Order, 0, len(requests))
	for i, r := range requests {
		lines, err := r.validate()
		if err != nil {
			placed[i].Err = err
			continue
		}
		valid = append(valid, i)
		orders = append(orders, s.newOrder(r, lines, now))
	}
	if len(orders) == 0 {
		return placed, nil
	}
	created, err := s.Store.Create(ctx, orders)
	if err != nil {
		return nil, err
	}
	for k, i := range valid {
		placed[i] = s.answer(requests[i], orders[k], created[k])
	}
	return placed, nil
}

func (s *Service) newOrder(r Request, lines []event.Line, now time.Time) Order {
	o := Order{
		Ref: event.Ref{OrderID: r.id()}, Caller: r.Caller, UserID: r.UserID, Lines: lines, PaymentMethod: r.PaymentMethod,
		Fingerprint: r.fingerprint(lines), Rendering: Rendering, HoldUntil: now.Add(s.Terms.Hold),
	}
	o.enter(Entry{Status: Pending, At: now})
	o.Due = s.Terms.due(o, now, 0)
	return o
}

// answer compares the order that was asked for with the one that is stored.
func (s *Service) answer(r Request, asked Order, c Created) Placed {
	switch stored := c.Order; {
	case c.New:
		placed := placedEvent(stored)
		s.changed(stored, placed)
		return Placed{Order: stored, New: true, Send: placed}
	case stored.Caller != asked.Caller:
		return Placed{Err: r.refusal(event.Conflict, fmt.Sprintf("the order id %q is taken", asked.OrderID))}
	case stored.Fingerprint != asked.Fingerprint:
		return Placed{Err: r.refusal(event.Mismatch, fmt.Sprintf("this key or order id belongs to order %q, whose user, lines or payment method differ; send the same request again, or use a new key", asked.OrderID))}
	default:
		return Placed{Order: stored}
	}
}

// refusal is an error of what names the request.
func (r Request) refusal(code event.Code, detail string) error {
	location := "body.order_id"
	if r.Key != "" {
		location = "header.Idempotency-Key"
	}
	return event.ErrorAt(code, location, detail)
}

func placedEvent(o Order) event.Event {
	e := event.New(event.OrderPlaced, o.Ref, o.CreatedAt())
	e.Lines, e.PaymentMethod = o.Lines, o.PaymentMethod
	return e
}

// id is the order's id: the client's own, word for word; else made of the
// caller and the key, so that the insert itself is the deduplication; else new.
func (r Request) id() string {
	switch {
	case r.OrderID != "":
		return r.OrderID
	case r.Key != "":
		sum := sha256.Sum256([]byte(r.Caller + "\x00" + r.Key))
		return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
	default:
		return r.NewID
	}
}

// validate checks the request and returns its lines merged by SKU.
func (r Request) validate() ([]event.Line, error) {
	var fields []event.Field
	bad := func(location, message string, value any) {
		fields = append(fields, event.Field{Location: location, Message: message, Value: value})
	}
	if n := utf8.RuneCountInString(r.UserID); n < 1 || n > MaxUserID || !event.Printable(r.UserID) {
		bad("body.user_id", fmt.Sprintf("must be 1 to %d printable characters", MaxUserID), r.UserID)
	}
	if r.OrderID != "" && !event.ValidName(r.OrderID) {
		bad("body.order_id", "must match "+event.NamePattern, r.OrderID)
	}
	if r.PaymentMethod != "" && !event.ValidName(r.PaymentMethod) {
		// Not echoed: a client may have put a card number here.
		bad("body.payment_method", "must match "+MethodPattern, nil)
	}
	if len(r.Key) > MaxKey {
		bad("header.Idempotency-Key", fmt.Sprintf("must be at most %d characters", MaxKey), nil)
	}
	lines := r.merge(bad)
	if len(fields) > 0 {
		return nil, &event.Error{Code: event.Invalid, Detail: "the order is not valid; see errors", Fields: fields}
	}
	if r.OrderID != "" && r.Key != "" && r.OrderID != r.Key {
		return nil, &event.Error{Code: event.Invalid, Detail: "order_id and Idempotency-Key differ; send one of them, or the same value in both",
			Fields: []event.Field{{Location: "header.Idempotency-Key", Message: "must equal body.order_id when both are given"}}}
	}
	return lines, nil
}

// merge adds up the lines of each SKU, before any bound on their number or on
// the quantity of one SKU is checked.
func (r Request) merge(bad func(location, message string, value any)) []event.Line {
	lines := make([]event.Line, 0, min(len(r.Lines), MaxLines))
	at := make(map[string]int)
	for i, l := range r.Lines {
		place := func(member string) string { return fmt.Sprintf("body.items[%d].%s", i, member) }
		if !event.ValidName(l.SKU) {
			bad(place("sku"), "must match "+event.NamePattern, l.SKU)
			continue
		}
		if l.Qty < 1 || l.Qty > MaxQty {
			bad(place("qty"), fmt.Sprintf("must be a whole number from 1 to %d", MaxQty), l.Qty)
			continue
		}
		k, seen := at[l.SKU]
		if !seen {
			at[l.SKU] = len(lines)
			lines = append(lines, event.Line{SKU: l.SKU, Qty: l.Qty})
		} else if lines[k].Qty += l.Qty; lines[k].Qty > MaxQty {
			bad(place("qty"), fmt.Sprintf("brings %s to %d; at most %d of one SKU in an order", l.SKU, lines[k].Qty, MaxQty), l.Qty)
			lines[k].Qty = MaxQty
		}
	}
	if n := len(lines); len(r.Lines) == 0 || n > MaxLines {
		bad("body.items", fmt.Sprintf("must have 1 to %d lines after merging by SKU", MaxLines), nil)
	}
	return lines
}

// fingerprint is a hash of what the request means: its user, its merged lines in
// any order, its payment method.
func (r Request) fingerprint(merged []event.Line) [16]byte {
	sorted := merged
	if len(merged) > 1 {
		sorted = slices.Clone(merged)
		slices.SortFunc(sorted, func(a, b event.Line) int { return strings.Compare(a.SKU, b.SKU) })
	}
	text := make([]byte, 0, 256) // room for most
	add := func(s string) {
		text = binary.AppendUvarint(text, uint64(len(s)))
		text = append(text, s...)
	}
	add(r.UserID)
	add(r.PaymentMethod)
	for _, l := range sorted {
		add(l.SKU)
		text = binary.AppendVarint(text, l.Qty)
	}
	sum := sha256.Sum256(text)
	return [16]byte(sum[:16])
}
