package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/api/client"
	"holdfast/audit"
	"holdfast/load"
	"holdfast/order"
)

const (
	killClients  = 16
	ordersARound = 120 // accepted between two kills
)

// shop is customers that keep at it: each repeats its order with the same key
// until it has a 202, whichever server answers, and now and then cancels one or
// asks for the money back.
type shop struct {
	t        *testing.T
	url      atomic.Pointer[string]
	accepted atomic.Int64
	serial   atomic.Int64

	mu     sync.Mutex
	bodies map[string]client.Accepted // by key
}

// killUnderLoad kills the server with SIGKILL again and again in the middle of a load,
// while an audit runs in a loop beside it, on whatever the place is, with a server that
// sets it up. SQLite's share of this is proof/torture's.
func killUnderLoad(t *testing.T, at where, rounds int, flags ...string) {
	stock := stockFile(t, `[{"sku": "A123", "on_hand": 1000, "price": {"amount": 1999, "currency": "USD"}},
		{"sku": "B456", "on_hand": 400, "price": {"amount": 4999, "currency": "USD"}}]`)
	flags = append(flags, "--hold", "2h", "--stock", stock, "--log-level", "warn")
	s := &shop{t: t, bodies: make(map[string]client.Accepted)}
	ctx, closeShop := context.WithCancel(t.Context())
	defer closeShop()
	server := s.open(startAt(t, "serve", at, flags...))
	var busy sync.WaitGroup
	for range killClients {
		busy.Go(func() { s.shop(ctx) })
	}
	busy.Go(func() { s.auditAlways(ctx, at.storage(t)) })

	for round := range rounds {
		s.waitFor(int64(round+1) * ordersARound)
		server.Kill()
		server = s.open(startAt(t, "serve", at, flags...))
	}
	closeShop()
	busy.Wait()
	s.settle()
	waitUntilDrained(t, at)
	if err := server.Stop(); err != nil {
		t.Errorf("the server did not exit 0 on SIGTERM: %v", err)
	}
	drainedAt(t, at)
	t.Logf("%d orders accepted over %d kills", s.accepted.Load(), rounds)
}

func (s *shop) open(server *load.Server) *load.Server {
	s.url.Store(&server.URL)
	return server
}

func (s *shop) client() *client.Client {
	return client.New(*s.url.Load(), &http.Client{Timeout: 10 * time.Second})
}

// shop places orders until the shop closes; an order without a 202 is repeated.
func (s *shop) shop(ctx context.Context) {
	for ctx.Err() == nil {
		key := fmt.Sprintf("key-%d", s.serial.Add(1))
		body := client.PlaceOrder{UserID: "test_user", Items: []client.Line{{SKU: "A123", Qty: 1}}}
		if rand.IntN(3) == 0 {
			body.Items = append(body.Items, client.Line{SKU: "B456", Qty: 1 + rand.Int64N(2)})
		}
		for ctx.Err() == nil {
			placed, err := s.client().Place(ctx, body, key)
			if err == nil {
				s.note(key, placed)
				break
			}
			s.mustBeTransport(ctx, err)
		}
		switch rand.IntN(8) {
		case 0:
			s.try(ctx, func(c *client.Client, id string) error { _, err := c.Cancel(ctx, id); return err })
		case 1:
			s.try(ctx, func(c *client.Client, id string) error { _, err := c.Refund(ctx, id, rand.IntN(2) == 0); return err })
		}
	}
}

func (s *shop) note(key string, placed client.Accepted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	placed.Replayed = false
	s.bodies[key] = placed
	s.accepted.Add(1)
}

// try does something to a random order; the order's state may forbid it.
func (s *shop) try(ctx context.Context, do func(*client.Client, string) error) {
	s.mu.Lock()
	id := ""
	for _, b := range s.bodies {
		id = b.OrderID
		break
	}
	s.mu.Unlock()
	if id == "" {
		return
	}
	err := do(s.client(), id)
	var p *client.Problem
	if errors.As(err, &p) && p.Status == http.StatusConflict {
		return
	}
	s.mustBeTransport(ctx, err)
}

