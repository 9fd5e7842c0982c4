package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"holdfast/api/client"
)

// ordersCommand is a client of the order routes.
type ordersCommand struct {
	Place  placeCommand  `cmd:"" help:"Place an order."`
	Show   showCommand   `cmd:"" help:"Show one order with its history."`
	List   listCommand   `cmd:"" help:"List orders, newest first."`
	Cancel cancelCommand `cmd:"" help:"Cancel an order: it ends CANCELLED, and what was paid is refunded."`
	Refund refundCommand `cmd:"" help:"Refund a completed order."`
}

type placeCommand struct {
	remote
	User          string   `required:"" placeholder:"ID" help:"Who the order is for."`
	Item          []string `required:"" placeholder:"SKU=QTY" help:"What is ordered; may be given several times."`
	OrderID       string   `placeholder:"ID" help:"The order's own id; a repeat of it is the same order."`
	Key           string   `placeholder:"KEY" help:"Idempotency key; a repeat of it is the same order."`
	PaymentMethod string   `placeholder:"METHOD" values:"sim_approve,sim_decline,sim_timeout,sim_slow,sim_down,sim_flaky" help:"Which card to charge; the simulated gateway knows sim_approve, sim_decline, sim_timeout, sim_slow, sim_down, sim_flaky."`
}

// Run places the order.
func (c *placeCommand) Run(ctx context.Context) error {
	request := client.PlaceOrder{UserID: c.User, PaymentMethod: c.PaymentMethod}
	if c.OrderID != "" {
		request.OrderID = &c.OrderID
	}
	for _, item := range c.Item {
		sku, qty, _ := strings.Cut(item, "=")
		n, err := strconv.ParseInt(qty, 10, 64)
		if err != nil {
			return misuse{fmt.Errorf("--item %q is not SKU=QTY, as A123=1", item)}
		}
		request.Items = append(request.Items, client.Line{SKU: sku, Qty: n})
	}
	placed, err := c.client(0).Place(ctx, request, c.Key)
	if err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return printJSON(placed)
	}
	fmt.Printf("%s %s\n", placed.OrderID, placed.Status)
	return nil
}

type showCommand struct {
	remote
	ID   string        `arg:"" help:"The order's id."`
	Wait time.Duration `help:"Wait up to so long for the order's end, at most 60s."`

	Timeline bool `help:"Show what all three services know of it, and what they remember of recent events and gateway calls; needs the scope ops."`
}

// Run shows the order.
func (c *showCommand) Run(ctx context.Context) error {
	if c.Timeline {
		return c.showTimeline(ctx)
	}
	o, err := c.client(c.Wait).Order(ctx, c.ID, c.Wait)
	return c.show(o, err)
}

type cancelCommand struct {
	remote
	ID string `arg:"" help:"The order's id."`
}

// Run cancels the order.
func (c *cancelCommand) Run(ctx context.Context) error {
	o, err := c.client(0).Cancel(ctx, c.ID)
	return c.show(o, err)
}

type refundCommand struct {
	remote
	ID      string `arg:"" help:"The order's id."`
	Restock bool   `help:"Put the units on sale again."`
}

// Run refunds the order.
func (c *refundCommand) Run(ctx context.Context) error {
	o, err := c.client(0).Refund(ctx, c.ID, c.Restock)
	return c.show(o, err)
}

type listCommand struct {
	remote
	User   string `placeholder:"ID" help:"Only this user's orders."`
	Status string `placeholder:"STATUS" values:"PENDING,RESERVED,COMPLETED,FAILED_NO_STOCK,PAYMENT_FAILED,CANCELLING,CANCELLED,REFUNDING,REFUNDED" help:"Only orders in this status, as COMPLETED."`
	Limit  int    `default:"50" help:"How many at most; 0: all."`
}

// Run lists orders.
func (c *listCommand) Run(ctx context.Context) error {
	if c.Limit < 0 {
		return misuse{errors.New("--limit is 0 or more")}
	}
	orders := []client.Order{}
	for o, err := range c.client(0).AllOrders(ctx, client.OrderFilter{UserID: c.User, Status: c.Status, Limit: pageSize(c.Limit)}) {
		if err != nil {
			return c.explain(err)
		}
		orders = append(orders, o)
		if len(orders) == c.Limit {
			break
		}
	}
	if c.JSON {
		return printJSON(orders)
	}
	return table(os.Stdout, "ORDER\tSTATUS\tREASON\tUSER\tTOTAL\tCREATED", func(row func(...any)) {
		for _, o := range orders {
			row(o.OrderID, o.Status, o.Reason, o.UserID, money(o.Total), o.CreatedAt.Format(time.RFC3339))
		}
	})
}

// pageSize asks for no more than is wanted, within what the API gives at once.
func pageSize(limit int) int {
	const most = 200
	if limit == 0 || limit > most {
		return most
	}
	return limit
}

// show prints an order, or what went wrong.
func (r remote) show(o client.Order, err error) error {
	if err != nil {
		return r.explain(err)
	}
	if r.JSON {
		return printJSON(o)
	}
	fmt.Println(o.OrderID, o.Status, o.Reason)
	for _, l := range o.Items {
		fmt.Printf("  %d x %s %s\n", l.Qty, l.SKU, money(l.UnitPrice))
	}
	for _, s := range o.Shortfall {
		fmt.Printf("  short of %s: %d asked for, %d available\n", s.SKU, s.Qty, s.Available)
	}
	if o.Total.Currency != "" {
		fmt.Println("  total", money(o.Total))
	}
	for _, h := range o.History {
		fmt.Println(" ", h.At.Format(moment), h.Status, h.Reason)
	}
	return nil
}

// money shows an amount in minor units with its currency, nothing if unknown.
func money(m client.Money) string {
	if m.Currency == "" {
		return ""
	}
	return fmt.Sprintf("%d %s", m.Amount, m.Currency)
}
