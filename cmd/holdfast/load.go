package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"holdfast/audit"
	"holdfast/load"
)

// loadCommand measures a server.
type loadCommand struct {
	URL      string        `name:"url" placeholder:"URL" help:"The server to measure: it gets SKUs LOAD-0000, LOAD-0001 and so on, with plenty of stock, and keeps them. Without it, a private one in a process of its own on a temporary folder, audited at the end."`
	Clients  int           `default:"64" help:"Connections, each with one order under way at a time."`
	Duration time.Duration `default:"20s" help:"How long orders are placed."`
	SKUs     int           `name:"skus" default:"100" help:"Over how many SKUs they spread."`
	Keys     bool          `default:"true" negatable:"" help:"Give each order a random idempotency key, as a careful client does."`
	Slow     float64       `default:"0" help:"Share of orders, 0 to 1, whose card takes two seconds."`
	JSON     bool          `name:"json" help:"Print the result as JSON."`
}

// Validate checks the flags' bounds.
func (c *loadCommand) Validate() error {
	if c.Clients < 1 || c.Clients > 10_000 || c.SKUs < 1 || c.SKUs > 10_000 || c.Duration <= 0 {
		return errors.New("--clients and --skus are 1 to 10000, --duration is more than nothing")
	}
	if c.URL != "" {
		if err := checkURL(c.URL); err != nil {
			return err
		}
	}
	return checkShare("--slow", c.Slow)
}

// Run measures, and fails when an order was lost or a promise broken. What was
// measured before an error is printed too.
func (c *loadCommand) Run(ctx context.Context) error {
	options := load.Options{URL: c.URL, Clients: c.Clients, Duration: c.Duration, SKUs: c.SKUs, Keys: c.Keys, Slow: c.Slow}
	measure := load.Run
	if c.URL == "" {
		measure = measureOwn
	}
	result, err := measure(ctx, options)
	if result.Orders+result.Errors > 0 {
		err = errors.Join(err, c.print(result))
	}
	if err == nil && !result.Sound() {
		return errSilent
	}
	return err
}

func (c *loadCommand) print(result load.Result) error {
	if c.JSON {
		return printJSON(result)
	}
	return result.WriteText(os.Stdout)
}

// measureOwn runs the load against a private server, and audits its stores.
func measureOwn(ctx context.Context, o load.Options) (result load.Result, err error) {
	folder, err := os.MkdirTemp("", "holdfast-load-")
	if err != nil {
		return result, err
	}
	defer os.RemoveAll(folder)
	binary, err := os.Executable()
	if err != nil {
		return result, err
	}
	server, err := load.Start(context.WithoutCancel(ctx), binary, folder, os.Stderr, "--log-level", "warn")
	if err != nil {
		return result, err
	}
	o.URL = server.URL
	result, err = load.Run(ctx, o)
	if err = errors.Join(err, server.Stop()); err != nil {
		return result, fmt.Errorf("load: %w", err)
	}
	peak, cpu := server.Usage()
	result.PeakRSSMB, result.CPUS = float64(peak)/1e6, cpu.Seconds()

	e, err := storage{Engine: "sqlite", Data: folder}.openToRead()
	if err != nil {
		return result, err
	}
	report, err := auditStores(ctx, e, audit.Options{Drained: true})
	if err == nil {
		result.Breaches = &report.Found
	}
	if report.Found > 0 {
		err = errors.Join(err, report.WriteText(os.Stderr))
	}
	return result, errors.Join(err, e.Close())
}
