package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// healthCommand asks a process whether it lives: what an image without a shell and
// without curl has for its container's health check.
type healthCommand struct {
	URL string `name:"url" default:"http://127.0.0.1:8000" help:"Where the process answers."`
}

// healthTime is how long a living process may take to say so.
const healthTime = 3 * time.Second

// Validate checks the flags' bounds.
func (c *healthCommand) Validate() error { return checkURL("--url", c.URL) }

// Run fails unless /livez answers 200.
func (c *healthCommand) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.URL, "/")+"/livez", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return fmt.Errorf("nothing lives at %s: %w", c.URL, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("what answers at %s says %s", c.URL, answer.Status)
	}
	fmt.Println("alive")
	return nil
}
