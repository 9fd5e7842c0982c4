package simulated_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/payment"
)

func open(ledger simulated.Ledger) *simulated.Gateway {
	return &simulated.Gateway{Ledger: ledger, DeclineRate: 0.1, Seed: 1, Now: time.Now}
}

func charge(n int64, method string) payment.Charge {
	id := fmt.Sprintf("o%d", n)
	return payment.Charge{Key: payment.ChargeKey(id), Order: event.Ref{OrderID: id, Number: n}, Amount: event.Money{Amount: 1999, Currency: "USD"}, Method: method}
}

func refund(c payment.Charge) payment.Charge {
	c.Key = payment.RefundKey(c.Order.OrderID)
	return c
}

// captures asks until there is an answer, and returns it with the number of tries.
func captures(t *testing.T, g *simulated.Gateway, c payment.Charge) (payment.Answer, int) {
	t.Helper()
	for try := 1; try < 10; try++ {
		if answer, err := g.Capture(t.Context(), c); err == nil {
			return answer, try
		}
	}
	t.Fatal("no answer")
	return "", 0
}

func TestEachMethodAnswersAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(memory.New().Ledger)
		for i, c := range []struct {
			method string
			want   payment.Answer
			tries  int
			took   time.Duration
		}{
			{simulated.Approve, payment.AnswerCaptured, 1, 0},
			{simulated.Decline, payment.AnswerDeclined, 1, 0},
			{simulated.Timeout, payment.AnswerCaptured, 2, 0},
			{simulated.Slow, payment.AnswerCaptured, 1, 2 * time.Second},
			{simulated.Flaky, payment.AnswerCaptured, 3, 0},
		} {
			begun := time.Now()
			answer, tries := captures(t, g, charge(int64(i+1), c.method))
			if answer != c.want || tries != c.tries || time.Since(begun) != c.took {
				t.Errorf("%s: %s after %d tries and %s", c.method, answer, tries, time.Since(begun))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		down := charge(99, simulated.Down)
		if _, err := g.Capture(ctx, down); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("sim_down answered: %v", err)
		}
		if answer, err := g.Void(t.Context(), down); answer != payment.AnswerVoided || err != nil {
			t.Errorf("the void of sim_down: %s, %v", answer, err)
		}
	})
}

func TestTheAnswerIsDrawnFromTheKeyAndHoldsAcrossRestarts(t *testing.T) {
	ledger := memory.New().Ledger
	first, elsewhere := open(ledger), open(memory.New().Ledger)
	declined := 0
	for n := range int64(2000) {
		answer, _ := captures(t, first, charge(n+1, ""))
		if again, _ := captures(t, open(ledger), charge(n+1, "")); again != answer {
			t.Fatalf("a restart changed %s to %s", answer, again)
		}
		if drawn, _ := captures(t, elsewhere, charge(n+1, "")); drawn != answer {
			t.Fatalf("the same key drew %s and %s", answer, drawn)
		}
		if answer == payment.AnswerDeclined {
			declined++
		}
	}
	if share := float64(declined) / 2000; math.Abs(share-0.1) > 0.03 {
		t.Errorf("%.3f of the cards were declined, want about 0.1", share)
	}
}

func TestVoidIsFinalAndTakesNoCaptureBack(t *testing.T) {
	g := open(memory.New().Ledger)
	unseen, captured, declined := charge(1, simulated.Approve), charge(2, simulated.Approve), charge(3, simulated.Decline)
	captures(t, g, captured)
	captures(t, g, declined)
	for _, c := range []struct {
		charge payment.Charge
		want   payment.Answer
	}{{unseen, payment.AnswerVoided}, {captured, payment.AnswerCaptured}, {declined, payment.AnswerVoided}} {
		for range 2 {
			if answer, err := g.Void(t.Context(), c.charge); answer != c.want || err != nil {
				t.Errorf("Void of %s: %s, %v; want %s", c.charge.Key, answer, err, c.want)
			}
		}
	}
	if answer, _ := captures(t, g, unseen); answer != payment.AnswerVoided {
		t.Errorf("a voided key was %s", answer)
	}
}

func TestARefundGivesBackWhatWasCapturedOnce(t *testing.T) {
	ledger := memory.New().Ledger
	g := open(ledger)
	c := charge(1, simulated.Approve)
	if _, err := g.Refund(t.Context(), refund(c)); err == nil {
		t.Error("a refund of nothing was accepted")
	}
	captures(t, g, c)
	for range 3 {
		if answer, err := g.Refund(t.Context(), refund(c)); answer != payment.AnswerRefunded || err != nil {
			t.Errorf("Refund: %s, %v", answer, err)
		}
	}
	books, err := ledger.Get(t.Context(), []event.Ref{c.Order})
	if err != nil || len(books[0]) != 2 {
		t.Errorf("the books hold %+v, %v; want a capture and a refund", books, err)
	}
}

// end is when the gateway's outage ends.
func end(t *testing.T, g *simulated.Gateway) time.Time {
	t.Helper()
	until, err := g.OutageEnd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return until
}

func TestAGatewayTellsOfAnOutageThatAnotherProcessAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := memory.New().Ledger
		g, other := open(ledger), open(ledger)
		if until := end(t, g); !until.IsZero() {
			t.Errorf("an outage until %v before any", until)
		}
		begun := time.Now()
		if err := other.Outage(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		for _, g := range []*simulated.Gateway{g, other} {
			if until := end(t, g); !until.Equal(begun.Add(time.Minute)) {
				t.Errorf("an outage until %v, want a minute after %v", until, begun)
			}
		}
		time.Sleep(time.Minute - 100*time.Millisecond)
		if until := end(t, g); !until.IsZero() {
			t.Errorf("an outage until %v, which is over", until)
		}
	})
}

func TestAnOutageMakesAllOfItUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(memory.New().Ledger)
		if err := g.Outage(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		for _, ask := range []func(context.Context, payment.Charge) (payment.Answer, error){g.Capture, g.Void, g.Refund} {
			if _, err := ask(t.Context(), charge(1, simulated.Approve)); !errors.Is(err, event.Unavailable) {
				t.Errorf("during the outage: %v, want Unavailable", err)
			}
		}
		time.Sleep(time.Minute)
		if answer, tries := captures(t, g, charge(1, simulated.Approve)); answer != payment.AnswerCaptured || tries != 1 {
			t.Errorf("after it: %s after %d tries", answer, tries)
		}
	})
}
