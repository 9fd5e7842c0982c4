package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/system"
)

// setupCommand creates the stores and the starting stock.
type setupCommand struct {
	storage
	logging
	Stock string `type:"path" placeholder:"FILE" help:"Starting stock, a JSON file: [{\"sku\": \"A123\", \"on_hand\": 100, \"price\": {\"amount\": 1999, \"currency\": \"USD\"}}]."`
}

// startingStock is what a store begins with unless a file says otherwise.
var startingStock = []stockItem{
	{SKU: "A123", OnHand: 100, Price: event.Money{Amount: 1999, Currency: "USD"}},
	{SKU: "B456", OnHand: 0, Price: event.Money{Amount: 4999, Currency: "USD"}},
	{SKU: "C789", OnHand: 25, Price: event.Money{Amount: 999, Currency: "USD"}},
	{SKU: "D012", OnHand: 1, Price: event.Money{Amount: 129900, Currency: "USD"}},
}

// stockItem is one entry of a stock file.
type stockItem struct {
	SKU    string      `json:"sku"`
	OnHand int64       `json:"on_hand"`
	Price  event.Money `json:"price"`
}

// Run sets up, and says what was added.
func (c *setupCommand) Run(ctx context.Context) error {
	if !c.durable() {
		return misuse{errors.New("the memory engine keeps nothing to set up")}
	}
	items, err := readStock(c.Stock)
	if err != nil {
		return err
	}
	release, err := lockFolder(c.Data, "setup")
	if err != nil {
		return err
	}
	defer release()
	e, err := c.openEngine()
	if err != nil {
		return err
	}
	added, err := addStock(ctx, e, items)
	if err == nil {
		fmt.Printf("%s is set up: %d SKUs added, %d were there\n", c.Data, added, len(items)-added)
	}
	return errors.Join(err, e.Close())
}

// setUpOnce gives an empty store its starting stock.
func (c *serveCommand) setUpOnce(ctx context.Context, e *engine.Engine, log *slog.Logger) error {
	if page, err := e.Inventory.List(ctx, "", 1); err != nil || len(page) > 0 {
		return err
	}
	items, err := readStock(c.Stock)
	if err != nil {
		return err
	}
	added, err := addStock(ctx, e, items)
	log.Info("store was empty; set up", "skus", added)
	return err
}

// addStock counts each SKU that the store does not have, all in one write, and
// returns how many it added.
func addStock(ctx context.Context, e *engine.Engine, items []stockItem) (added int, err error) {
	missing := int64(0)
	counts := make([]inventory.Count, len(items))
	for i, item := range items {
		counts[i] = inventory.Count{SKU: item.SKU, OnHand: item.OnHand, Price: item.Price, IfVersion: &missing, At: system.Now()}
		if err := counts[i].Validate(); err != nil {
			return 0, fmt.Errorf("stock of %q: %w", item.SKU, withFields(err))
		}
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
			return added, fmt.Errorf("stock of %q: %w", items[i].SKU, withFields(c.Err))
		}
	}
	return added, nil
}

// withFields spells out the offending places of an error for a terminal.
func withFields(err error) error {
	var e *event.Error
	if errors.As(err, &e) {
		for _, f := range e.Fields {
			err = fmt.Errorf("%w; %s %s", err, f.Location, f.Message)
		}
	}
	return err
}

// readStock reads a stock file; no file means the starting stock.
func readStock(path string) ([]stockItem, error) {
	if path == "" {
		return startingStock, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the stock file cannot be read: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var items []stockItem
	if err := decoder.Decode(&items); err != nil {
		return nil, fmt.Errorf(`%s is no stock file: %w; it looks like [{"sku": "A123", "on_hand": 100, "price": {"amount": 1999, "currency": "USD"}}]`, path, err)
	}
	return items, nil
}
