package sim

import (
	"errors"
	"reflect"
	"slices"

	"holdfast/event"
	"holdfast/order"
)

// told is what clients were told of one order. No answer may contradict an
// earlier one, nor may the order's end.
type told struct {
	w         *world
	id        string
	placed    order.Order // as its first 202 said
	last      order.Order // the newest that anybody has seen
	cancelled bool        // a cancel was answered 202
	refunded  bool        // a refund was
	restock   bool        // as the first refund said
}

// accepted takes up a 202. Of a request that names its order, each 202 must be the
// same as the first.
func (w *world) accepted(client string, o order.Order, named bool, known int) *told {
	w.note(o.OrderID, client, "has its 202")
	t := w.told[o.OrderID]
	if t == nil {
		t = &told{w: w, id: o.OrderID, placed: o, last: o}
		w.told[o.OrderID] = t
		w.toldIDs = append(w.toldIDs, o.OrderID)
	} else if !named {
		w.breach(o.OrderID, "two requests without a name got one order")
	}
	if was := t.placed; o.UserID != was.UserID || o.Caller != was.Caller || o.Rendering != was.Rendering ||
		!o.CreatedAt().Equal(was.CreatedAt()) || !slices.EqualFunc(o.Lines, was.Lines, sameUnits) {
		w.breach(o.OrderID, "the repeat of a request got another answer than the first")
	}
	t.saw(o, known)
	return t
}

// toldOf are the orders of a user that clients were told of.
func (w *world) toldOf(user string) (ids []string) {
	for _, id := range w.toldIDs {
		if w.told[id].placed.UserID == user {
			ids = append(ids, id)
		}
	}
	return ids
}

func sameUnits(a, b event.Line) bool { return a.SKU == b.SKU && a.Qty == b.Qty }

// saw holds an order, as an answer shows it, to what was seen before. The answer
// must not be older than what was known when it was asked for; against what others
// have heard meanwhile it may be older or newer, but tell no other story.
func (t *told) saw(o order.Order, known int) {
	older, newer := t.last, o
	if older.Version() > newer.Version() {
		older, newer = newer, older
	}
	was := older.Status
	switch {
	case o.Version() < known:
		t.w.breach(t.id, "it was at version %d, and is at %d", known, o.Version())
	case !reflect.DeepEqual(newer.History[:older.Version()], older.History):
		t.w.breach(t.id, "its history was %v, and is %v", older.History, newer.History)
	case was.Ended() && newer.Status != was && !(was == order.Completed && slices.Contains(refundable, newer.Status)):
		t.w.breach(t.id, "it had ended %s, and is %s", was, newer.Status)
	case !older.Total.IsZero() && newer.Total != older.Total:
		t.w.breach(t.id, "its total was %s, and is %s", older.Total, newer.Total)
	case t.refunded && newer.Restock != t.restock:
		t.w.breach(t.id, "its refund was accepted with restock=%t, and has restock=%t", t.restock, newer.Restock)
	}
	t.last = newer
}

// known is the version that an answer asked for now must not fall behind.
func (t *told) known() int {
	if t == nil {
		return 0
	}
	return t.last.Version()
}

// cancellable and refundable are the statuses in which PROTOCOL.md answers 202.
var (
	cancellable = []order.Status{order.Pending, order.Reserved, order.Cancelling, order.Cancelled}
	refundable  = []order.Status{order.Completed, order.Refunding, order.Refunded}
)

// cancelAnswered takes up the answer to a cancel: 202, or 409 for an order that
// stands as given.
func (t *told) cancelAnswered(o order.Order, known int, err error) {
	if err != nil {
		if t.refusedRightly(o, known, err, cancellable); t.cancelled {
			t.w.breach(t.id, "a cancel was accepted, and its repeat refused: %v", err)
		}
		return
	}
	t.cancelled = true
	if o.Status != order.Cancelling && o.Status != order.Cancelled {
		t.w.breach(t.id, "a cancel was accepted, and the order is %s", o.Status)
	}
	t.saw(o, known)
}

// refundAnswered takes up the answer to a refund.
func (t *told) refundAnswered(o order.Order, restock bool, known int, err error) {
	switch {
	case err != nil && slices.Contains(refundable, o.Status) && o.Restock != restock:
		t.saw(o, known) // refused for another restock than it has
	case err != nil:
		if t.refusedRightly(o, known, err, refundable); t.refunded {
			t.w.breach(t.id, "a refund was accepted, and its repeat refused: %v", err)
		}
	default:
		if o.Restock != restock || o.Status != order.Refunding && o.Status != order.Refunded {
			t.w.breach(t.id, "a refund with restock=%t was accepted, and the order is %s with restock=%t", restock, o.Status, o.Restock)
		}
		t.refunded, t.restock = true, restock
		t.saw(o, known)
	}
}

// refusedRightly holds a 409 to the table.
func (t *told) refusedRightly(o order.Order, known int, err error, allowed []order.Status) {
	if !errors.Is(err, event.Conflict) || slices.Contains(allowed, o.Status) {
		t.w.breach(t.id, "a request was refused while the order is %s: %v", o.Status, err)
		return
	}
	t.saw(o, known)
}

// end holds an order's end to what its clients were told.
func (t *told) end(o order.Order) {
	t.saw(o, t.last.Version())
	switch {
	case t.cancelled && o.Status != order.Cancelled:
		t.w.breach(t.id, "its cancel was accepted, and it ended %s", o.Status)
	case t.refunded && o.Status != order.Refunded:
		t.w.breach(t.id, "its refund was accepted, and it ended %s", o.Status)
	}
}
