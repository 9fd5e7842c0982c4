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
	"holdfast/cost"
	"holdfast/load"
)

// loadCommand measures a server.
type loadCommand struct {
	URL      string        `name:"url" placeholder:"URL" help:"The server to measure: it gets SKUs LOAD-0000, LOAD-0001 and so on, with plenty of stock, and keeps them. Without it, a private one in a process of its own on a temporary folder, audited at the end."`
	Engine   string        `enum:"sqlite,aws" default:"sqlite" help:"What the private server keeps everything in: sqlite, or aws, which must be set up under the prefix."`
	Prefix   string        `default:"holdfast-load" help:"With --engine aws: what the names of its tables and queues begin with; what is sold there is plenty of the load's SKUs."`
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
	if c.Engine == "aws" && !prefixes.MatchString(c.Prefix) {
		return badPrefix(c.Prefix)
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
	measure := c.measureOther
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

// loadResult is what was measured, with what it cost where that costs anything.
type loadResult struct {
	load.Result
	Cost *cost.Report `json:"cost,omitempty"`
}

func (c *loadCommand) print(result loadResult) error {
	if c.JSON {
		return printJSON(result)
	}
	err := result.WriteText(os.Stdout)
	if result.Cost != nil {
		err = errors.Join(err, printCost(os.Stdout, *result.Cost))
	}
	return err
}

func (c *loadCommand) measureOther(ctx context.Context, o load.Options) (result loadResult, err error) {
	result.Result, err = load.Run(ctx, o)
	return result, err
}

// measureOwn runs the load against a private server, and audits its stores.
func (c *loadCommand) measureOwn(ctx context.Context, o load.Options) (result loadResult, err error) {
	folder, err := os.MkdirTemp("", "holdfast-load-")
	if err != nil {
		return result, err
	}
	defer os.RemoveAll(folder)
	kept := storage{Engine: c.Engine, Data: folder, Prefix: c.Prefix}
	if err := prepare(ctx, kept); err != nil {
		return result, err
	}
	servers, err := c.start(context.WithoutCancel(ctx), kept)
	if err != nil {
		return result, err
	}
	o.URL, o.APIKey = servers.URL(), ""
	if result.Result, err = load.Run(ctx, o); err == nil {
		err = quiet(ctx, o.URL)
	}
	if err == nil && c.Engine == "aws" {
		result.Cost, err = costOf(ctx, servers)
	}
	if err = errors.Join(err, servers.Stop()); err != nil {
		return result, fmt.Errorf("load: %w", err)
	}
	peak, cpu := servers.Usage()
	result.Processes, result.PeakRSSMB, result.CPUS = len(servers), float64(peak)/1e6, cpu.Seconds()

	report, err := kept.audit(ctx, audit.Options{Drained: true})
	if err == nil {
		result.Breaches = &report.Found
	}
	if report.Found > 0 {
		err = errors.Join(err, report.WriteText(os.Stderr))
	}
	return result, err
}

// prepare makes a folder ready for services. What costs money it does not make,
// but sees that it is there.
func prepare(ctx context.Context, kept storage) error {
	open := func() (*opened, error) { return kept.backend().made(ctx, wanted{}) }
	if kept.Engine == "aws" {
		open = func() (*opened, error) { return kept.backend().toRead(ctx) }
	}
	store, err := open()
	if err != nil {
		return err
	}
	return store.Close()
}

func (c *loadCommand) start(ctx context.Context, kept storage) (load.Servers, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	start := load.StartOne
	if c.Split {
		start = load.StartSplit
	}
	return start(ctx, binary, os.Stderr, "--engine", kept.Engine, "--data", kept.Data, "--prefix", kept.Prefix, "--log-level", "warn")
}

// costOf is what the servers have spent together.
func costOf(ctx context.Context, servers load.Servers) (*cost.Report, error) {
	var all costCommand
	for _, s := range servers {
		all.URL = append(all.URL, s.URL)
	}
	report, err := all.read(ctx)
	return &report, err
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
