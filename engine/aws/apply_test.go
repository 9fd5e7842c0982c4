package aws

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/keys"
	"holdfast/order"
	"holdfast/payment"
)

func TestAChangeIsDecidedOnTheRecordAsOfNow(t *testing.T) {
	a, b := two(t)
	mine, theirs := ordersOf(a), ordersOf(b)
	createOrders(t, mine, placed("o"))
	applyOrder(t, theirs, "o", order.Reserved, order.Pending)
	if w := applyOrder(t, mine, "o", order.Cancelled, order.Pending); w.Changed || w.Record.Status != order.Reserved {
		t.Errorf("a change from what is remembered and no longer so: %t, %s", w.Changed, w.Record.Status)
	}
	applyOrder(t, theirs, "o", order.Completed, order.Reserved)
	if w := applyOrder(t, mine, "o", order.Refunding, order.Completed); !w.Changed || w.Record.Version() != 4 {
		t.Errorf("a change from what is not remembered: %t, %+v", w.Changed, w.Record)
	}
	if w := applyOrder(t, theirs, "o", order.Cancelled); w.Changed || w.Record.Status != order.Refunding {
		t.Errorf("a read of what another process has changed: %t, %s", w.Changed, w.Record.Status)
	}
}

func TestTheUsualChangesCostNoRead(t *testing.T) {
	c, w := alone(t)
	orders, payments := ordersOf(c), newPayments(c)
	o := createOrders(t, orders, placed("o"))[0]
	charge := payment.Change{Ref: o.Ref, From: []payment.State{payment.None}, To: payment.Charging, At: o.CreatedAt()}
	capture := payment.Change{Ref: o.Ref, From: []payment.State{payment.Charging}, To: payment.Captured, At: o.CreatedAt()}
	for _, c := range []payment.Change{charge, capture} {
		if written := must(payments.Apply(t.Context(), []payment.Change{c}))(t); !written[0].Changed {
			t.Errorf("%s was not written", c.To)
		}
	}
	if done := applyOrder(t, orders, "o", order.Completed, order.Pending); !done.Changed {
		t.Error("the order was not completed")
	}
	if reads, writes := w.count("BatchGetItem"), w.count("PutItem"); reads != 0 || writes != 4 {
		t.Errorf("an order, its charge, its capture and its end took %d reads and %d writes", reads, writes)
	}
	applyOrder(t, orders, "o", order.Completed, order.Pending)
	if reads, writes := w.count("BatchGetItem"), w.count("PutItem"); reads != 1 || writes != 0 {
		t.Errorf("a repeat took %d reads and %d writes, want one read", reads, writes)
	}
}

func TestAWriteWhoseAnswerWasLostIsKnownAgain(t *testing.T) {
	c, w := alone(t)
	orders := ordersOf(c)
	w.loseNext("PutItem")
	createOrders(t, orders, placed("o"))
	w.loseNext("PutItem")
	if written := applyOrder(t, orders, "o", order.Completed, order.Pending); !written.Changed || written.Record.Version() != 2 {
		t.Errorf("the change: %+v", written)
	}
	if n := w.count("PutItem"); n != 4 {
		t.Errorf("%d requests, want two and their repeats", n)
	}

	store, at := newKeys(c), time.Now()
	w.loseNext("PutItem")
	key := keys.Key{Name: "shop", Scopes: keys.Scopes, CreatedAt: at}
	if err := store.Create(t.Context(), key); err != nil {
		t.Errorf("the new key: %v", err)
	}
	w.loseNext("TransactWriteItems")
	if err := store.Revoke(t.Context(), "shop", at); err != nil {
		t.Errorf("its end: %v", err)
	}

	letters := newDeadLetters(c, event.Order)
	letter := event.DeadLetter{ID: "x", Event: event.Decode([]byte("garbage")), DeadAt: at}
	if err := letters.Put(t.Context(), []event.DeadLetter{letter}); err != nil {
		t.Fatal(err)
	}
	w.loseNext("TransactWriteItems")
	if n := must(letters.Delete(t.Context(), []event.DeadLetter{letter}))(t); n != 1 {
		t.Errorf("the deletion of a letter counts %d", n)
	}
	if n := w.count("TransactWriteItems"); n != 4 {
		t.Errorf("%d transactions, want two and their repeats", n)
	}
}

// rounds hands n rounds to goroutines, a given number of them in each, at once.
func rounds(n, of int, f func(round, i int)) {
	for round := range n {
		var wg sync.WaitGroup
		for i := range of {
			wg.Go(func() { f(round, i) })
		}
		wg.Wait()
	}
}

func TestProcessesThatRaceForAnOrderHaveOneWinner(t *testing.T) {
	a, b := two(t)
	stores := []*orders{ordersOf(a), ordersOf(b)}
	var won [10]atomic.Int32
	for round := range won {
		createOrders(t, stores[0], placed(string(rune('a'+round))))
	}
	rounds(len(won), 8, func(round, i int) {
		to := []order.Status{order.Completed, order.Cancelling, order.FailedNoStock, order.Cancelled}[i%4]
		if applyOrder(t, stores[i%2], string(rune('a'+round)), to, order.Pending).Changed {
			won[round].Add(1)
		}
	})
	for round := range won {
		if n := won[round].Load(); n != 1 {
			t.Errorf("order %d changed %d times", round, n)
		}
	}
}

func TestProcessesThatShareALedgerLoseNoEntry(t *testing.T) {
	a, b := two(t)
	ledgers := []simulated.Ledger{newLedger(a), newLedger(b)}
	ref := event.Ref{OrderID: "o", Number: 1}
	rounds(5, 6, func(_, i int) {
		err := ledgers[i%2].Update(t.Context(), ref, func(have []simulated.Entry) []simulated.Entry {
			if len(have) == 0 {
				have = []simulated.Entry{{Key: "o", State: simulated.Open}}
			}
			have[0].Attempts++
			return have
		})
		if err != nil {
			t.Error(err)
		}
	})
	for _, l := range ledgers {
		if got := must(l.Get(t.Context(), []event.Ref{ref}))(t)[0]; len(got) != 1 || got[0].Attempts != 30 {
			t.Errorf("after thirty requests: %+v", got)
		}
	}
}
