package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"holdfast/cost"
)

// costCommand tells what running processes have spent on AWS.
type costCommand struct {
	URL    []string `name:"url" placeholder:"URL" help:"Where a process answers; may be given several times. Without it, those of http://127.0.0.1:8000, 8001 and 8002 that answer."`
	APIKey string   `name:"api-key" placeholder:"SECRET" help:"API key with the scope ops. Better given as HOLDFAST_API_KEY: others on the machine can read a command line."`
	JSON   bool     `name:"json" help:"Print JSON."`
}

// Validate checks the flags' bounds.
func (c *costCommand) Validate() error {
	for _, url := range c.URL {
		if err := checkURL("--url", url); err != nil {
			return err
		}
	}
	return nil
}

// Run prints the cost.
func (c *costCommand) Run(ctx context.Context) error {
	report, err := c.read(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(report)
	}
	return printCost(os.Stdout, report)
}

// read sums up what the processes say. Of those that nobody named, those that are
// not there are left out.
func (c *costCommand) read(ctx context.Context) (cost.Report, error) {
	urls := c.URL
	if len(urls) == 0 {
		for _, service := range []string{"order", "inventory", "payment"} {
			urls = append(urls, "http://"+standard[service])
		}
	}
	var texts []io.Reader
	for _, url := range urls {
		text, err := readMetrics(ctx, url, c.APIKey)
		switch {
		case err == nil:
			texts = append(texts, strings.NewReader(text))
		case len(c.URL) > 0 || errors.As(err, new(refusal)):
			return cost.Report{}, err
		}
	}
	if len(texts) == 0 {
		return cost.Report{}, fmt.Errorf("no holdfast answers at %s; give --url", strings.Join(urls, ", "))
	}
	return cost.FromMetrics(texts...)
}

// refusal is an answer of a process that does not tell.
type refusal struct{ error }

// readMetrics asks a process for its figures.
func readMetrics(ctx context.Context, url, key string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/metrics", nil)
	if err != nil {
		return "", err
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("%w; is Holdfast running at %s?", err, url)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", refusal{fmt.Errorf("%s answers %s to GET /metrics; with API keys it takes one with the scope ops", url, answer.Status)}
	}
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

// printCost shows where the money went: a line an operation, the sum of each
// service below its own.
func printCost(w io.Writer, r cost.Report) error {
	err := table(w, "SERVICE\tON\tOPERATION\tWRITE UNITS\tREAD UNITS\tSQS REQUESTS\tUSD", func(row func(...any)) {
		cells := func(service, on, operation string, s cost.Sum) {
			row(service, on, operation, units(s.WriteUnits), units(s.ReadUnits), units(s.SQSRequests), fmt.Sprintf("%.6f", s.USD))
		}
		for _, s := range r.Services {
			for _, o := range s.Operations {
				cells(s.Name, onWhat(o), o.Name, o.Sum)
			}
			cells(s.Name, "all", "", s.Sum)
		}
		cells("all", "", "", r.Total)
	})
	if err != nil {
		return err
	}
	if r.Orders > 0 {
		_, err = fmt.Fprintf(w, "%d orders, each %.2f write units, %.2f read units, %.2f SQS requests; %.4f writes to stock items; $%.2f a million orders\n", r.Orders,
			r.PerOrder.WriteUnits, r.PerOrder.ReadUnits, r.PerOrder.SQSRequests, r.StockItemWrites/float64(r.Orders), r.USDMillionOrders)
	}
	for _, l := range r.LeftOut {
		fmt.Fprintf(w, "not counted: %.0f units on %s, %s\n", l.Units, l.Table, l.Why)
	}
	_, printing := fmt.Fprintf(w, "prices of %s, %s\n", r.Prices.Region, r.Prices.Date)
	return errors.Join(err, printing)
}

// onWhat names a table, one of its indexes, or a queue.
func onWhat(o cost.Operation) string {
	if o.Index == "" {
		return o.Resource
	}
	return o.Resource + "/" + o.Index
}

// units shows a figure; half units are real.
func units(n float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0") }
