package main

import (
	"context"
	"errors"
	"log/slog"

	"holdfast/event"
	"holdfast/inventory"
)

// serveCommand runs everything in one process.
type serveCommand struct {
	process `set:"addr=127.0.0.1:8000"`
	processor
	terms
	Stock string `placeholder:"FILE" help:"Starting stock for an empty store, a JSON file; see setup --help."`
}

// Validate checks the flags' bounds.
func (c *serveCommand) Validate() error {
	if c.inMemory() && c.needsKeys() {
		return errors.New("the memory engine keeps no API keys, so it can ask for none, nor listen on an address that others reach; use --engine sqlite")
	}
	return errors.Join(c.process.Validate(), c.processor.Validate(), c.terms.Validate())
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context) error {
	stock, err := readStock(c.Stock)
	if err != nil {
		return err
	}
	return c.run(ctx, "serve", func(log *slog.Logger) (*host, error) { return c.open(ctx, stock, log) })
}

// open opens everything, and gives a store without stock its starting stock.
func (c *serveCommand) open(ctx context.Context, stock []inventory.Count, log *slog.Logger) (*host, error) {
	store, err := c.backend().all(ctx, log)
	if err != nil {
		return nil, err
	}
	if err := setUpOnce(context.WithoutCancel(ctx), store.Engine, stock, log); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &host{process: c.process, services: event.Services, store: store, terms: c.ofOrders(), gateway: c.openGateway(store.Engine), log: log}, nil
}
