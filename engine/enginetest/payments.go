package enginetest

import (
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/payment"
)

var paymentTests = []storeTest{
	{"Apply keeps every field of a payment", paymentKeepsEveryField},
	{"Apply makes the changes of one order one after another", paymentsInTurn},
	{"Apply changes nothing of a payment in none of the From states", paymentElsewhere},
	{"Apply leaves a payment from each of the From states", paymentFromEach},
	{"Apply without a From only reads", paymentReads},
	{"Apply returns the zero Payment where there is none", paymentUnknown},
	{"Apply answers each of many changes in its place", paymentMany},
	{"Get returns the payments in the order asked for", getPayments},
	{"Scan returns the payments in ascending Number after the one given", scanPayments},
}

func charge(r event.Ref) payment.Change {
	return payment.Change{Ref: r, From: []payment.State{payment.None}, To: payment.Charging, At: after(2),
		Amount: price, Method: "sim_slow", ReservedAt: after(1)}
}

func toState(r event.Ref, from, to payment.State, seconds int) payment.Change {
	return payment.Change{Ref: r, From: []payment.State{from}, To: to, At: after(seconds)}
}

// pay applies payment changes and returns the payments as they then stand.
func pay(t *testing.T, e *engine.Engine, changes ...payment.Change) []event.Written[payment.Payment] {
	t.Helper()
	written := must(e.Payments.Apply(t.Context(), changes))(t)
	if len(written) != len(changes) {
		t.Fatalf("%d changes, %d answers", len(changes), len(written))
	}
	return written
}

func paymentOf(t *testing.T, e *engine.Engine, r event.Ref) payment.Payment {
	t.Helper()
	return must(e.Payments.Get(t.Context(), []event.Ref{r}))(t)[0]
}

// paymentStory takes one payment from its charge to its refund. Fields that a
// change does not teach are set too, and must have no effect.
func paymentStory(r event.Ref) ([]payment.Change, []payment.Payment) {
	captured := toState(r, payment.Charging, payment.Captured, 3)
	captured.Amount, captured.Method, captured.Restock = event.Money{Amount: 1, Currency: "EUR"}, "other", true
	refunding := toState(r, payment.Captured, payment.Refunding, 4)
	refunding.Restock = true
	refunded := toState(r, payment.Refunding, payment.Refunded, 5)
	p := payment.Payment{Ref: r, State: payment.Charging, Amount: price, Method: "sim_slow", ReservedAt: after(1), UpdatedAt: after(2)}
	stand := []payment.Payment{p, p, p, p}
	stand[1].State, stand[1].UpdatedAt = payment.Captured, after(3)
	stand[2].State, stand[2].UpdatedAt, stand[2].Restock = payment.Refunding, after(4), true
	stand[3].State, stand[3].UpdatedAt, stand[3].Restock = payment.Refunded, after(5), true
	return []payment.Change{charge(r), captured, refunding, refunded}, stand
}

func paymentKeepsEveryField(t *testing.T, e *engine.Engine) {
	changes, stand := paymentStory(ref(1))
	for i, c := range changes {
		w := pay(t, e, c)[0]
		if !w.Changed {
			t.Errorf("%s was not written", c.To)
		}
		wantSame(t, "answer", w.Record, stand[i])
		wantSame(t, "read", paymentOf(t, e, ref(1)), stand[i])
	}
}

func paymentsInTurn(t *testing.T, e *engine.Engine) {
	changes, stand := paymentStory(ref(1))
	for i, w := range pay(t, e, changes...) {
		if !w.Changed {
			t.Errorf("%s was not written", changes[i].To)
		}
		wantSame(t, "after its change", w.Record, stand[i])
	}
	wantSame(t, "read", paymentOf(t, e, ref(1)), stand[3])
}

