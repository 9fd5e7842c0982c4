package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/api/client"
	"holdfast/load"
)

const (
	goodOrders   = 400
	unitsOnSale  = 300
	ordersAKill  = 40 // accepted between two kills
	buyersAtOnce = 16
)

// crew is services as processes of their own on one place, each at an address
// that it keeps when it is started again.
type crew struct {
	t      *testing.T
	at     where
	flags  map[string][]string // by name
	member map[string]*load.Server
}

// crewNames are who is killed in turn.
var crewNames = []string{"order", "first inventory", "second inventory", "payment"}

// service is the command of a crew's member.
var service = map[string]string{
	"order": "order", "first inventory": "inventory", "second inventory": "inventory", "payment": "payment",
}

func newCrew(t *testing.T, at where) *crew {
	c := &crew{t: t, at: at, flags: make(map[string][]string), member: make(map[string]*load.Server)}
	for _, name := range []string{"payment", "second inventory", "first inventory"} {
		c.start(name)
	}
	c.flags["order"] = []string{"--sweep", "1s", "--inventory-url", c.member["first inventory"].URL, "--payment-url", c.member["payment"].URL}
	c.start("order")
	return c
}

// start starts a member, again where it was.
func (c *crew) start(name string) {
	c.t.Helper()
	addr := "127.0.0.1:0"
	if before := c.member[name]; before != nil {
		u, err := url.Parse(before.URL)
		if err != nil {
			c.t.Fatal(err)
		}
		addr = u.Host
	}
	flags := append(c.at.with("--addr", addr, "--log-level", "warn"), c.flags[name]...)
	c.member[name] = startLogging(c.t, &bytes.Buffer{}, service[name], flags...)
}

// client is a client of the door.
func (c *crew) client() *client.Client {
	return client.New(c.member["order"].URL, &http.Client{Timeout: 2 * time.Minute})
}

// killEachInTurn kills an order process, two inventory processes and a payment
// process in turn while customers buy, on whatever the place is. SQLite's share of this
// is proof/torture's.
func killEachInTurn(t *testing.T, at where) {
	setUpAt(t, at, "--stock", stockFile(t, fmt.Sprintf(`[{"sku": "A123", "on_hand": %d, "price": {"amount": 1999, "currency": "USD"}}]`, unitsOnSale)))
	c := newCrew(t, at)
	door := c.client() // the order process comes back at the same address

	var serial, accepted atomic.Int64
	var buying sync.WaitGroup
	for range buyersAtOnce {
		buying.Go(func() {
			for n := serial.Add(1); n <= goodOrders; n = serial.Add(1) {
				id := fmt.Sprintf("order-%d", n)
				body := client.PlaceOrder{UserID: "test_user", Items: []client.Line{{SKU: "A123", Qty: 1}}, OrderID: &id, PaymentMethod: "sim_approve"}
				for t.Context().Err() == nil {
					if _, err := door.Place(t.Context(), body, ""); err == nil {
						break
					}
				}
				accepted.Add(1)
			}
		})
	}
	for kills := range goodOrders / ordersAKill {
		waitUntil(t, func() bool { return accepted.Load() >= int64((kills+1)*ordersAKill) })
		victim := crewNames[kills%len(crewNames)]
		c.member[victim].Kill()
		c.start(victim)
	}
	buying.Wait()
	c.wantEnds(door)
	waitUntilDrained(t, at)
	for _, name := range crewNames {
		if err := c.member[name].Stop(); err != nil {
			t.Errorf("%s did not exit 0 on SIGTERM: %v", name, err)
		}
	}
	drainedAt(t, at)
}

// wantEnds waits for the end of every order, and counts them.
func (c *crew) wantEnds(door *client.Client) {
	c.t.Helper()
	ends := make(map[string]int)
	for n := range goodOrders {
		o, err := door.Order(c.t.Context(), fmt.Sprintf("order-%d", n+1), time.Minute)
		if err != nil {
			c.t.Fatal(err)
		}
		ends[o.Status]++
	}
	if ends["COMPLETED"] != unitsOnSale || ends["FAILED_NO_STOCK"] != goodOrders-unitsOnSale {
		c.t.Errorf("the orders ended %v, want %d COMPLETED and the rest FAILED_NO_STOCK", ends, unitsOnSale)
	}
}

// waitUntilDrained returns once nothing is left to do: what a killed process had
// received comes again when its lease is over.
func waitUntilDrained(t *testing.T, at where) {
	t.Helper()
	waitUntil(t, func() bool {
		_, err := holdfast(t, append([]string{"audit", "--drained"}, at...)...)
		return err == nil
	})
}

// waitUntil asks until the condition holds, for two minutes at most.
func waitUntil(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("two minutes were not enough")
		}
	}
}
