package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"holdfast/audit"
	"holdfast/engine"
)

// auditCommand checks the promises.
type auditCommand struct {
	storage
	Drained bool `help:"Also demand that every order has ended and nothing is reserved. Queues within one process end with it and need no check."`
	JSON    bool `name:"json" help:"Print the report as JSON."`
}

// Run audits, beside whatever else runs on the stores.
func (c *auditCommand) Run(ctx context.Context) error {
	e, err := c.openToRead()
	if err != nil {
		return err
	}
	report, err := auditStores(ctx, e, audit.Options{Drained: c.Drained})
	if err = errors.Join(err, e.Close()); err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(report)
	} else {
		err = report.WriteText(os.Stdout)
	}
	if err == nil && report.Found > 0 {
		return errSilent
	}
	return err
}

func auditStores(ctx context.Context, e *engine.Engine, o audit.Options) (audit.Report, error) {
	return audit.Check(ctx, audit.Stores{
		Orders: e.Orders, Inventory: e.Inventory, Payments: e.Payments, Ledger: e.Ledger, DeadLetters: e.DeadLetters,
	}, o)
}

// printJSON writes a value to standard output for a program to read.
func printJSON(value any) error {
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(value)
}