func paymentElsewhere(t *testing.T, e *engine.Engine) {
	before := pay(t, e, charge(ref(1)))[0].Record
	for _, c := range []payment.Change{charge(ref(1)), toState(ref(1), payment.Captured, payment.Refunding, 9)} {
		w := pay(t, e, c)[0]
		if w.Changed {
			t.Errorf("%+v changed a payment that is %s", c, before.State)
		}
		wantSame(t, "answer", w.Record, before)
	}
	wantSame(t, "read", paymentOf(t, e, ref(1)), before)
}

func paymentFromEach(t *testing.T, e *engine.Engine) {
	states := []payment.State{payment.Charging, payment.Captured, payment.Declined, payment.VoidingClient, payment.VoidingExpired, payment.Refunding}
	for i, s := range states {
		pay(t, e, charge(ref(i)), toState(ref(i), payment.Charging, s, 3))
		c := toState(ref(i), "", payment.Voided, 4)
		c.From = states
		if w := pay(t, e, c)[0]; !w.Changed || w.Record.State != payment.Voided {
			t.Errorf("from %s: %+v", s, w)
		}
	}
}

func paymentReads(t *testing.T, e *engine.Engine) {
	before := pay(t, e, charge(ref(1)))[0].Record
	w := pay(t, e, payment.Change{Ref: ref(1), At: after(9), Amount: event.Money{Amount: 1, Currency: "EUR"}, Restock: true})[0]
	if w.Changed {
		t.Error("a read is said to have changed the payment")
	}
	wantSame(t, "answer", w.Record, before)
	wantSame(t, "read", paymentOf(t, e, ref(1)), before)
}

func paymentUnknown(t *testing.T, e *engine.Engine) {
	for _, w := range pay(t, e, toState(ref(1), payment.Charging, payment.Captured, 1), payment.Change{Ref: ref(2)}) {
		if w.Changed {
			t.Error("a payment that does not exist was changed")
		}
		wantSame(t, "answer", w.Record, payment.Payment{})
	}
	wantSame(t, "read", paymentOf(t, e, ref(1)), payment.Payment{})
	tombstone := toState(ref(3), payment.None, payment.Voided, 1)
	want := payment.Payment{Ref: ref(3), State: payment.Voided, UpdatedAt: after(1)}
	wantSame(t, "tombstone", pay(t, e, tombstone)[0].Record, want)
	wantSame(t, "tombstone as read", paymentOf(t, e, ref(3)), want)
}

func paymentMany(t *testing.T, e *engine.Engine) {
	var changes []payment.Change
	var want []payment.State
	for n := range 120 {
		changes = append(changes, charge(ref(n)), toState(ref(n), payment.Charging, payment.Declined, 3))
		if want = append(want, payment.Charging, payment.Declined); n%3 == 0 {
			changes[len(changes)-1].From = []payment.State{payment.Captured}
			want[len(want)-1] = payment.Charging
		}
	}
	for i, w := range pay(t, e, changes...) {
		if w.Record.Ref != changes[i].Ref || w.Record.State != want[i] || w.Changed != (changes[i].To == want[i]) {
			t.Errorf("change %d: %+v, want %s", i, w, want[i])
		}
	}
}

func getPayments(t *testing.T, e *engine.Engine) {
	pay(t, e, charge(ref(1)), charge(ref(2)), charge(ref(3)))
	got := must(e.Payments.Get(t.Context(), []event.Ref{ref(3), ref(9), ref(1), ref(3)}))(t)
	for i, want := range []event.Ref{ref(3), {}, ref(1), ref(3)} {
		if got[i].Ref != want {
			t.Errorf("payment %d: %+v", i, got[i])
		}
	}
}

func scanPayments(t *testing.T, e *engine.Engine) {
	var want []payment.Payment
	for _, n := range []int{2, 9, 1, 40, 3, 11, 10} {
		pay(t, e, charge(ref(n)))
	}
	for _, n := range []int{1, 2, 3, 9, 10, 11, 40} {
		want = append(want, paymentOf(t, e, ref(n)))
	}
	got := pages(t, 3, func(last payment.Payment) ([]payment.Payment, error) {
		return e.Payments.Scan(t.Context(), last.Number, 3)
	})
	wantSame(t, "scan", got, want)
}
