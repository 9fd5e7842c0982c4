package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
	"holdfast/gateway"
	"holdfast/payment"
)

// processor is a gateway that a test scripts.
type processor struct {
	capture, void func() (payment.Answer, error)
	asked         atomic.Int64
}

func (p *processor) Capture(context.Context, payment.Charge) (payment.Answer, error) {
	p.asked.Add(1)
	return p.capture()
}
func (p *processor) Void(context.Context, payment.Charge) (payment.Answer, error) { return p.void() }
func (p *processor) Refund(context.Context, payment.Charge) (payment.Answer, error) {
	return payment.AnswerRefunded, nil
}

var (
	charge   = payment.Charge{Key: "o1", Amount: event.Money{Amount: 1999, Currency: "USD"}}
	errLost  = errors.New("answer lost")
	captured = func() (payment.Answer, error) { return payment.AnswerCaptured, nil }
	declined = func() (payment.Answer, error) { return payment.AnswerDeclined, nil }
	voided   = func() (payment.Answer, error) { return payment.AnswerVoided, nil }
	lost     = func() (payment.Answer, error) { return "", errLost }
)

func TestAProcessorThatCannotVoidAnUnseenKeyIsAskedForTheOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		capture func() (payment.Answer, error)
		want    payment.Answer
		err     error
	}{
		"it captures":         {capture: captured, want: payment.AnswerCaptured},
		"it declines":         {capture: declined, want: payment.AnswerVoided},
		"no outcome for sure": {capture: lost, err: errLost},
	} {
		t.Run(name, func(t *testing.T) {
			// Its own void would say Voided of a key it has not seen, and lie.
			g := gateway.VoidByCapture{Gateway: &processor{capture: c.capture, void: voided}}
			if got, err := g.Void(t.Context(), charge); got != c.want || !errors.Is(err, c.err) {
				t.Errorf("Void = %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestAProcessorThatForgetsDeclinesIsVoidedFirst(t *testing.T) {
	for name, c := range map[string]struct {
		void func() (payment.Answer, error)
		want payment.Answer
		err  error
	}{
		"voided":                {void: voided, want: payment.AnswerDeclined},
		"captured by a repeat":  {void: captured, want: payment.AnswerCaptured},
		"the void is not known": {void: lost, err: errLost},
	} {
		t.Run(name, func(t *testing.T) {
			g := gateway.FinalDeclines{Gateway: &processor{capture: declined, void: c.void}}
			if got, err := g.Capture(t.Context(), charge); got != c.want || !errors.Is(err, c.err) {
				t.Errorf("Capture = %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestTheBreakerOpensForAGatewayThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func() (payment.Answer, error) {
			time.Sleep(10 * time.Second) // as long as a worker lets a call take
			return "", context.DeadlineExceeded
		}
		b := gateway.NewBreaker(&processor{capture: hang}, slog.New(slog.NewTextHandler(io.Discard, nil)))
		time.Sleep(time.Second)
		for range 12 { // two minutes of calls, a hundred at a time
			var calls sync.WaitGroup
			for range 100 {
				calls.Go(func() { b.Capture(t.Context(), charge) })
			}
			calls.Wait()
			if b.Open(event.Capture) {
				return
			}
		}
		t.Error("1,200 calls hung, and the breaker is still closed")
	})
}

func TestTheBreakerStopsAskingAndProbesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &processor{capture: lost, void: voided}
		b := gateway.NewBreaker(p, slog.New(slog.NewTextHandler(io.Discard, nil)))
		for range 10 {
			if _, err := b.Capture(t.Context(), charge); errors.Is(err, event.Unavailable) {
				t.Fatal("a single lost answer was taken for an outage")
			}
		}
		asked := p.asked.Load()
		if _, err := b.Capture(t.Context(), charge); !errors.Is(err, event.Unavailable) || p.asked.Load() != asked || !b.Open(event.Capture) {
			t.Errorf("an open breaker asked the gateway, or said %v", err)
		}
		if answer, err := b.Void(t.Context(), charge); answer != payment.AnswerVoided || err != nil {
			t.Errorf("captures that hang kept a void from working: %q, %v", answer, err)
		}
		time.Sleep(6 * time.Second) // virtual
		if _, err := b.Capture(t.Context(), charge); !errors.Is(err, event.Unavailable) || p.asked.Load() != asked+1 {
			t.Errorf("a probe that failed must count as outage, and ask once; it said %v", err)
		}
		time.Sleep(6 * time.Second)
		p.capture = captured
		if answer, err := b.Capture(t.Context(), charge); answer != payment.AnswerCaptured || err != nil {
			t.Errorf("after the outage: %q, %v", answer, err)
		}
	})
}
