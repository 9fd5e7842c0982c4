// Demo plays three scenarios against a private server, prints what happened, and
// checks it: a sale, a declined card, and a product that has run out. It exits 1
// if one ends otherwise than it should.
//
//	demo PATH-TO-HOLDFAST
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"holdfast/api/client"
	"holdfast/load"
)

// scenario is one order and what must come of it.
type scenario struct {
	title   string
	request client.PlaceOrder
	status  string
	reason  string
	moved   int64 // by how much the SKU's available stock changes
}

var scenarios = []scenario{
	{
		title:   "A customer buys one A123 with a good card",
		request: client.PlaceOrder{UserID: "test_user", Items: []client.Line{{SKU: "A123", Qty: 1}}, PaymentMethod: "sim_approve"},
		status:  "COMPLETED", moved: -1,
	},
	{
		title:   "A customer's card is declined: the stock goes back",
		request: client.PlaceOrder{UserID: "test_user", Items: []client.Line{{SKU: "A123", Qty: 1}}, PaymentMethod: "sim_decline"},
		status:  "PAYMENT_FAILED", reason: "card_declined",
	},
	{
		title:   "B456 has run out: nothing is held, nothing is charged",
		request: client.PlaceOrder{UserID: "test_user", Items: []client.Line{{SKU: "B456", Qty: 1}}, PaymentMethod: "sim_approve"},
		status:  "FAILED_NO_STOCK", reason: "out_of_stock",
	},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo PATH-TO-HOLDFAST")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string) (err error) {
	folder, err := os.MkdirTemp("", "holdfast-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	servers, err := load.StartOne(ctx, binary, os.Stderr, "--data", folder, "--log-level", "warn")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Stop()) }()
	c := client.New(servers.URL(), nil)
	for i, s := range scenarios {
		fmt.Printf("\n%d. %s\n", i+1, s.title)
		if err := s.play(ctx, c); err != nil {
			return fmt.Errorf("scenario %d: %w", i+1, err)
		}
	}
	fmt.Println("\nAll three ended as they should.")
	return nil
}

// play places the scenario's order, waits for its end, and checks it.
func (s scenario) play(ctx context.Context, c *client.Client) error {
	sku := s.request.Items[0].SKU
	before, err := c.Stock(ctx, sku)
	if err != nil {
		return err
	}
	placed, err := c.Place(ctx, s.request, "")
	if err != nil {
		return err
	}
	fmt.Printf("   POST /orders                  202 %s\n", placed.Status)
	o, err := c.Order(ctx, placed.OrderID, 10*time.Second)
	if err != nil {
		return err
	}
	after, err := c.Stock(ctx, sku)
	if err != nil {
		return err
	}
	fmt.Printf("   GET  /orders/{id}?wait=10s    200 %s %s\n", o.Status, o.Reason)
	for _, h := range o.History {
		fmt.Printf("          %s %s\n", h.At.Format("15:04:05.000"), h.Status)
	}
	fmt.Printf("   GET  /inventory/%s          available %d -> %d, reserved %d, sold %d\n", sku, before.Available, after.Available, after.Reserved, after.Sold)
	if o.Status != s.status || o.Reason != s.reason || after.Available-before.Available != s.moved || after.Reserved != 0 {
		return fmt.Errorf("expected %s %s and %+d available", s.status, s.reason, s.moved)
	}
	return nil
}
