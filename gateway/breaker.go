// Package gateway puts a circuit breaker in front of any payment gateway. The
// gateways themselves are the packages below.
package gateway

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sony/gobreaker/v2"

	"holdfast/event"
	"holdfast/payment"
)

// The breaker of an operation opens when at least half of tripRequests or more
// calls failed within tripWindow, which must be several times as long as a call
// may take: a call that ends in another window than it began in counts in
// neither. It stays open for openFor, then lets
// probeRequests through: one success closes it, one failure opens it again.
const (
	tripRequests  = 10
	tripWindow    = time.Minute
	openFor       = 5 * time.Second
	probeRequests = 1
)

// Breaker is a payment.Gateway that stops asking a gateway that does not answer.
// Each operation has a breaker of its own: a processor whose captures hang may
// still void. While one is open its calls fail at once with event.Unavailable,
// as do the probes that find the gateway still down.
type Breaker struct {
	gateway  payment.Gateway
	circuits map[event.Op]*gobreaker.CircuitBreaker[payment.Answer]
}

// NewBreaker puts breakers in front of a gateway.
func NewBreaker(g payment.Gateway, log *slog.Logger) *Breaker {
	b := &Breaker{gateway: g, circuits: make(map[event.Op]*gobreaker.CircuitBreaker[payment.Answer])}
	for _, op := range event.Ops {
		b.circuits[op] = circuit(op, log)
	}
	return b
}

func circuit(op event.Op, log *slog.Logger) *gobreaker.CircuitBreaker[payment.Answer] {
	return gobreaker.NewCircuitBreaker[payment.Answer](gobreaker.Settings{
		Name:        string(op),
		Interval:    tripWindow,
		Timeout:     openFor,
		MaxRequests: probeRequests,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.Requests >= tripRequests && c.TotalFailures*2 >= c.Requests
		},
		// A call that we gave up ourselves says nothing of the gateway.
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(name string, from, to gobreaker.State) {
			log.Warn("gateway breaker "+to.String(), "operation", name, "was", from.String())
		},
	})
}

// Open reports whether calls of the operation are being refused now.
func (b *Breaker) Open(op event.Op) bool {
	return b.circuits[op].State() == gobreaker.StateOpen
}

// State is closed while calls of the operation go through, open while they are
// refused, and half-open while one is let through to see.
func (b *Breaker) State(op event.Op) string { return b.circuits[op].State().String() }

// Capture is payment.Gateway's.
func (b *Breaker) Capture(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	return ask(ctx, b.circuits[event.Capture], b.gateway.Capture, c)
}

// Void is payment.Gateway's.
func (b *Breaker) Void(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	return ask(ctx, b.circuits[event.Void], b.gateway.Void, c)
}

// Refund is payment.Gateway's.
func (b *Breaker) Refund(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	return ask(ctx, b.circuits[event.Refund], b.gateway.Refund, c)
}

// HeldBack reports whether a call failed because a breaker did not let it through:
// the gateway was not asked.
func HeldBack(err error) bool {
	return errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
}

func ask(ctx context.Context, cb *gobreaker.CircuitBreaker[payment.Answer],
	call func(context.Context, payment.Charge) (payment.Answer, error), c payment.Charge,
) (payment.Answer, error) {
	probe := false
	answer, err := cb.Execute(func() (payment.Answer, error) {
		probe = cb.State() == gobreaker.StateHalfOpen
		return call(ctx, c)
	})
	switch {
	case HeldBack(err):
		return "", event.Errorf(event.Unavailable, "gateway %s: %w", cb.Name(), err)
	case err != nil && probe:
		return "", event.Errorf(event.Unavailable, "gateway %s, probed: %w", cb.Name(), err)
	}
	return answer, err
}
