package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"holdfast/event"
)

// orderCommand runs the order service, and the door to the others.
type orderCommand struct {
	process `set:"addr=127.0.0.1:8000"`
	terms
	InventoryURL string `name:"inventory-url" default:"http://127.0.0.1:8001" help:"Where holdfast inventory answers: what is its is forwarded there."`
	PaymentURL   string `name:"payment-url" default:"http://127.0.0.1:8002" help:"Where holdfast payment answers: what is its is forwarded there."`
}

// Validate checks the flags' bounds.
func (c *orderCommand) Validate() error {
	return errors.Join(c.validateService(event.Order), c.terms.Validate(),
		checkURL("--inventory-url", c.InventoryURL), checkURL("--payment-url", c.PaymentURL))
}

// Run serves until ctx ends.
func (c *orderCommand) Run(ctx context.Context) error {
	inventory, err := url.Parse(c.InventoryURL)
	if err != nil {
		return err
	}
	payment, err := url.Parse(c.PaymentURL)
	if err != nil {
		return err
	}
	return c.runService(ctx, event.Order, func(h *host) {
		h.terms = c.ofOrders()
		h.elsewhere = map[event.Service]*url.URL{event.Inventory: inventory, event.Payment: payment}
	})
}

// inventoryCommand runs the inventory service.
type inventoryCommand struct {
	process `set:"addr=127.0.0.1:8001"`
}

// Validate checks the flags' bounds.
func (c *inventoryCommand) Validate() error { return c.validateService(event.Inventory) }

// Run serves until ctx ends.
func (c *inventoryCommand) Run(ctx context.Context) error {
	return c.runService(ctx, event.Inventory, func(*host) {})
}

// paymentCommand runs the payment service, which alone asks the gateway.
type paymentCommand struct {
	process `set:"addr=127.0.0.1:8002"`
	processor
}

// Validate checks the flags' bounds.
func (c *paymentCommand) Validate() error {
	return errors.Join(c.validateService(event.Payment), c.processor.Validate())
}

// Run serves until ctx ends.
func (c *paymentCommand) Run(ctx context.Context) error {
	return c.runService(ctx, event.Payment, func(h *host) { h.gateway = c.openGateway(h.store.Engine) })
}

func (p process) validateService(s event.Service) error {
	if p.inMemory() {
		return fmt.Errorf("with the memory engine, holdfast %s would share nothing with the other services; use --engine sqlite, or run all three in one process: holdfast serve --engine memory", s)
	}
	return p.Validate()
}

// runService runs one service on what is set up, beside any number of other such
// processes. with adds to the host what this service alone has.
func (p process) runService(ctx context.Context, s event.Service, with func(*host)) error {
	return p.run(ctx, string(s), func(log *slog.Logger) (*host, error) {
		store, err := p.backend().service(ctx, s, log)
		if err != nil {
			return nil, err
		}
		h := &host{process: p, services: []event.Service{s}, store: store, log: log}
		with(h)
		return h, nil
	})
}
