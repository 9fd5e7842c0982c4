package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"time"

	"github.com/mattn/go-isatty"

	"holdfast/sim"
)

// simCommand plays simulated worlds: many, or one seed with its trace.
type simCommand struct {
	Seeds    int     `help:"How many worlds to play, of as many seeds." placeholder:"N"`
	Seed     *uint64 `help:"The first seed; alone, the one to replay with its trace. Random unless given." placeholder:"S"`
	Orders   int     `help:"How many orders a world has; else 20 or 21, drawn from the seed." placeholder:"N"`
	Faults   string  `help:"The only faults that may strike, as crash,lose; or none. Else all that the seed draws." placeholder:"LIST"`
	Order    string  `help:"Of a trace only what concerns this order." placeholder:"ID"`
	Shrink   bool    `help:"Look for a smaller world that breaks the same promise: fewer faults and orders."`
	Coverage bool    `help:"Print how often each race, table cell and fault came about; exit 1 if one never did."`
	JSON     bool    `name:"json" help:"Print JSON."`
}

// defaultSeeds are played when the command line names neither seed nor number.
const defaultSeeds = 1000

// Run is called by kong.
func (c *simCommand) Run(ctx context.Context) error {
	debug.SetGCPercent(1000) // worlds are small and short-lived
	o, err := c.options()
	switch {
	case err != nil:
		return misuse{err}
	case c.Shrink:
		return c.shrink(o)
	case c.Seed != nil && c.Seeds == 0 && !c.Coverage:
		return c.replay(o)
	}
	return c.play(ctx, o)
}

func (c *simCommand) options() (o sim.Options, err error) {
	if c.Seeds < 0 || c.Orders < 0 {
		return o, fmt.Errorf("--seeds and --orders must not be negative")
	}
	o.Orders = c.Orders
	if o.Seed = rand.Uint64N(1 << 48); c.Seed != nil {
		o.Seed = *c.Seed
	}
	if c.Faults != "" {
		o.Faults, err = sim.ParseFaults(c.Faults)
	}
	if c.Shrink && c.Seed == nil {
		err = fmt.Errorf("--shrink needs the --seed whose world is to become smaller")
	}
	return o, err
}

// replay plays one world and prints what happened in it.
func (c *simCommand) replay(o sim.Options) error {
	r := sim.Replay(o)
	trace := r.Trace
	if c.Order != "" {
		trace = sim.Of(c.Order, trace)
	}
	if c.JSON {
		return c.verdict(r, printJSON(map[string]any{"seed": r.Seed, "orders": r.Orders, "steps": r.Steps, "virtual_s": r.Elapsed.Seconds(), "breach": r.Breach, "trace": trace}))
	}
	for _, line := range trace {
		fmt.Println(line)
	}
	fmt.Fprintf(os.Stderr, "seed %d: %d orders, %d steps, %s of virtual time\n", r.Seed, r.Orders, r.Steps, r.Elapsed.Round(time.Second))
	return c.verdict(r, nil)
}

func (c *simCommand) verdict(r sim.Result, err error) error {
	if err != nil || r.Breach == nil {
		return err
	}
	fmt.Fprintln(os.Stderr, r.Breach)
	return errSilent
}

// play plays many worlds.
func (c *simCommand) play(ctx context.Context, o sim.Options) error {
	n := c.Seeds
	if n == 0 {
		n = defaultSeeds
	}
	s := sim.Seeds(ctx, o, n, c.progress(n))
	if err := c.report(o, s); err != nil {
		return err
	}
	for i, r := range s.Broken {
		if !c.JSON {
			c.tell(o, r, i == 0)
		}
	}
	switch missed := s.Coverage.Missed(); {
	case len(s.Broken) > 0:
		return errSilent
	case s.Worlds < n:
		return fmt.Errorf("interrupted after %d of %d worlds", s.Worlds, n)
	case c.Coverage && len(missed) > 0:
		return fmt.Errorf("never happened in %d worlds: %q", s.Worlds, missed)
	}
	return nil
}

