package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"holdfast/deploy"
	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/system"
)

// setupCommand creates the stores and the starting stock.
type setupCommand struct {
	storage
	Stock string `placeholder:"FILE" help:"Starting stock, a JSON file: [{\"sku\": \"A123\", \"on_hand\": 100, \"price\": {\"amount\": 1999, \"currency\": \"USD\"}}]."`
	Print bool   `help:"Only write the CloudFormation template that --engine aws deploys to standard output."`
	wanted
}

// wanted are the flags about the tables and queues of the aws engine, parameters
// of storage.yaml. One that is not given stays as it is deployed, or has the
// template's default at first.
type wanted struct {
	PointInTimeRecovery *bool   `negatable:"" help:"With --engine aws: tables can be restored to any second of the last 35 days; at first they can."`
	DeletionProtection  *bool   `negatable:"" help:"With --engine aws: tables refuse to be deleted; at first they do."`
	SimulatedGateway    *bool   `negatable:"" help:"With --engine aws: there is a table for the simulated gateway's own books; at first there is."`
	LogRetentionDays    *int    `placeholder:"DAYS" help:"With --engine aws: how long CloudWatch keeps logs."`
	AlarmTopic          *string `placeholder:"ARN" help:"With --engine aws: the SNS topic that alarms go to; empty: none."`
	AlsoTrusted         *string `placeholder:"ARN" help:"With --engine aws: a principal that may take the services' roles, beside ECS tasks; empty: none."`
}

// settings are the flags as package deploy takes them.
func (w wanted) settings(prefix string) deploy.Settings {
	return deploy.Settings{
		Prefix: prefix, PointInTimeRecovery: w.PointInTimeRecovery, DeletionProtection: w.DeletionProtection,
		SimulatedGateway: w.SimulatedGateway, LogRetentionDays: w.LogRetentionDays, AlarmTopic: w.AlarmTopic, AlsoTrusted: w.AlsoTrusted,
	}
}

// Validate refuses flags that mean nothing to the engine.
func (c *setupCommand) Validate() error {
	if c.Engine != "aws" && c.wanted != (wanted{}) {
		return errors.New("the flags that --help marks \"with --engine aws\" are about its tables; leave them out, or give --engine aws")
	}
	return c.storage.Validate()
}

// Run sets up, and says what was added.
func (c *setupCommand) Run(ctx context.Context) error {
	if c.Print {
		_, err := fmt.Print(deploy.Storage)
		return err
	}
	stock, err := readStock(c.Stock)
	if err != nil {
		return err
	}
	release, err := c.backend().take("setup")
	if err != nil {
		return err
	}
	defer release()
	added, err := c.setUp(ctx, stock)
	if err == nil {
		fmt.Printf("%s is set up: %d SKUs added, %d were there\n", c.backend(), added, len(stock)-added)
	}
	return err
}

// setUp makes what is missing of the stores, the queues and the stock, and returns
// how many SKUs it added.
func (c *setupCommand) setUp(ctx context.Context, stock []inventory.Count) (added int, err error) {
	store, err := c.backend().made(ctx, c.wanted)
	if err != nil {
		return 0, err
	}
	added, err = addStock(ctx, store.Engine, stock)
	return added, errors.Join(err, store.Close())
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