// mustBeTransport accepts only the errors of a server that is being killed.
func (s *shop) mustBeTransport(ctx context.Context, err error) {
	var p *client.Problem
	if errors.As(err, &p) && ctx.Err() == nil {
		s.t.Errorf("the server answered %v", p)
	}
}

// auditAlways audits the live stores until the shop closes: no false alarm.
func (s *shop) auditAlways(ctx context.Context, stores storage) {
	rounds := 0
	for ; ctx.Err() == nil; rounds++ {
		report, err := stores.audit(context.WithoutCancel(ctx), audit.Options{})
		if err != nil || report.Found > 0 {
			s.t.Errorf("audit beside the load: %v, %+v", err, report.Breaches)
			return
		}
	}
	s.t.Logf("audited %d times beside the load", rounds)
}

// waitFor returns once so many orders have been accepted.
func (s *shop) waitFor(orders int64) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if s.accepted.Load() >= orders || s.t.Failed() {
			return
		}
	}
}

// settle waits for every accepted order's end, and sees that a repeat of its
// request still gets the very same answer.
func (s *shop) settle() {
	c := client.New(*s.url.Load(), &http.Client{Timeout: 2 * time.Minute})
	ctx := context.Background()
	for key, was := range s.bodies {
		o, err := c.Order(ctx, was.OrderID, time.Minute)
		if err != nil || !order.Status(o.Status).Ended() {
			s.t.Errorf("order %s is lost: %v %s", was.OrderID, err, o.Status)
			continue
		}
		if len(o.Items) != len(was.Items) {
			s.t.Errorf("order %s has %d lines, its 202 had %d", was.OrderID, len(o.Items), len(was.Items))
		}
		again, err := c.Place(ctx, client.PlaceOrder{UserID: was.UserID, Items: was.Items}, key)
		if err != nil || !again.Replayed || again.OrderID != was.OrderID || !again.CreatedAt.Equal(was.CreatedAt) {
			s.t.Errorf("the repeat of %s got %+v, %v; its 202 was %+v", key, again, err, was)
		}
	}
}

// TestSixHundredBuyersOfAHundredUnits is a drop: more buyers than stock, all at
// once, all cards good.
func TestSixHundredBuyersOfAHundredUnits(t *testing.T) {
	sellOut(t, inFolder(t.TempDir()), 600)
}

// sellOut plays it on whatever the place is, with a server that sets it up. All
// buy at once; so many wait for their end at a time.
func sellOut(t *testing.T, at where, waiting int) {
	stock := stockFile(t, `[{"sku": "DROP", "on_hand": 100, "price": {"amount": 1999, "currency": "USD"}}]`)
	server := startAt(t, "serve", at, "--stock", stock, "--log-level", "warn")
	c := client.New(server.URL, &http.Client{Timeout: 2 * time.Minute})
	var buyers sync.WaitGroup
	var completed, refused atomic.Int64
	seats := make(chan struct{}, waiting)
	for i := range 600 {
		buyers.Go(func() {
			placed, err := c.Place(t.Context(), client.PlaceOrder{
				UserID: fmt.Sprintf("buyer-%d", i), Items: []client.Line{{SKU: "DROP", Qty: 1}}, PaymentMethod: "sim_approve",
			}, "")
			if err != nil {
				t.Error(err)
				return
			}
			seats <- struct{}{}
			defer func() { <-seats }()
			o, err := c.Order(t.Context(), placed.OrderID, time.Minute)
			switch {
			case err != nil:
				t.Error(err)
			case o.Status == "COMPLETED":
				completed.Add(1)
			case o.Status == "FAILED_NO_STOCK":
				refused.Add(1)
			default:
				t.Errorf("order %s ended %s", o.OrderID, o.Status)
			}
		})
	}
	buyers.Wait()
	if completed.Load() != 100 || refused.Load() != 500 {
		t.Errorf("%d completed and %d refused, want 100 and 500", completed.Load(), refused.Load())
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	drainedAt(t, at)
}