// tell prints the line that replays a breach, the breach, and on request what
// happened to the order that it concerns.
func (c *simCommand) tell(o sim.Options, r sim.Result, story bool) {
	o.Seed = r.Seed
	fmt.Printf("\n%s\n%s\n", o.Command(), r.Breach)
	if !story {
		return
	}
	for _, line := range sim.Of(r.Breach.OrderID, sim.Replay(o).Trace) {
		fmt.Println(line)
	}
}

func (c *simCommand) shrink(o sim.Options) error {
	small := sim.Shrink(o, func(o sim.Options) { fmt.Fprintln(os.Stderr, "still broken:", o.Command()) })
	r := sim.Run(small)
	if r.Breach == nil {
		return fmt.Errorf("seed %d breaks no promise; there is nothing to shrink", o.Seed)
	}
	c.tell(small, r, true)
	return errSilent
}

// progress shows on a terminal how far the worlds are.
func (c *simCommand) progress(n int) func(done, broken int) {
	if !isatty.IsTerminal(os.Stderr.Fd()) {
		return nil
	}
	begun, shown := time.Now(), time.Time{}
	return func(done, broken int) {
		if now := time.Now(); done == n || now.Sub(shown) > time.Second/5 {
			shown = now
			left := time.Duration(float64(now.Sub(begun)) / float64(done) * float64(n-done))
			fmt.Fprintf(os.Stderr, "\r%d of %d worlds, %d broken, %s left \x1b[K", done, n, broken, left.Round(time.Second))
			if done == n {
				fmt.Fprintln(os.Stderr)
			}
		}
	}
}

// simReport is the summary as a program reads it.
type simReport struct {
	Seed           uint64      `json:"seed"`
	Worlds         int         `json:"worlds"`
	Orders         int         `json:"orders"`
	Steps          int         `json:"steps"`
	VirtualHours   float64     `json:"virtual_hours"`
	Seconds        float64     `json:"seconds"`
	WorldsASecond  float64     `json:"worlds_per_s"`
	StepsASecond   float64     `json:"steps_per_s"`
	VirtualASecond float64     `json:"virtual_hours_per_s"`
	Broken         []simBroken `json:"broken"`
	Coverage       []sim.Row   `json:"coverage,omitempty"`
}

type simBroken struct {
	Seed   uint64     `json:"seed"`
	Replay string     `json:"replay"`
	Breach sim.Breach `json:"breach"`
}

func (c *simCommand) report(o sim.Options, s sim.Summary) error {
	took := s.Took.Seconds()
	r := simReport{
		Seed: o.Seed, Worlds: s.Worlds, Orders: s.Orders, Steps: s.Steps, VirtualHours: s.Virtual.Hours(), Seconds: took,
		WorldsASecond: float64(s.Worlds) / took, StepsASecond: float64(s.Steps) / took, VirtualASecond: s.Virtual.Hours() / took,
		Broken: []simBroken{},
	}
	for _, b := range s.Broken {
		at := o
		at.Seed = b.Seed
		r.Broken = append(r.Broken, simBroken{b.Seed, at.Command(), *b.Breach})
	}
	if c.Coverage {
		r.Coverage = s.Coverage.Rows()
	}
	if c.JSON {
		return printJSON(r)
	}
	fmt.Printf("seeds %d to %d: %d worlds, %d orders, %d steps, %.0f virtual hours in %.1f s\n", o.Seed, o.Seed+uint64(max(s.Worlds, 1))-1, s.Worlds, s.Orders, s.Steps, r.VirtualHours, took)
	fmt.Printf("%.0f worlds, %.0f steps, %.0f virtual hours a second; %d broken\n", r.WorldsASecond, r.StepsASecond, r.VirtualASecond, len(s.Broken))
	for _, row := range r.Coverage {
		fmt.Printf("%-6s %-60s %10d\n", row.Kind, row.Name, row.Count)
	}
	return nil
}
