package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"holdfast/audit"
)

// auditCommand checks the promises.
type auditCommand struct {
	storage
	Drained bool `help:"Also demand that every order has ended, nothing is reserved, and the queues between processes are empty. Dead letters are listed, and are no breach."`
	JSON    bool `name:"json" help:"Print the report as JSON."`
}

// Run audits, beside whatever else runs on the stores.
func (c *auditCommand) Run(ctx context.Context) error {
	report, err := c.audit(ctx, audit.Options{Drained: c.Drained})
	if err != nil {
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

// audit checks the stores and the queues that outlive a process, whether they are
// in use or not.
func (s storage) audit(ctx context.Context, o audit.Options) (report audit.Report, err error) {
	store, err := s.backend().toRead(ctx)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return audit.Check(ctx, audit.Stores{
		Orders: store.Orders, Inventory: store.Inventory, Payments: store.Payments, Ledger: store.Ledger,
		DeadLetters: store.DeadLetters, Queues: store.queues,
	}, o)
}

// printJSON writes a value to standard output for a program to read.
func printJSON(value any) error {
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(value)
}
