package emulator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// FaultOptions say what goes wrong. The chances are between 0, never, and 1, and
// are drawn once a request; those that AWS would make of what the requests do are
// switched on by Units and Conflicts.
type FaultOptions struct {
	Seed uint64

	// Units is how many write units a second one item takes, and one partition
	// key of an index, which holds its table up; a second's worth may be saved.
	// On AWS it is 1,000, as of any partition ("Best practices for designing and
	// using partition keys effectively", Amazon DynamoDB Developer Guide). 0: no limit.
	Units float64
	// Conflicts refuses a transaction with an item that another request in flight
	// is writing, and a write of an item that a transaction in flight has.
	Conflicts bool

	Refused     float64 // a conflict with a transaction of somebody else
	Throttled   float64 // whatever the limit
	Failed      float64 // a 500 before anything happened
	Lost        float64 // all of it happened, but the answer is a 500 or a broken connection
	Unprocessed float64 // a BatchGetItem leaves an item for later
	Duplicated  float64 // a message received is received again soon, under the same receipt
	Reordered   float64 // the messages of a receive come in any order

	MinLatency, MaxLatency time.Duration // how long a request is in flight, what the emulator takes included
	Prompt                 float64       // no longer than the emulator takes
}

// BadDay is all that can go wrong with DynamoDB and SQS, each often enough that a
// test meets it.
func BadDay(seed uint64) FaultOptions {
	return FaultOptions{
		Seed: seed, Units: 1000, Conflicts: true,
		Refused: 0.03, Throttled: 0.03, Failed: 0.03, Lost: 0.03, Unprocessed: 0.1, Duplicated: 0.1, Reordered: 0.5,
		MinLatency: 5 * time.Millisecond, MaxLatency: 50 * time.Millisecond, Prompt: 0.9,
	}
}

// Fault is a kind of what can go wrong.
type Fault string

// The faults, as Struck counts them.
const (
	Conflict    Fault = "conflict"    // met in flight, or Refused
	Throttle    Fault = "throttle"    // over the limit, or Throttled
	Failure     Fault = "failure"     // Failed
	LostAnswer  Fault = "lost answer" // Lost
	Unprocessed Fault = "unprocessed"
	Duplicate   Fault = "duplicate"
	Reorder     Fault = "reorder"
)

// Faults stands between AWS's clients and an emulator and does what no emulator
// does: see FaultOptions. It knows the tables of deploy, and DynamoDB's and SQS's
// JSON; other requests pass unharmed. All clients of one Faults compete as the
// processes of one account do. Latency and limits go by package time's clock, so
// in a bubble of testing/synctest they are virtual.
type Faults struct {
	next    aws.HTTPClient
	options FaultOptions

	mu      sync.Mutex // guards what follows
	random  *rand.Rand
	struck  map[Fault]int
	writes  map[string]int64 // accepted, by table
	flight  flight
	limits  limits
	indexed indexed
	again   map[string][]message // duplicates to come, by queue URL
}

// NewFaults puts faults before a client; Use is the shorter way.
func NewFaults(next aws.HTTPClient, o FaultOptions) *Faults {
	return &Faults{
		next: next, options: o, random: rand.New(rand.NewPCG(o.Seed, 0)),
		struck: make(map[Fault]int), writes: make(map[string]int64),
		flight: newFlight(), limits: newLimits(o.Units), indexed: make(indexed), again: make(map[string][]message),
	}
}

// Use puts faults between a configuration's clients and what they call.
func (o FaultOptions) Use(c aws.Config) (aws.Config, *Faults) {
	f := NewFaults(c.HTTPClient, o)
	c.HTTPClient = f
	return c, f
}

// Struck is how often each fault has struck.
func (f *Faults) Struck(kind Fault) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.struck[kind]
}

// Writes is how many writes of items of a table were let through, each item of a
// transaction counted.
func (f *Faults) Writes(table string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes[table]
}

// RoundTrip makes a Faults an http.RoundTripper.
func (f *Faults) RoundTrip(r *http.Request) (*http.Response, error) { return f.Do(r) }

// Do carries a request out, or not quite.
func (f *Faults) Do(r *http.Request) (*http.Response, error) {
	begun := time.Now()
	c, known, err := readCall(r)
	if err != nil || !known {
		return f.forward(r, err)
	}
	if answer := f.enter(c); answer != nil {
		if err := f.delay(r.Context(), begun); err != nil {
			return nil, err
		}
		return answer.response(r), nil
	}
	defer f.leave(c)
	if answer := f.duplicates(c); answer != nil {
		return answer.response(r), f.delay(r.Context(), begun)
	}
	response, err := f.next.Do(r)
	if err != nil {
		return nil, err
	}
	spoilt, err := f.spoil(r, c, response)
	if late := f.delay(r.Context(), begun); late != nil {
		return nil, late
	}
	return spoilt, err
}

func (f *Faults) forward(r *http.Request, err error) (*http.Response, error) {
	if err != nil {
		return nil, fmt.Errorf("faults: reading a request: %w", err)
	}
	return f.next.Do(r)
}

// enter lets a call through, as in flight, or says how it is refused.
func (f *Faults) enter(c *call) *answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.strikes(f.options.Failed, Failure):
		return c.failed()
	case f.strikes(f.options.Throttled, Throttle):
		return c.throttled(f.any(c))
	case c.transacts() && f.flight.tokens[c.body.ClientRequestToken]:
		return c.inProgress()
	}
	if len(c.touches) == 0 {
		return nil
	}
	if f.strikes(f.options.Refused, Conflict) {
		return c.refused(f.any(c))
	}
	if met := f.flight.meets(c); f.options.Conflicts && len(met) > 0 {
		f.struck[Conflict]++
		return c.refused(met)
	}
	if over := f.limits.take(f.indexed.costs(c)); len(over) > 0 {
		f.struck[Throttle]++
		return c.throttled(over)
	}
	f.flight.enter(c)
	for _, t := range c.touches {
		f.writes[t.table]++
	}
	return nil
}

// any is one of a call's items.
func (f *Faults) any(c *call) map[int]bool {
	if len(c.touches) == 0 {
		return nil
	}
	return map[int]bool{f.random.IntN(len(c.touches)): true}
}

func (f *Faults) leave(c *call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(c.touches) > 0 {
		f.flight.leave(c)
	}
}

// strikes draws whether a fault strikes. f.mu is held.
func (f *Faults) strikes(chance float64, kind Fault) bool {
	if chance == 0 || f.random.Float64() >= chance {
		return false
	}
	f.struck[kind]++
	return true
}

func (f *Faults) latency() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.random.Float64() < f.options.Prompt {
		return 0
	}
	d := f.options.MinLatency
	if room := f.options.MaxLatency - d; room > 0 {
		d += time.Duration(f.random.Int64N(int64(room) + 1))
	}
	return d
}

// delay keeps a request that has begun in flight for its while.
func (f *Faults) delay(ctx context.Context, begun time.Time) error {
	d := f.latency() - time.Since(begun)
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// spoil changes what comes back, once the call has taken place.
func (f *Faults) spoil(r *http.Request, c *call, response *http.Response) (*http.Response, error) {
	got, err := readAnswer(response)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if got.status == http.StatusOK {
		f.indexed.remember(c)
	}
	if f.strikes(f.options.Lost, LostAnswer) {
		if f.random.IntN(2) == 0 {
			return c.failed().response(r), nil
		}
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	if got.status == http.StatusOK {
		err = errors.Join(f.leaveItem(c, got), f.receive(c, got))
	}
	return got.response(r), err
}
