package payment_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/payment"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// desk is a payment service with its store, and what it told of its changes.
type desk struct {
	payment.Service
	changes []payment.State
}

func newDesk() *desk {
	d := &desk{Service: payment.Service{Store: memory.New().Payments}}
	d.Changed = func(p payment.Payment, _ event.Event) { d.changes = append(d.changes, p.State) }
	return d
}

func (d *desk) handle(t *testing.T, batch ...event.Event) []event.Result {
	t.Helper()
	results, err := d.Handle(t.Context(), noon, batch)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func ref(id string) event.Ref { return event.Ref{OrderID: id, Number: int64(id[0])} }

// reserved is inventory's word that an order's stock is held.
func reserved(id string, amount int64) event.Event {
	e := event.New(event.StockReserved, ref(id), noon)
	e.Total, e.PaymentMethod, e.ReservedAt = event.Money{Amount: amount, Currency: "USD"}, "card-"+id, noon.Add(-time.Second)
	return e
}

func TestEveryCallOfABatchIsOfItsOwnOrder(t *testing.T) {
	d := newDesk()
	d.handle(t, reserved("a", 100), reserved("b", 250))
	for i, r := range d.handle(t, reserved("b", 250), reserved("a", 100)) {
		want := []event.Call{
			{Op: event.Capture, Ref: ref("b"), Amount: event.Money{Amount: 250, Currency: "USD"}, PaymentMethod: "card-b"},
			{Op: event.Capture, Ref: ref("a"), Amount: event.Money{Amount: 100, Currency: "USD"}, PaymentMethod: "card-a"},
		}[i]
		if r.Call != want {
			t.Errorf("the call is %+v, want %+v", r.Call, want)
		}
		if r.Send.Type != event.PaymentPending || r.Send.Ref != want.Ref || r.Send.Total != want.Amount || !r.Send.ReservedAt.Equal(noon.Add(-time.Second)) {
			t.Errorf("the order is told %+v", r.Send)
		}
	}
}

// TestWhatIsToldIsOfTheRecordsTime: a message sent again is the same message.
func TestWhatIsToldIsOfTheRecordsTime(t *testing.T) {
	d := newDesk()
	d.handle(t, reserved("a", 100))
	captured := event.Event{Type: event.GatewayCaptured, Version: event.Version, Ref: ref("a")}
	first := d.handle(t, captured)[0].Send
	later, err := d.Handle(t.Context(), noon.Add(time.Hour), []event.Event{reserved("a", 100)})
	if err != nil || first.Type != event.PaymentCaptured || !first.At.Equal(noon) || later[0].Send.Type != first.Type || !later[0].Send.At.Equal(first.At) {
		t.Errorf("first %+v, then %+v, %v", first, later, err)
	}
}

func TestARefundSaysWhetherItRestocksAndNothingElseDoes(t *testing.T) {
	for _, restock := range []bool{false, true} {
		d := newDesk()
		d.handle(t, reserved("a", 100))
		d.handle(t, event.Event{Type: event.GatewayCaptured, Version: event.Version, Ref: ref("a")})
		asked := event.New(event.RefundRequested, ref("a"), noon)
		asked.Restock = restock
		if r := d.handle(t, asked)[0]; r.Call.Op != event.Refund || r.Call.Amount.Amount != 100 {
			t.Errorf("the refund asks for %+v", r.Call)
		}
		asked.Restock = !restock // of a message that is none of the order's: the record decides
		d.handle(t, asked)
		told := d.handle(t, event.Event{Type: event.GatewayRefunded, Version: event.Version, Ref: ref("a"), Restock: !restock})[0].Send
		if told.Type != event.PaymentRefunded || told.Restock != restock || !told.Total.IsZero() || !told.ReservedAt.IsZero() {
			t.Errorf("asked for restock=%t, inventory is told %+v", restock, told)
		}
	}
}

func TestEachChangeIsHeardOfOnce(t *testing.T) {
	d := newDesk()
	d.handle(t, reserved("a", 100), reserved("a", 100))
	d.handle(t, event.Event{Type: event.GatewayDeclined, Version: event.Version, Ref: ref("a")}, reserved("a", 100))
	if len(d.changes) != 2 || d.changes[0] != payment.Charging || d.changes[1] != payment.Declined {
		t.Errorf("heard of %v", d.changes)
	}
}

func TestAStoreThatFailsFailsTheBatch(t *testing.T) {
	broken := errors.New("the disk is gone")
	d := payment.Service{Store: failing{err: broken}}
	if results, err := d.Handle(t.Context(), noon, []event.Event{reserved("a", 1)}); !errors.Is(err, broken) || results != nil {
		t.Errorf("got %v, %v", results, err)
	}
}

type failing struct {
	payment.Store
	err error
}

func (f failing) Apply(context.Context, []payment.Change) ([]event.Written[payment.Payment], error) {
	return nil, f.err
}

// till is a gateway that notes what it is asked.
type till struct {
	asked  string
	charge payment.Charge
	answer payment.Answer
	err    error
}

func (g *till) note(op string, c payment.Charge) (payment.Answer, error) {
	g.asked, g.charge = op, c
	return g.answer, g.err
}

func (g *till) Capture(_ context.Context, c payment.Charge) (payment.Answer, error) {
	return g.note("capture", c)
}

func (g *till) Void(_ context.Context, c payment.Charge) (payment.Answer, error) {
	return g.note("void", c)
}

func (g *till) Refund(_ context.Context, c payment.Charge) (payment.Answer, error) {
	return g.note("refund", c)
}

func TestACallGoesOutUnderTheOrdersKeyAndBringsItsAnswerBack(t *testing.T) {
	for _, c := range []struct {
		op, key string
		answer  payment.Answer
		want    event.Type
	}{
		{"capture", "a", payment.AnswerCaptured, event.GatewayCaptured},
		{"capture", "a", payment.AnswerDeclined, event.GatewayDeclined},
		{"void", "a", payment.AnswerVoided, event.GatewayVoided},
		{"refund", "a/refund", payment.AnswerRefunded, event.GatewayRefunded},
	} {
		g := &till{answer: c.answer}
		call := event.Call{Op: event.Op(c.op), Ref: ref("a"), Amount: event.Money{Amount: 5, Currency: "EUR"}, PaymentMethod: "card"}
		got, err := payment.Perform(t.Context(), g, call)
		if err != nil || got.Type != c.want || got.Version != event.Version || got.Ref != call.Ref {
			t.Errorf("%s, answered %s, brings %+v, %v", c.op, c.answer, got, err)
		}
		if want := (payment.Charge{Key: c.key, Order: call.Ref, Amount: call.Amount, Method: "card"}); g.asked != c.op || g.charge != want {
			t.Errorf("%s became %s of %+v, want %+v", c.op, g.asked, g.charge, want)
		}
	}
}

func TestAnErrorIsAnUnknownAnswerWhateverCameWithIt(t *testing.T) {
	g := &till{answer: payment.AnswerDeclined, err: errors.New("the line broke")}
	got, err := payment.Perform(t.Context(), g, event.Call{Op: event.Capture, Ref: ref("a")})
	if got.Type != event.GatewayUnknown || got.Version != event.Version || got.Ref != ref("a") || !errors.Is(err, g.err) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestWhatCannotBeIsDeadAndChangesNothing: a message that no payment can meet in
// its state is never guessed at.
func TestWhatCannotBeIsDeadAndChangesNothing(t *testing.T) {
	declined := event.Event{Type: event.GatewayDeclined, Version: event.Version, Ref: ref("a")}
	captured := event.Event{Type: event.GatewayCaptured, Version: event.Version, Ref: ref("a")}
	refund := event.New(event.RefundRequested, ref("a"), noon)
	for name, batch := range map[string][]event.Event{
		"a refund of nothing":              {refund},
		"a refund of what was declined":    {reserved("a", 1), declined, refund},
		"a cancel of what is refunded now": {reserved("a", 1), captured, refund, event.New(event.CancelRequestedClient, ref("a"), noon)},
	} {
		d := newDesk()
		results := d.handle(t, batch...)
		before := len(d.changes)
		last := results[len(results)-1]
		if !errors.Is(last.Dead, event.Unreachable) || last.Send.Type != "" || last.Call.Op != "" || len(d.changes) != before || before != len(batch)-1 {
			t.Errorf("%s: %+v after the changes %v", name, last, d.changes)
		}
	}
}

func TestTheTablesCellsCanBeNamed(t *testing.T) {
	if one := (event.CellName{Message: event.GatewayCaptured, State: "CHARGING"}); !slices.Contains(payment.Cells(), one) {
		t.Errorf("%v is not among %v", one, payment.Cells())
	}
}
