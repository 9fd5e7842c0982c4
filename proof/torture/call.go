package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// request is one call of the API, with its body as it goes over the wire.
type request struct {
	method, url, key string
	body             []byte
}

// answer is what came back, word for word.
type answer struct {
	status   int // 0: nothing came back
	body     []byte
	replayed bool
	attempts int // requests that may have reached a server
}

// caller is one client's connections.
type caller struct{ http http.Client }

func newCaller() *caller {
	// Nothing but the end of a connection ends a call: a request that a client gave
	// up on might still be carried out when its history is closed.
	return &caller{http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4, DisableCompression: true}}}
}

// once makes the call and returns what came back, if anything.
func (c *caller) once(ctx context.Context, r request) answer {
	a, err := c.try(ctx, r)
	if dial := new(net.OpError); err == nil || !errors.As(err, &dial) || dial.Op != "dial" {
		a.attempts = 1
	}
	return a
}

// retryEvery is how soon a client asks again a server that is not there.
const retryEvery = 4 * time.Millisecond

// insist makes the call again and again, as a careful client does, until it has an
// answer other than "not now", or ctx ends.
func (c *caller) insist(ctx context.Context, r request) answer {
	for attempts := 0; ; {
		a := c.once(ctx, r)
		attempts += a.attempts
		a.attempts = attempts
		if a.status != 0 && a.status != http.StatusServiceUnavailable {
			return a
		}
		if !pause(ctx, retryEvery) {
			return answer{attempts: attempts}
		}
	}
}

func (c *caller) try(ctx context.Context, r request) (answer, error) {
	asked, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	asked.GetBody = nil // or net/http would send again what has a key, and say nothing of it
	if r.key != "" {
		asked.Header.Set("Idempotency-Key", r.key)
	}
	if r.body != nil {
		asked.Header.Set("Content-Type", "application/json")
	}
	got, err := c.http.Do(asked)
	if err != nil {
		return answer{}, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		return answer{}, err
	}
	return answer{status: got.StatusCode, body: body, replayed: got.Header.Get("Idempotent-Replayed") == "true"}, nil
}

// pause waits, and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
