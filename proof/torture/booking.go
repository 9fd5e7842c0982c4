package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"holdfast/api/client"
)

// booking is one order as its customers know it.
type booking struct {
	history
	user    string
	request wording
	twin    *wording // the same request in other words; nil where nothing names the request, so that it must not be repeated
	other   *wording // another request of that name
	meaning string   // of the request, as histories name it

	// Of the first 202, under history's lock.
	id   string
	said []byte
}

// wording is a request to place an order as it goes over the wire.
type wording struct {
	key  string // its Idempotency-Key; may be empty
	body []byte
}

// maxCalls bounds a history, so that it is decided in milliseconds.
const maxCalls = 24

// name gives the request a name under which it is repeated: the key, or the id in
// the order.
func (b *booking) name(o client.PlaceOrder, key string) {
	b.request = wording{key, text(o)}
	b.twin = &wording{key, reworded(o)}
	if key != "" {
		b.twin.key = `"` + key + `"` // quoted, it is the same key
	}
	o.Items = slices.Clone(o.Items)
	o.Items[0].Qty++
	b.other = &wording{key, text(o)}
}

// reworded is the same request with other spacing and its lines turned round and
// cut up.
func reworded(o client.PlaceOrder) []byte {
	o.Items = slices.Clone(o.Items)
	slices.Reverse(o.Items)
	if last := &o.Items[len(o.Items)-1]; last.Qty > 1 {
		last.Qty--
		o.Items = append(o.Items, client.Line{SKU: last.SKU, Qty: 1})
	}
	var b bytes.Buffer
	// What text wrote is JSON.
	_ = json.Indent(&b, text(o), "", "\t")
	return b.Bytes()
}

// text is a value as JSON.
func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // none of what clients send can fail so
	}
	return b
}

// accepted notes a 202; all must be the same.
func (b *booking) accepted(body []byte) error {
	var told client.Accepted
	if err := json.Unmarshal(body, &told); err != nil {
		return fmt.Errorf("a 202 that is none: %w: %s", err, body)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.id == "" {
		b.id, b.said = told.OrderID, body
	}
	if string(b.said) != string(body) {
		return fmt.Errorf("two 202s of one order differ:\n%s%s", b.said, body)
	}
	return nil
}

// known is the order's id; empty before its first 202.
func (b *booking) known() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.id
}

// title names the booking for a person.
func (b *booking) title() string {
	return fmt.Sprintf("order %q of %s (key %q)", b.known(), b.user, b.request.key)
}

// told reports whether some call of the order has such an answer.
func (b *booking) told(such func(orderCall, orderAnswer) bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.ops, func(o porcupine.Operation) bool {
		return such(o.Input.(orderCall), o.Output.(orderAnswer))
	})
}

// restocked tells of a refunded order whether its units went back on sale.
func (b *booking) restocked() bool {
	return b.told(func(c orderCall, a orderAnswer) bool {
		return c.verb == refund && c.restock && a.status == http.StatusAccepted
	})
}

// show is the answer of a call that shows an order. It fails for an order that
// contradicts itself.
func show(status int, o client.Order) (orderAnswer, error) {
	a := orderAnswer{status: status}
	statuses := make([]string, len(o.History))
	var story strings.Builder
	for i, e := range o.History {
		statuses[i] = e.Status
		fmt.Fprintf(&story, "%s at %s %s\n", e.Status, e.At.Format("05.000"), e.Reason)
	}
	a.trail, a.story = strings.Join(statuses, " "), story.String()
	return a, coherent(o)
}

// coherent says what in an order contradicts itself.
func coherent(o client.Order) error {
	if len(o.History) == 0 {
		return fmt.Errorf("order %s has no history", o.OrderID)
	}
	first, last := o.History[0], o.History[len(o.History)-1]
	forward := slices.IsSortedFunc(o.History, func(a, b client.Entry) int { return a.At.Compare(b.At) })
	switch {
	case o.Version != len(o.History):
		return fmt.Errorf("order %s has version %d and %d steps", o.OrderID, o.Version, len(o.History))
	case o.Status != last.Status || o.Reason != last.Reason || !o.UpdatedAt.Equal(last.At) || !o.CreatedAt.Equal(first.At):
		return fmt.Errorf("order %s is not what its history says: %+v", o.OrderID, o)
	case !forward:
		return fmt.Errorf("the history of order %s goes back in time: %+v", o.OrderID, o.History)
	}
	return reasoned(o)
}

// reasoned checks the reason of a status that has but one.
func reasoned(o client.Order) error {
	want := map[string]string{"COMPLETED": "", "PAYMENT_FAILED": "card_declined", "CANCELLED": "hold_expired", "CANCELLING": "cancelled_by_client"}
	if slices.ContainsFunc(o.History, func(e client.Entry) bool { return e.Status == "CANCELLING" }) {
		want["CANCELLED"] = want["CANCELLING"]
	}
	if reason, one := want[o.Status]; one && reason != o.Reason {
		return fmt.Errorf("order %s is %s for the reason %q, not %q", o.OrderID, o.Status, o.Reason, reason)
	}
	return nil
}
