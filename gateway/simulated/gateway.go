// Package simulated stands for a card processor. It keeps books of its own,
// honours idempotency keys across restarts, and misbehaves on request: by
// payment method, or as a whole through an outage.
//
//	sim_approve  captures
//	sim_decline  declines
//	sim_timeout  captures, but the first answer is lost
//	sim_slow     captures after two seconds
//	sim_down     Capture never answers; Void and Refund do
//	sim_flaky    fails twice, then captures
//	otherwise    declines a share of the keys, drawn from the key and the seed
package simulated

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"holdfast/event"
	"holdfast/payment"
)

// The payment methods that choose an answer.
const (
	Approve = "sim_approve"
	Decline = "sim_decline"
	Timeout = "sim_timeout"
	Slow    = "sim_slow"
	Down    = "sim_down"
	Flaky   = "sim_flaky"
)

const (
	slowness      = 2 * time.Second
	flakyFailures = 2
)

// errLost is what a client sees when the processor's answer does not arrive.
var errLost = errors.New("simulated gateway: the connection broke before the answer came")

// Gateway is a payment.Gateway.
type Gateway struct {
	Ledger      Ledger
	DeclineRate float64 // 0 to 1: the share of ordinary cards that are declined
	Seed        uint64
	Now         func() time.Time

	mu      sync.Mutex
	outage  time.Time // when it ends, as last read
	askedAt time.Time // when that was
}

// outageRead is how often a gateway looks whether another process has asked for
// an outage.
const outageRead = 100 * time.Millisecond

// Outage makes the whole gateway unreachable for a while from now, for every
// process that uses the ledger; zero ends it.
func (g *Gateway) Outage(ctx context.Context, d time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	until := g.Now().Add(d)
	if err := g.Ledger.SetOutage(ctx, until); err != nil {
		return err
	}
	g.outage, g.askedAt = until, g.Now()
	return nil
}

// OutageEnd returns when the outage of now ends, zero if there is none; it is what
// calls have seen within the last 100 ms.
func (g *Gateway) OutageEnd(ctx context.Context) (time.Time, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.Now()
	if now.Sub(g.askedAt).Abs() >= outageRead {
		until, err := g.Ledger.Outage(ctx)
		if err != nil {
			return time.Time{}, err
		}
		g.outage, g.askedAt = until, now
	}
	if !now.Before(g.outage) {
		return time.Time{}, nil
	}
	return g.outage, nil
}

// Capture is payment.Gateway's.
func (g *Gateway) Capture(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	if err := g.reach(ctx, c.Method); err != nil {
		return "", err
	}
	return g.settle(ctx, c, func(e *Entry, _ []Entry) (payment.Answer, error) {
		if e.State != Open {
			return payment.Answer(e.State), nil
		}
		e.Attempts++
		switch {
		case c.Method == Flaky && e.Attempts <= flakyFailures:
			return "", errLost
		case g.declines(c):
			e.State = Declined
		default:
			e.State, e.Amount = Captured, c.Amount
		}
		if c.Method == Timeout {
			return "", errLost
		}
		return payment.Answer(e.State), nil
	})
}

// Void is payment.Gateway's. A key never seen is voided for good.
func (g *Gateway) Void(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	if err := g.reach(ctx, ""); err != nil {
		return "", err
	}
	return g.settle(ctx, c, func(e *Entry, _ []Entry) (payment.Answer, error) {
		if e.State == Captured {
			return payment.AnswerCaptured, nil
		}
		if e.State == Open {
			e.State = Voided
		}
		return payment.AnswerVoided, nil
	})
}

// Refund is payment.Gateway's. It gives back what was captured for the order.
func (g *Gateway) Refund(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	if err := g.reach(ctx, ""); err != nil {
		return "", err
	}
	return g.settle(ctx, c, func(e *Entry, books []Entry) (payment.Answer, error) {
		if !slices.ContainsFunc(books, func(b Entry) bool { return b.State == Captured }) {
			return "", fmt.Errorf("simulated gateway: nothing was captured for order %q", c.Order.OrderID)
		}
		e.State, e.Amount = Refunded, c.Amount
		return payment.AnswerRefunded, nil
	})
}

// reach takes the request to the processor, or fails on the way.
func (g *Gateway) reach(ctx context.Context, method string) error {
	if until, err := g.OutageEnd(ctx); err != nil {
		return err
	} else if !until.IsZero() {
		return event.Errorf(event.Unavailable, "simulated gateway: connection refused (an outage was asked for)")
	}
	var arrival <-chan time.Time // never, for Down
	switch method {
	case Slow:
		timer := time.NewTimer(slowness)
		defer timer.Stop()
		arrival = timer.C
	case Down:
	default:
		return ctx.Err()
	}
	select {
	case <-arrival:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle runs decide on the entry of the charge's key, an Open one if there is
// none, beside all that the books hold of the order, and stores what became of it.
func (g *Gateway) settle(ctx context.Context, c payment.Charge, decide func(e *Entry, books []Entry) (payment.Answer, error)) (payment.Answer, error) {
	var answer payment.Answer
	var verdict error
	err := g.Ledger.Update(ctx, c.Order, func(entries []Entry) []Entry {
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.Key == c.Key })
		entry := Entry{Key: c.Key, Order: c.Order, State: Open, Method: c.Method, At: g.Now()}
		if i >= 0 {
			entry = entries[i]
		}
		before := entry
		answer, verdict = decide(&entry, entries)
		if i >= 0 && entry == before {
			return nil
		}
		return []Entry{entry}
	})
	if err != nil {
		return "", err
	}
	return answer, verdict
}

// declines draws the answer for an ordinary card from its key, so that a retry
// gets the same one.
func (g *Gateway) declines(c payment.Charge) bool {
	switch c.Method {
	case Approve, Timeout, Slow, Flaky:
		return false
	case Decline:
		return true
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(c.Key), g.Seed))
	return float64(binary.BigEndian.Uint64(sum[:]))/math.MaxUint64 < g.DeclineRate
}
