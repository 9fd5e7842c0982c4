package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/system"
)

// setupCommand creates the stores and the starting stock.
type setupCommand struct {
	storage
	Stock string `placeholder:"FILE" help:"Starting stock, a JSON file: [{\"sku\": \"A123\", \"on_hand\": 100, \"price\": {\"amount\": 1999, \"currency\": \"USD\"}}]."`
}

// Run sets up, and says what was added.
func (c *setupCommand) Run(ctx context.Context) error {
	if !c.durable() {
		return misuse{errors.New("the memory engine keeps nothing to set up")}
	}
	stock, err := readStock(c.Stock)
	if err != nil {
		return err
	}
	release, err := lockFolder(c.Data, "setup")
	if err != nil {
		return err
	}
	defer release()
	added, err := c.setUp(ctx, stock)
	if err == nil {
		fmt.Printf("%s is set up: %d SKUs added, %d were there\n", c.Data, added, len(stock)-added)
	}
	return err
}

// setUp makes what is missing of the stores, the queues and the stock, and returns
// how many SKUs it added.
func (s storage) setUp(ctx context.Context, stock []inventory.Count) (added int, err error) {
	e, err := s.openEngine()
	if err != nil {
		return 0, err
	}
	files, err := s.openQueues(false)
	if err != nil {
		return 0, errors.Join(err, e.Close())
	}
	added, err = addStock(ctx, e, stock)
	return added, errors.Join(err, files.Close(), e.Close())
}

// setUpOnce gives an empty store its starting stock.
func setUpOnce(ctx context.Context, e *engine.Engine, stock []inventory.Count, log *slog.Logger) error {
	if page, err := e.Inventory.List(ctx, "", 1); err != nil || len(page) > 0 {
		return err
	}
	added, err := addStock(ctx, e, stock)
	if err == nil {
		log.Info("store was empty; set up", "skus", added)
	}
	return err
}

// addStock counts each SKU that the store does not have, all in one write, and
// returns how many it added.
func addStock(ctx context.Context, e *engine.Engine, stock []inventory.Count) (added int, err error) {
	missing := int64(0)
	counts := make([]inventory.Count, len(stock))
	for i, c := range stock {
		c.IfVersion, c.At = &missing, system.Now()
		counts[i] = c
	}
	counted, err := e.Inventory.Count(ctx, counts)
	if err != nil {
		return 0, err
	}
	for i, c := range counted {
		switch {
		case c.Err == nil:
			added++
		case !errors.Is(c.Err, event.Stale):
			return added, fmt.Errorf("stock of %q: %w", stock[i].SKU, c.Err)
		}
	}
	return added, nil
}
