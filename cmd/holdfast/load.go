package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/mattn/go-isatty"

	"holdfast/cost"
	"holdfast/load"
)

// loadCommand measures a server.
//
// Lists and polls are a small share by default, since a shop's customers look at
// their orders and a server that forgot to make that cheap would otherwise not be
// found out; cancels are none, since an order that is cancelled does not complete,
// and completed orders are what is counted.
type loadCommand struct {
	URL    string `name:"url" placeholder:"URL" help:"The server to measure: it gets SKUs LOAD-0000, LOAD-0001 and so on, with plenty of stock, and keeps them. Without it, a private one in a process of its own on a temporary folder, audited at the end."`
	Engine string `enum:"sqlite,aws" default:"sqlite" help:"What the private server keeps everything in: sqlite, or aws, which must be set up under the prefix."`
	Prefix string `default:"holdfast-load" help:"With --engine aws: what the names of its tables and queues begin with; what is sold there is plenty of the load's SKUs."`
	Data   string `env:"HOLDFAST_LOAD_DATA" placeholder:"DIR" help:"Folder in which the private server keeps its stores and leaves them, made if missing, so that the next run finds them full. Its twin is HOLDFAST_LOAD_DATA, lest a load be put on the data that HOLDFAST_DATA names."`
	Split  bool   `help:"Run the private server as three processes, a service each, instead of one."`
	APIKey string `name:"api-key" placeholder:"SECRET" help:"API key with all scopes, for --url. Better given as HOLDFAST_API_KEY: others on the machine can read a command line."`

	Rate     string        `default:"max" placeholder:"N" help:"Orders that arrive a second, whether the server keeps up or not: a number; max, the highest rate it is found to hold; or saturate, none: each connection sends its next order when the last is answered, so that latencies leave out what stalls make others wait."`
	Duration time.Duration `default:"20s" help:"How long orders are placed, once the rate is found."`
	Orders   int64         `placeholder:"N" help:"Place so many orders, however long it takes, instead of --duration."`
	Clients  int           `default:"512" help:"Connections, each with one request under way at a time."`
	NoRetry  bool          `help:"Drop an order that is refused with 503 or 429, where a client would send it again as it was, after Retry-After."`

	SKUs    int     `name:"skus" default:"1000" help:"Over how many SKUs the orders spread."`
	Zipf    float64 `default:"0" placeholder:"S" help:"How unlike the SKUs' popularity is: the exponent of Zipf's law, above 1; 0: all alike."`
	Users   int     `default:"100000" help:"Over how many users they spread."`
	Keys    bool    `default:"true" negatable:"" help:"Give each order a random idempotency key, as a careful client does."`
	Slow    float64 `default:"0" help:"Share of orders, 0 to 1, whose card takes two seconds."`
	Cancels float64 `default:"0" help:"Share of orders, 0 to 1, that are cancelled at once."`
	Polls   float64 `default:"0.01" help:"GET /orders/{id} for each order placed, 0 to 1: of one placed lately, or one that a list ended with."`
	Lists   float64 `default:"0.002" help:"GET /orders?user_id= for each order placed, 0 to 1."`

	Calibrate bool   `help:"First measure a stub that answers and does nothing else, and say how many of its answers a second the server's completed orders are: figures of different machines compare by that."`
	Report    string `placeholder:"FILE" help:"Write a page with charts over time, as out.html."`
	JSON      bool   `name:"json" help:"Print the result as JSON."`
}

// Validate checks the flags' bounds.
func (c *loadCommand) Validate() error {
	if c.Clients < 1 || c.Clients > 10_000 || c.SKUs < 1 || c.SKUs > 10_000 || c.Duration <= 0 {
		return errors.New("--clients and --skus are 1 to 10000, --duration is more than nothing")
	}
	if c.Users < 1 || c.Orders < 0 {
		return errors.New("--users is at least 1, and --orders no less than 0, which means as many as come")
	}
	if c.Zipf != 0 && !(c.Zipf > 1 && c.Zipf <= 100) {
		return fmt.Errorf("--zipf is an exponent above 1, or 0 for SKUs that are all alike, not %v", c.Zipf)
	}
	if _, err := c.rate(); err != nil {
		return err
	}
	return errors.Join(c.validateServer(), checkShare("--slow", c.Slow), checkShare("--cancels", c.Cancels), checkShare("--polls", c.Polls), checkShare("--lists", c.Lists))
}

func (c *loadCommand) validateServer() error {
	switch {
	case c.Engine == "aws" && !prefixes.MatchString(c.Prefix):
		return badPrefix(c.Prefix)
	case c.URL == "":
		return nil
	case c.Split:
		return errors.New("--split is about the private server, and --url names another; give one of the two")
	case c.Data != "":
		return errors.New("--data is about the private server, and --url names another; give one of the two")
	}
	return checkURL("--url", c.URL)
}

