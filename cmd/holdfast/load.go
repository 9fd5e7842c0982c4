package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"holdfast/api/client"
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
	APIKey   string        `name:"api-key" placeholder:"SECRET" help:"API key with all scopes, for --url. Better given as HOLDFAST_API_KEY: others on the machine can read a command line."`
	Split    bool          `help:"Run the private server as three processes, a service each, instead of one."`
	Slow     float64       `default:"0" help:"Share of orders, 0 to 1, whose card takes two seconds."`
	JSON     bool          `name:"json" help:"Print the result as JSON."`
}

// Validate checks the flags' bounds.
func (c *loadCommand) Validate() error {
	if c.Clients < 1 || c.Clients > 10_000 || c.SKUs < 1 || c.SKUs > 10_000 || c.Duration <= 0 {
		return errors.New("--clients and --skus are 1 to 10000, --duration is more than nothing")
	}
	if c.URL != "" && c.Split {
		return errors.New("--split is about the private server, and --url names another; give one of the two")
	}
	if c.URL != "" {
		if err := checkURL("--url", c.URL); err != nil {
			return err
		}
	}
	return checkShare("--slow", c.Slow)
}

// Run measures, and fails when an order was lost or a promise broken. What was
// measured before an error is printed too.
func (c *loadCommand) Run(ctx context.Context) error {
	options := load.Options{URL: c.URL, APIKey: c.APIKey, Clients: c.Clients, Duration: c.Duration, SKUs: c.SKUs, Keys: c.Keys, Slow: c.Slow}
	measure := load.Run
	if c.URL == "" {
		measure = c.measureOwn
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
func (c *loadCommand) measureOwn(ctx context.Context, o load.Options) (result load.Result, err error) {
	folder, err := os.MkdirTemp("", "holdfast-load-")
	if err != nil {
		return result, err
	}
	defer os.RemoveAll(folder)
	servers, err := c.start(context.WithoutCancel(ctx), folder)
	if err != nil {
		return result, err
	}
	o.URL, o.APIKey = servers.URL(), ""
	result, err = load.Run(ctx, o)
	if err == nil {
		err = quiet(ctx, o.URL)
	}
	if err = errors.Join(err, servers.Stop()); err != nil {
		return result, fmt.Errorf("load: %w", err)
	}
	peak, cpu := servers.Usage()
	result.Processes, result.PeakRSSMB, result.CPUS = len(servers), float64(peak)/1e6, cpu.Seconds()

	report, err := storage{Engine: "sqlite", Data: folder}.audit(ctx, audit.Options{Drained: true})
	if err == nil {
		result.Breaches = &report.Found
	}
	if report.Found > 0 {
		err = errors.Join(err, report.WriteText(os.Stderr))
	}
	return result, err
}

func (c *loadCommand) start(ctx context.Context, folder string) (load.Servers, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	start := load.StartOne
	if c.Split {
		start = load.StartSplit
	}
	return start(ctx, binary, folder, os.Stderr, "--log-level", "warn")
}

// quietTime is how long a private server may take, once every order has ended,
// for what is left in its queues: a message that was sent again, of an order that
// has ended, changes nothing but has to be read.
const quietTime = 30 * time.Second

// quiet waits until the queues of a server are empty.
func quiet(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, quietTime, errors.New("messages are left in its queues"))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		queues, err := client.New(url, nil).Queues(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(queues, busy) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// busy reports whether a queue holds anything, as far as is known.
func busy(q client.Queue) bool {
	return q.Depth == nil || q.InFlight == nil || *q.Depth+*q.InFlight > 0
}
