//go:build browser

package browsertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"
)

// deadLetters seeds so many orders whose message to inventory is a dead letter.
func (s *shop) deadLetters(n int) {
	s.t.Helper()
	s.seed(func(e *engine.Engine) error {
		now := time.Now().Truncate(time.Millisecond)
		service := order.Service{Store: e.Orders, Terms: order.Terms{Hold: time.Hour, Silence: time.Minute}}
		var letters []event.DeadLetter
		for i := range n {
			placed, err := service.Place(s.t.Context(), now, []order.Request{{
				Caller: "local", UserID: "test_user", OrderID: fmt.Sprintf("order-%04d", i), Lines: []event.Line{{SKU: "A123", Qty: 1}}, PaymentMethod: "sim_approve",
			}})
			if err != nil {
				return err
			}
			message := placed[0].Send
			letters = append(letters, event.DeadLetter{ID: message.ID(), Event: message, Reason: "the SKU's row could not be read", Count: 10, DeadAt: now})
		}
		return e.DeadLetters[event.Inventory].Put(s.t.Context(), letters)
	})
}

// wantDead fails unless so many dead letters are left of inventory's.
func (s *shop) wantDead(n int) {
	s.t.Helper()
	left := 0
	for _, err := range s.DeadLetters(s.t.Context(), "inventory") {
		s.check(err)
		left++
	}
	if left != n {
		s.t.Errorf("%d dead letters are left, want %d", left, n)
	}
}

func TestADeadLetterIsReadAndRedriven(t *testing.T) {
	s := newShop(t)
	s.deadLetters(3)
	s.open()
	v := visit(t, s.url)
	v.goTo("/")
	v.seesIn("Needs attention", "3 messages could not be handled by inventory.")
	v.click(link, "See the dead letters")
	v.sees("the SKU's row could not be read")
	v.clickIn(`document.querySelector("main tbody tr")`, []string{link}, "OrderPlaced")
	v.seesIn("Why it could not be handled", "the SKU's row could not be read")
	v.sees("order-0000", "10 times", `"type": "holdfast.OrderPlaced"`, "(not shown)")
	v.click(button, "Redrive")
	v.sees("1 dead letter is back on the queue.")
	s.wantDead(2)
}

func TestSomeDeadLettersAreRedriven(t *testing.T) {
	s := newShop(t)
	s.deadLetters(4)
	s.open()
	v := visit(t, s.url)
	v.goTo("/ops/queues")
	v.click(link, "Dead letters of inventory")
	v.finds(`document.querySelectorAll("main tbody tr").length === 4`)
	for _, box := range v.names(checkbox)[:2] {
		v.click(checkbox, box)
	}
	s.check(s.DeleteDeadLetter(t.Context(), "inventory", "order-0003:OrderPlaced"))
	v.finds(`document.querySelectorAll("main tbody tr").length === 3`) // and what is chosen stays chosen
	v.click(button, "Redrive selected")
	v.sees("2 dead letters are back on the queue.")
	s.wantDead(1)
	for i := range 3 {
		s.wantEnd(fmt.Sprintf("order-%04d", i), "COMPLETED")
	}
}

func TestAllDeadLettersAreRedriven(t *testing.T) {
	s := newShop(t)
	s.deadLetters(60)
	s.open()
	v := visit(t, s.url)
	v.goTo("/ops/queues/inventory/dead-letters")
	v.finds(`document.querySelectorAll("main tbody tr").length === 50`)
	v.click(link, "Next")
	v.finds(`document.querySelectorAll("main tbody tr").length === 10`)
	v.click(link, "First")
	v.finds(`document.querySelectorAll("main tbody tr").length === 50`)
	v.click(button, "Redrive all")
	v.sees("60 dead letters are back on the queue.", "There are none.")
	s.wantDead(0)
}

// TestADeadLetterIsDeletedOnlyWhenThatIsConfirmed opens the confirmation, and then
// confirms.
func TestADeadLetterIsDeletedOnlyWhenThatIsConfirmed(t *testing.T) {
	s := newShop(t)
	s.deadLetters(1)
	s.open()
	v := visit(t, s.url)
	v.goTo("/ops/queues/inventory/dead-letters")
	v.click(link, "OrderPlaced")
	v.click(disclosure, "Delete")
	v.until("the confirmation", func(ctx context.Context) error {
		_, err := find(ctx, everywhere, []string{button}, "Yes, delete it for good")
		return err
	})
	s.wantDead(1)
	v.click(button, "Yes, delete it for good")
	v.sees("The dead letter is deleted for good.", "There are none.")
	s.wantDead(0)
}
