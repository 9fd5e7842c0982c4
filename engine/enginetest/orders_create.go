package enginetest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"
)

var createTests = []storeTest{
	{"Create inserts an order with every field", createKeepsEveryField},
	{"Create returns the stored order, unchanged, where the id is taken", createFindsTheStored},
	{"Create stores the first of several with one id in a batch", createFirstOfBatch},
	{"Create makes one order of one id posted by many at once", createInParallel},
	{"Create gives unique positive Numbers that rise", numbersRise},
	{"Create of an empty batch does nothing", createNothing},
	{"Get says NotFound of an unknown id", getUnknown},
	{"Get compares ids exactly", getExactID},
	{"times are kept to the millisecond", timesToTheMillisecond},
}

func createKeepsEveryField(t *testing.T, e *engine.Engine) {
	o := newOrder("Every.Field_1-a")
	o.Caller, o.UserID, o.PaymentMethod, o.Rendering = "shop\x00é", strings.Repeat("é", order.MaxUserID), "sim_slow", 7
	o.Lines = []event.Line{line("Z9", 3), line("A123", order.MaxQty), line("m.m", 1)}
	got := create(t, e, o)[0]
	o.Number = got.Number
	wantSame(t, "created", got, o)
	wantSame(t, "read", must(e.Orders.Get(t.Context(), o.OrderID))(t), o)
}

func createFindsTheStored(t *testing.T, e *engine.Engine) {
	first := create(t, e, newOrder("one"))[0]
	now := change(t, e, order.Change{Ref: first.Ref, From: []order.Status{order.Pending}, To: order.Completed, At: after(5)})
	other := newOrder("one")
	other.Caller, other.UserID, other.Fingerprint, other.Lines = "else", "bob", [16]byte{1}, []event.Line{line("B456", 9)}
	found := must(e.Orders.Create(t.Context(), []order.Order{other, newOrder("two")}))(t)
	if found[0].New || !found[1].New {
		t.Errorf("New is %t of the taken id, %t of the free one", found[0].New, found[1].New)
	}
	wantSame(t, "found", found[0].Order, now)
	wantSame(t, "read", must(e.Orders.Get(t.Context(), "one"))(t), now)
}

func createFirstOfBatch(t *testing.T, e *engine.Engine) {
	first, second := newOrder("same"), newOrder("same")
	second.UserID = "bob"
	c := must(e.Orders.Create(t.Context(), []order.Order{first, newOrder("other"), second}))(t)
	if !c[0].New || !c[1].New || c[2].New {
		t.Errorf("New is %t, %t, %t; want true, true, false", c[0].New, c[1].New, c[2].New)
	}
	if c[0].Order.UserID != "ann" {
		t.Errorf("the order of %s is stored, want the first", c[0].Order.UserID)
	}
	wantSame(t, "the second answer", c[2].Order, c[0].Order)
}

func createInParallel(t *testing.T, e *engine.Engine) {
	var made atomic.Int32
	answers := make([]order.Order, 100)
	inParallel(t, len(answers), func(i int) error {
		o := newOrder("one-key")
		o.UserID = fmt.Sprint("user ", i)
		c, err := e.Orders.Create(t.Context(), []order.Order{o})
		if err != nil {
			return err
		}
		if answers[i] = c[0].Order; c[0].New {
			made.Add(1)
		}
		return nil
	})
	if n := made.Load(); n != 1 {
		t.Errorf("%d calls made the order, want 1", n)
	}
	for _, o := range answers {
		wantSame(t, "answer", o, answers[0])
	}
	if all := must(e.Orders.Scan(t.Context(), 0, 10))(t); len(all) != 1 {
		t.Errorf("%d orders are stored, want 1", len(all))
	}
}

func numbersRise(t *testing.T, e *engine.Engine) {
	var last int64
	for batch := range 3 {
		for _, o := range create(t, e, newOrders(fmt.Sprint("batch", batch), 5)...) {
			if o.Number <= last {
				t.Errorf("order %s has Number %d, one before it %d", o.OrderID, o.Number, last)
			}
			last = o.Number
		}
	}
}

// numbersBecomeVisibleInOrder follows the orders as they appear: one that
// appeared behind the reader would be missed by every audit.
func numbersBecomeVisibleInOrder(t *testing.T, e *engine.Engine) {
	const writers, each = 8, 20
	var written atomic.Int32
	seen := 0
	inParallel(t, writers+1, func(i int) error {
		if i < writers {
			for n := range each {
				if _, err := e.Orders.Create(t.Context(), []order.Order{newOrder(fmt.Sprintf("w%d-%d", i, n))}); err != nil {
					return err
				}
			}
			written.Add(1)
			return nil
		}
		var last int64
		for done := false; !done; {
			done = written.Load() == writers
			orders, err := e.Orders.Scan(t.Context(), last, 1000)
			if err != nil {
				return err
			}
			if seen += len(orders); len(orders) > 0 {
				last = orders[len(orders)-1].Number
			}
		}
		return nil
	})
	if seen != writers*each {
		t.Errorf("a reader in ascending Number saw %d orders of %d", seen, writers*each)
	}
}

func createNothing(t *testing.T, e *engine.Engine) {
	if c := must(e.Orders.Create(t.Context(), nil))(t); len(c) != 0 {
		t.Errorf("answers to nothing: %+v", c)
	}
}

func getUnknown(t *testing.T, e *engine.Engine) {
	_, err := e.Orders.Get(t.Context(), "nobody")
	wantCode(t, "Get", err, event.NotFound)
}

func getExactID(t *testing.T, e *engine.Engine) {
	create(t, e, newOrder("abc"))
	for _, id := range []string{"ABC", "abc ", "ab", "abc%", ""} {
		_, err := e.Orders.Get(t.Context(), id)
		wantCode(t, "Get "+id, err, event.NotFound)
	}
	create(t, e, newOrder("ABC"))
}

func timesToTheMillisecond(t *testing.T, e *engine.Engine) {
	o := newOrder("fine")
	fine := start.Add(456_789 * time.Nanosecond).In(time.FixedZone("", 3600))
	o.HoldUntil, o.Due, o.History[0].At = fine, fine, fine
	got := create(t, e, o)[0]
	read := must(e.Orders.Get(t.Context(), "fine"))(t)
	wantSame(t, "created and read", got, read)
	for _, at := range []time.Time{read.HoldUntil, read.Due, read.CreatedAt()} {
		if !at.Truncate(time.Millisecond).Equal(start) {
			t.Errorf("%v is kept as %v", fine, at)
		}
	}
}
