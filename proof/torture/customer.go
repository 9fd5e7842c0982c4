package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"holdfast/api/client"
	"holdfast/gateway/simulated"
)

// customer places orders, one after another, and looks after its own and others':
// it repeats requests, polls, lists, cancels, asks for the money back.
type customer struct {
	*caller
	*shop
	number int
	rng    *rand.Rand
	placed int
	own    []*booking // of the present user
}

// ordersAUser is how many orders are made for one user: a list of them has a few
// pages.
const ordersAUser = 20

// buy goes on until the shop closes. What was begun then is finished, by a server
// that stays up.
func (c *customer) buy(closing, hard context.Context) {
	for pause(closing, time.Duration(c.rng.IntN(80))*time.Millisecond) {
		c.order(hard)
		for range c.rng.IntN(4) {
			if b := c.pick(c.rng); b != nil {
				c.lookAfter(hard, b)
			}
		}
		if c.rng.IntN(10) == 0 {
			c.list(hard)
		}
	}
}

// order places an order, now and then twice at once or with another body after it.
func (c *customer) order(hard context.Context) {
	b := c.write()
	c.book(b)
	var both sync.WaitGroup
	if b.twin != nil && c.rng.IntN(6) == 0 {
		both.Go(func() { c.place(hard, b, *b.twin, b.meaning) })
	}
	c.place(hard, b, b.request, b.meaning)
	both.Wait()
	if b.other != nil && c.rng.IntN(8) == 0 {
		c.place(hard, b, *b.other, "another request")
	}
}

// methods are the cards that customers pay with; the last of them never answers,
// so that only a hold's end ends its orders.
var methods = []string{"", "", "", simulated.Approve, simulated.Approve, simulated.Approve, simulated.Decline, simulated.Timeout, simulated.Slow, simulated.Flaky, simulated.Down}

// write makes up an order: under a key, under an id in its body, or, carelessly,
// under neither.
func (c *customer) write() *booking {
	if c.placed%ordersAUser == 0 {
		c.own = nil
	}
	b := &booking{user: fmt.Sprintf("customer-%d-%d", c.number, c.placed/ordersAUser)}
	c.placed++
	order := client.PlaceOrder{UserID: b.user, Items: c.lines(), PaymentMethod: c.method()}
	b.meaning = fmt.Sprint(order.Items, order.PaymentMethod)
	name := fmt.Sprintf("%d-%d-%x", c.number, c.placed, c.rng.Uint32())
	switch draw := c.rng.IntN(10); {
	case draw < 6:
		b.name(order, name)
	case draw < 9:
		order.OrderID = &name
		b.name(order, "")
	default:
		b.user += "-blind-" + name
		order.UserID = b.user
		b.request.body = text(order)
		c.careless(b.user)
		return b
	}
	c.own = append(c.own, b)
	return b
}

func (c *customer) method() string {
	n := len(methods)
	if c.patient {
		n--
	}
	return methods[c.rng.IntN(n)]
}

func (c *customer) lines() []client.Line {
	lines := []client.Line{{SKU: c.sku(c.rng), Qty: 1 + c.rng.Int64N(2)}}
	if more := c.sku(c.rng); more != lines[0].SKU && c.rng.IntN(3) == 0 {
		lines = append(lines, client.Line{SKU: more, Qty: 1})
	}
	return lines
}

// careless notes a user whose order nobody can ask for again.
func (s *shop) careless(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind[user] = true
}

// place sends a request of the booking until it is answered; once, if there is no
// name to repeat it under.
func (c *customer) place(hard context.Context, b *booking, w wording, meaning string) {
	send := c.insist
	if b.twin == nil {
		send = c.once
	}
	call := b.begin(c.clock, c.number)
	a := send(hard, request{method: http.MethodPost, url: c.url + "/orders", key: w.key, body: w.body})
	in := orderCall{verb: place, meaning: meaning, again: a.attempts > 1}
	out := orderAnswer{status: a.status, replayed: a.replayed}
	switch a.status {
	case http.StatusAccepted:
		out.body = string(a.body)
		if !a.replayed {
			c.orders.Add(1)
		}
		if err := b.accepted(a.body); err != nil {
			c.breach(&b.history, "%s: %v", b.title(), err)
		}
	case 0, http.StatusServiceUnavailable:
		out.status = 0
	case http.StatusUnprocessableEntity:
	default:
		c.breach(&b.history, "%s: a request to place it was answered %d: %s", b.title(), a.status, a.body)
	}
	if a.attempts > 0 {
		call.end(in, out, out.status != 0)
	}
}
