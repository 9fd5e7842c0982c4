package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"holdfast/api/client"
)

// remote are the flags of the commands that use the API.
type remote struct {
	URL    string `name:"url" default:"http://127.0.0.1:8000" help:"Where Holdfast answers."`
	APIKey string `name:"api-key" placeholder:"SECRET" help:"API key. Better given as HOLDFAST_API_KEY: others on the machine can read a command line."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// patience is how long a command waits for an answer beyond what it asked for.
const patience = 30 * time.Second

func (r remote) client(wait time.Duration) *client.Client {
	return client.New(r.URL, &http.Client{Timeout: wait + patience}).WithKey(r.APIKey)
}

// Validate checks the flags' bounds.
func (r remote) Validate() error { return checkURL("--url", r.URL) }

// explain adds what a person can do to an error that is not the API's own.
func (r remote) explain(err error) error {
	var p *client.Problem
	if errors.As(err, &p) {
		return err
	}
	return fmt.Errorf("%w; is Holdfast running at %s? Start it with: holdfast serve", err, r.URL)
}

// table prints rows under a header, in columns.
func table(w io.Writer, header string, rows func(row func(...any))) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, header)
	rows(func(cells ...any) {
		fmt.Fprintln(out, strings.TrimSuffix(fmt.Sprintf(strings.Repeat("%v\t", len(cells)), cells...), "\t"))
	})
	return out.Flush()
}