// highestRate bounds --rate; nothing that one machine runs comes near it.
const highestRate = 1e6

// rate is what --rate says.
func (c *loadCommand) rate() (float64, error) {
	switch c.Rate {
	case "max":
		return load.Max, nil
	case "saturate":
		return load.Saturate, nil
	}
	rate, err := strconv.ParseFloat(c.Rate, 64)
	if err != nil || !(rate > 0 && rate <= highestRate) {
		return 0, fmt.Errorf("--rate is orders a second, above 0 and at most %.0f, or max, or saturate, not %q", highestRate, c.Rate)
	}
	return rate, nil
}

func (c *loadCommand) options() load.Options {
	rate, _ := c.rate() // Validate has seen to it
	return load.Options{
		URL: c.URL, APIKey: c.APIKey, Rate: rate, Clients: c.Clients, Duration: c.Duration, Orders: c.Orders, SKUs: c.SKUs, Zipf: c.Zipf, Users: c.Users,
		Keys: c.Keys, NoRetry: c.NoRetry, Slow: c.Slow, Cancels: c.Cancels, Polls: c.Polls, Lists: c.Lists,
	}
}

// Run measures, and fails when an order was lost or a promise broken. What was
// measured before an error is printed too.
func (c *loadCommand) Run(ctx context.Context) error {
	page, err := c.openReport()
	if err != nil {
		return err
	}
	defer page.Close()
	o := c.options()
	done := func() {}
	if terminal := isatty.IsTerminal(os.Stderr.Fd()); terminal || !c.JSON {
		o.Progress, done = load.Progress(os.Stderr, terminal)
	}
	result, err := c.measure(ctx, o)
	done()
	if result.Orders+result.Errors+result.Refused > 0 {
		err = errors.Join(err, c.print(result), result.WriteHTML(page, "Holdfast under load", c.settings()))
	}
	if err == nil && !result.Sound() {
		return errSilent
	}
	return err
}

// measure measures the stub first if it is to, and then the server.
func (c *loadCommand) measure(ctx context.Context, o load.Options) (result loadResult, err error) {
	var stub float64
	if c.Calibrate {
		if stub, err = calibrate(ctx, o); err != nil {
			return result, err
		}
	}
	if c.URL == "" {
		result, err = c.measureOwn(ctx, o)
	} else {
		result.Result, err = load.Run(ctx, o)
	}
	if stub > 0 {
		result.StubPerS, result.Ratio = stub, result.CompletedPerS/stub
	}
	return result, err
}

// openReport makes the file of --report before anything is measured, so that a
// name that cannot be is found at once.
func (c *loadCommand) openReport() (io.WriteCloser, error) {
	if c.Report == "" {
		return discard{io.Discard}, nil
	}
	file, err := os.Create(c.Report)
	if err != nil {
		return nil, fmt.Errorf("--report: %w", err)
	}
	return file, nil
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

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

// settings are the flags, as a report shows them.
func (c *loadCommand) settings() []load.Setting {
	server := fmt.Sprintf("private, --engine %s", c.Engine)
	if c.URL != "" {
		server = c.URL
	} else if c.Split {
		server += ", three processes"
	}
	length := c.Duration.String()
	if c.Orders > 0 {
		length = fmt.Sprintf("%d orders", c.Orders)
	}
	retries := "sent again as a client would"
	if c.NoRetry {
		retries = "dropped"
	}
	popularity := "all alike"
	if c.Zipf > 0 {
		popularity = fmt.Sprintf("by Zipf's law, exponent %g", c.Zipf)
	}
	return []load.Setting{
		{Name: "holdfast", Value: version()},
		{Name: "server", Value: server},
		{Name: "rate", Value: c.Rate},
		{Name: "length", Value: length},
		{Name: "connections", Value: strconv.Itoa(c.Clients)},
		{Name: "SKUs", Value: fmt.Sprintf("%d, %s", c.SKUs, popularity)},
		{Name: "users", Value: strconv.Itoa(c.Users)},
		{Name: "idempotency keys", Value: map[bool]string{true: "random, one an order", false: "none"}[c.Keys]},
		{Name: "for each order", Value: fmt.Sprintf("%g polls, %g lists, %g cancelled, %g with a slow card", c.Polls, c.Lists, c.Cancels, c.Slow)},
		{Name: "what is refused", Value: retries},
		{Name: "time", Value: time.Now().UTC().Format(time.RFC3339)},
	}
}
