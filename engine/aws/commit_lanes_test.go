package aws

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/event"
	"holdfast/inventory"
)

// packer is a committer that starts nothing: pack is called in the test, and what
// it packs stays under way until it is released.
func packer(moves ...*movement) *committer {
	c := newCommitter(nil)
	for _, m := range moves {
		c.queue(m)
	}
	return c
}

// release ends a transaction.
func (c *committer) release(t *transaction) {
	c.underway++
	c.carry = func([]*movement) {}
	room := c.underway
	c.underway = maxUnderway + 1 // so that nothing else is started
	c.run(t)
	c.underway = room - 1
}

// holdOf is a hold of one unit of each SKU for the nth order.
func holdOf(n int, skus ...string) *movement {
	c := inventory.Change{Ref: event.Ref{OrderID: fmt.Sprint("o", n), Number: int64(n)}, From: []inventory.State{inventory.None}, To: inventory.Held}
	for _, sku := range skus {
		c.Lines = append(c.Lines, event.Line{SKU: sku, Qty: 1})
	}
	return &movement{change: c}
}

// holdsOf are holds of one SKU for the orders from n on.
func holdsOf(n, count int, sku string) (moves []*movement) {
	for i := range count {
		moves = append(moves, holdOf(n+i, sku))
	}
	return moves
}

// packed are the orders of a transaction.
func packed(t *transaction) string {
	var orders []string
	for _, m := range t.moves {
		orders = append(orders, m.change.OrderID)
	}
	return strings.Join(orders, " ")
}

func wantPacked(t *testing.T, c *committer, share int, want string) *transaction {
	t.Helper()
	got := c.pack(share)
	if packed(got) != want {
		t.Errorf("a transaction of %q, want %q", packed(got), want)
	}
	return got
}

func TestHoldsOfOneSKUShareATransaction(t *testing.T) {
	c := packer(holdsOf(0, 250, "A")...)
	for _, want := range []int{99, 99, 52, 0} {
		tx := c.pack(1)
		if len(tx.moves) != want || want > 0 && tx.actions != want+1 {
			t.Fatalf("%d holds in %d actions, want %d holds and one update", len(tx.moves), tx.actions, want)
		}
		if early := c.pack(9); len(early.moves) > 0 {
			t.Fatalf("%d holds go while a transaction has their SKU", len(early.moves))
		}
		c.release(tx)
	}
	if len(c.lanes) != 0 {
		t.Errorf("%d lanes are left behind", len(c.lanes))
	}
}

func TestSKUsShareATransactionOnlyForWantOfRoom(t *testing.T) {
	c := packer(holdOf(1, "A"), holdOf(2, "B"), holdOf(3, "A"), holdOf(4, "C"))
	wantPacked(t, c, 1, "o1 o3")
	wantPacked(t, c, 2, "o2 o4")
}

func TestNoMovementOvertakesAnEarlierOneOfItsSKU(t *testing.T) {
	c := packer(holdOf(1, "B"), holdOf(2, "B", "A"), holdOf(3, "A"), holdOf(4, "C"))
	first := c.pack(1)
	if packed(first) != "o1 o2 o3" {
		t.Fatalf("a transaction of %q, want all that are linked by their SKUs, in their order", packed(first))
	}
	c = packer(holdOf(1, "B"))
	first = wantPacked(t, c, 1, "o1")
	for _, m := range []*movement{holdOf(2, "A", "B"), holdOf(3, "A"), holdOf(4, "C")} {
		c.queue(m)
	}
	wantPacked(t, c, 9, "o4") // o2 waits for B, and o3 behind it for A
	c.release(first)
	wantPacked(t, c, 9, "o2 o3")
}

func TestAMovementWaitsForAllOfItsLanes(t *testing.T) {
	c := packer(holdOf(0, "D"))
	first := wantPacked(t, c, 1, "o0")
	for _, m := range []*movement{holdOf(1, "A"), holdOf(2, "D", "B"), holdOf(3, "A", "B")} {
		c.queue(m)
	}
	second := wantPacked(t, c, 9, "o1") // o3 must not overtake o2 at B
	c.release(second)
	wantPacked(t, c, 9, "")
	c.release(first)
	wantPacked(t, c, 9, "o2 o3")
}

func TestALargeOrderGoesWholeOrNotYet(t *testing.T) {
	var some, more []string
	for i := range 60 {
		some, more = append(some, fmt.Sprint("S", i)), append(more, fmt.Sprint("T", i))
	}
	c := packer(holdOf(1, some...), holdOf(2, more...), holdOf(3, more[59]))
	first := wantPacked(t, c, 9, "o1")
	c.release(first)
	wantPacked(t, c, 9, "o2 o3")
}

func TestTheChangesOfOneOrderNeverShareATransaction(t *testing.T) {
	c := packer(holdOf(1, "A"), holdOf(1, "A"), holdOf(2, "A"))
	first := wantPacked(t, c, 9, "o1")
	c.release(first)
	wantPacked(t, c, 9, "o1 o2")
}

func TestABookingHasATransactionOfItsOwn(t *testing.T) {
	book := &movement{booking: &booking{[]*entry{{sku: "A"}, {sku: "B"}, {sku: "A"}}}}
	c := packer(holdOf(1, "A"), book, holdOf(2, "B"), holdOf(3, "C"))
	first := wantPacked(t, c, 9, "o1 o3")
	c.release(first)
	second := c.pack(9)
	if !slices.Equal(second.moves, []*movement{book}) {
		t.Fatalf("a transaction of %q, want the booking alone", packed(second))
	}
	c.release(second)
	wantPacked(t, c, 9, "o2")
}
