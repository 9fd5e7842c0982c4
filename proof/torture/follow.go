package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"holdfast/api/client"
)

// lookAfter does one thing to an order.
func (c *customer) lookAfter(hard context.Context, b *booking) {
	order := c.url + "/orders/" + b.known()
	switch draw := c.rng.IntN(20); {
	case draw < 8:
		c.ask(hard, b, orderCall{verb: read}, request{method: http.MethodGet, url: order})
	case draw < 11:
		c.ask(hard, b, orderCall{verb: read}, request{method: http.MethodGet, url: order + "?wait=300ms"})
	case draw < 13:
		c.ask(hard, b, orderCall{verb: cancel}, request{method: http.MethodPost, url: order + "/cancel"})
	case draw < 17:
		restock := c.rng.IntN(2) == 0
		c.ask(hard, b, orderCall{verb: refund, restock: restock},
			request{method: http.MethodPost, url: order + "/refund", body: text(client.Refund{Restock: restock})})
	case b.twin != nil:
		c.place(hard, b, *b.twin, b.meaning)
	}
}

// ask makes a call that shows the order, and notes what it was told. It returns
// the order, if it was shown.
func (c *customer) ask(hard context.Context, b *booking, in orderCall, r request) (o client.Order) {
	call := b.begin(c.clock, c.number)
	a := c.insist(hard, r)
	in.again = a.attempts > 1
	out := orderAnswer{status: a.status}
	switch a.status {
	case http.StatusOK, http.StatusAccepted:
		var err error
		if o, out, err = decoded(a); err != nil {
			c.breach(&b.history, "%s: %v", b.title(), err)
		}
	case 0, http.StatusConflict, http.StatusNotFound:
	default:
		c.breach(&b.history, "%s: %v was answered %d: %s", b.title(), in, a.status, a.body)
		return o
	}
	if a.status == http.StatusConflict && in.again {
		// The earlier try may be carried out after this one.
		out.status = 0
	}
	call.end(in, out, out.status != 0)
	return o
}

func decoded(a answer) (o client.Order, out orderAnswer, err error) {
	if err := json.Unmarshal(a.body, &o); err != nil {
		return o, orderAnswer{status: a.status}, err
	}
	out, err = show(a.status, o)
	return o, out, err
}

// list lists the present user's orders, and takes each for a call that shows the
// order, or does not find it.
func (c *customer) list(hard context.Context) {
	if len(c.own) == 0 {
		return
	}
	asked := make(map[*booking]call)
	for _, b := range c.own {
		if b.known() != "" && b.len() < maxCalls {
			asked[b] = b.begin(c.clock, c.number)
		}
	}
	found, whole := c.pages(hard, c.own[0].user)
	for b, call := range asked {
		out := orderAnswer{status: http.StatusNotFound}
		if o, there := found[b.known()]; there {
			var err error
			if out, err = show(http.StatusOK, o); err != nil {
				c.breach(&b.history, "%s: %v", b.title(), err)
			}
		}
		if whole || out.status == http.StatusOK {
			call.end(orderCall{verb: read}, out, true)
		}
	}
}

// pages reads a user's orders, or all orders for no user, page by page; whole
// reports whether it came to the last.
func (c *customer) pages(hard context.Context, user string) (found map[string]client.Order, whole bool) {
	found = make(map[string]client.Order)
	query := url.Values{"limit": {"7"}, "user_id": {user}}
	if user == "" {
		query = url.Values{"limit": {"200"}}
	}
	for {
		a := c.insist(hard, request{method: http.MethodGet, url: c.url + "/orders?" + query.Encode()})
		var page client.OrderPage
		if a.status != http.StatusOK || json.Unmarshal(a.body, &page) != nil {
			if a.status != 0 {
				c.breach(nil, "a list of orders was answered %d: %s", a.status, a.body)
			}
			return found, false
		}
		for _, o := range page.Orders {
			if _, twice := found[o.OrderID]; twice {
				c.breach(nil, "order %s came twice in one list", o.OrderID)
			}
			found[o.OrderID] = o
		}
		if page.NextCursor == "" {
			return found, true
		}
		query.Set("cursor", page.NextCursor)
	}
}
