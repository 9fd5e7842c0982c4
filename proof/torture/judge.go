package main

import (
	"context"
	"net/http"
	"sync"

	"holdfast/api/client"
)

// judge looks at what is left when the last kill is over.
type judge struct {
	*caller
	*shop
	*crew
	ends map[string]client.Order // by id
}

// judge waits for all ends, and checks everything that clients were told against
// them. It fails where the crew does not start or stop as it should.
func (j *judge) judge(hard context.Context) error {
	j.awaitEnds(hard)
	if err := j.changeHands(); err != nil {
		return err
	}
	j.repeatAll(hard)
	j.findStrangers(hard)
	j.countStock(hard)
	j.checkHistories()
	j.findPoison(hard)
	if err := j.awaitDrained(hard); err != nil {
		return err
	}
	if err := j.checkMoney(hard); err != nil {
		return err
	}
	return j.readLogs()
}

// observer is the number of the judge's own calls.
const observer = 99

// each does something for every order that was accepted, a few at a time.
func (j *judge) each(do func(c *customer, b *booking)) {
	left := make(chan *booking)
	var looking sync.WaitGroup
	for range 8 {
		c := &customer{caller: newCaller(), shop: j.shop, number: observer, rng: episode{}.draw(observer)}
		looking.Go(func() {
			for b := range left {
				do(c, b)
			}
		})
	}
	for _, b := range j.bookings {
		if b.known() != "" {
			left <- b
		}
	}
	close(left)
	looking.Wait()
}

// awaitEnds waits for the end of every order that was accepted.
func (j *judge) awaitEnds(hard context.Context) {
	j.ends = make(map[string]client.Order)
	var mu sync.Mutex
	j.each(func(c *customer, b *booking) {
		o := c.ask(hard, b, orderCall{verb: read}, request{method: http.MethodGet, url: c.url + "/orders/" + b.known() + "?wait=60s"})
		if !ended(o.Status) {
			j.breach(&b.history, "%s was accepted and has not ended: %q", b.title(), o.Status)
		}
		mu.Lock()
		defer mu.Unlock()
		j.ends[b.known()] = o
	})
	for _, b := range j.bookings {
		if b.known() == "" && b.twin != nil {
			j.breach(&b.history, "%s never got its 202", b.title())
		}
	}
}

// changeHands stops the crew as an operator would, and has one process take over
// all that it left, at the address that clients use.
func (j *judge) changeHands() error {
	if err := j.stop(); err != nil {
		return err
	}
	door := j.all[0]
	one := &member{command: "serve", addr: door.addr, log: door.log, flags: []string{"--data", j.data, "--addr", door.addr}}
	for _, m := range j.all[1:] {
		m.log.Close()
	}
	j.all = []*member{one}
	return j.startAll()
}

// repeatAll sends every request once more: the answer is the first one's, byte for
// byte, and says so.
func (j *judge) repeatAll(hard context.Context) {
	j.each(func(c *customer, b *booking) {
		if b.twin != nil {
			c.place(hard, b, *b.twin, b.meaning)
		}
		c.ask(hard, b, orderCall{verb: read}, request{method: http.MethodGet, url: c.url + "/orders/" + b.known()})
	})
}

// findStrangers looks for orders that nobody placed. The order of a client that
// could not repeat its request may be there without its knowing.
func (j *judge) findStrangers(hard context.Context) {
	c := &customer{caller: j.caller, shop: j.shop, number: observer}
	all, whole := c.pages(hard, "")
	if !whole {
		j.breach(nil, "the orders cannot be listed")
	}
	for id, o := range all {
		if _, known := j.ends[id]; known {
			continue
		}
		if !j.blind[o.UserID] {
			j.breach(nil, "nobody placed order %s: %+v", id, o)
		}
		delete(j.blind, o.UserID)
		j.ends[id] = o
	}
	for id := range j.ends {
		if _, listed := all[id]; whole && !listed {
			j.breach(nil, "order %s is not in the list of all orders", id)
		}
	}
}
