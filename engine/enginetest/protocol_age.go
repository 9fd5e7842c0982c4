package enginetest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/payment"
)

// What may begin a record is refused by its age where there is none, since the
// record that it began may have been purged. Every other cell is as ever.
var ageProtocolTests = []storeTest{
	{"inventory keeps to its table with messages of any age, but begins no hold for an old one", inventoryAgeTable},
	{"payment keeps to its tables with messages of any age, but begins no charge for an old one", paymentAgeTable},
	{"inventory holds nothing for an order older than MaxAge", oldOrderHoldsNothing},
	{"payment charges nothing for a hold older than MaxAge", oldHoldChargesNothing},
	{"a cancel of any age leaves its tombstones", oldCancelTombstones},
}

// old is the protocol with messages older than MaxAge, of which the type given
// may begin no record.
func (p protocol[S, R]) old(beginner event.Type) protocol[S, R] {
	none := p.paths[0].state
	p.age, p.rows = event.MaxAge, maps.Clone(p.rows)
	p.rows[none] = slices.Clone(p.rows[none])
	p.rows[none][slices.Index(p.columns, beginner)] = cell[S]{dead: true}
	return p
}

func inventoryAgeTable(t *testing.T, e *engine.Engine) {
	inventoryProtocol(e).old(event.OrderPlaced).run(t)
}

func paymentAgeTable(t *testing.T, e *engine.Engine) {
	paymentProtocol(e).old(event.StockReserved).run(t)
}

// handAged gives a message to a service when it is that old.
func handAged(t *testing.T, s handler, m event.Event, age time.Duration) event.Result {
	t.Helper()
	return handle(t, s, m.At.Add(age), m)[0]
}

func oldOrderHoldsNothing(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	s := inventoryService(e)
	got := handAged(t, s, placed(1, line("A", 2)), event.MaxAge+time.Millisecond)
	wantCode(t, "an order older than MaxAge", got.Dead, event.Unreachable)
	if got.Send.Type != "" || got.Retry {
		t.Errorf("it leads to %+v", got)
	}
	wantSame(t, "the reservation", stored(reservation(t, e, ref(1))), inventory.Reservation{})
	wantStock(t, e, "A", 5, 0, 0)
	if got := handAged(t, s, placed(2, line("A", 2)), event.MaxAge); got.Send.Type != event.StockReserved || got.Dead != nil {
		t.Errorf("an order of just MaxAge: %+v", got)
	}
	if got := handAged(t, s, placed(2, line("A", 2)), 10*event.MaxAge); got.Send.Type != event.StockReserved || got.Dead != nil {
		t.Errorf("its repeat, much later: %+v", got)
	}
	wantStock(t, e, "A", 3, 2, 0)
}

func oldHoldChargesNothing(t *testing.T, e *engine.Engine) {
	s := paymentService(e)
	got := handAged(t, s, paymentMessage(event.StockReserved, ref(1)), event.MaxAge+time.Millisecond)
	wantCode(t, "a hold older than MaxAge", got.Dead, event.Unreachable)
	if got.Call.Op != "" || got.Send.Type != "" || got.Retry {
		t.Errorf("it leads to %+v", got)
	}
	wantSame(t, "the payment", paymentOf(t, e, ref(1)), payment.Payment{})
	for _, age := range []time.Duration{event.MaxAge, 10 * event.MaxAge} {
		if got := handAged(t, s, paymentMessage(event.StockReserved, ref(2)), age); got.Call.Op != event.Capture || got.Dead != nil {
			t.Errorf("a hold %s old, whose charge began in time: %+v", age, got)
		}
	}
}

func oldCancelTombstones(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	pay, stock := paymentService(e), inventoryService(e)
	for i, typ := range []event.Type{event.CancelRequestedClient, event.CancelRequestedExpired} {
		r := ref(1 + i)
		voided := handAged(t, pay, paymentMessage(typ, r), 10*event.MaxAge)
		if voided.Send.Type != event.PaymentVoided || voided.Call.Op != "" || paymentOf(t, e, r).State != payment.Voided {
			t.Errorf("%s: %+v", typ, voided)
		}
		if got := handAged(t, stock, voided.Send, 10*event.MaxAge); got.Send.Type != event.StockReleasedVoided {
			t.Errorf("the void of no hold: %+v", got)
		}
		// What the tombstones refuse, they refuse at any age.
		for _, age := range []time.Duration{0, 10 * event.MaxAge} {
			if got := handAged(t, pay, paymentMessage(event.StockReserved, r), age); got.Send.Type != event.PaymentVoided || got.Call.Op != "" || got.Dead != nil {
				t.Errorf("the late charge: %+v", got)
			}
			if got := handAged(t, stock, placed(1+i, line("A", 1)), age); got.Send.Type != event.StockReleasedVoided || got.Dead != nil {
				t.Errorf("the late hold: %+v", got)
			}
		}
	}
	wantStock(t, e, "A", 5, 0, 0)
}
