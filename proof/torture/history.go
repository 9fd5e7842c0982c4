package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// history is all that clients asked of one order or one SKU and were told, each
// call with the times of its beginning and its end.
type history struct {
	mu  sync.Mutex
	ops []porcupine.Operation
}

// never is the end of a call that was not answered: it may have its effect at any
// time after its beginning, or never.
const never = math.MaxInt64

// call is one call under way.
type call struct {
	of    *history
	clock clock
	actor int
	begun int64
}

// clock is the time since an episode's beginning, in nanoseconds, which no change
// of the machine's clock moves.
type clock time.Time

func (c clock) now() int64 { return time.Since(time.Time(c)).Nanoseconds() }

// begin notes the beginning of a call.
func (h *history) begin(c clock, actor int) call {
	return call{of: h, clock: c, actor: actor, begun: c.now()}
}

// end notes what was asked and what came back. A call that was not answered has no
// end.
func (c call) end(in, out any, answered bool) {
	at := c.clock.now()
	if !answered {
		at = never
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.ops = append(c.of.ops, porcupine.Operation{ClientId: c.actor, Input: in, Call: c.begun, Output: out, Return: at})
}

// len is how many calls have ended.
func (h *history) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ops)
}

// undecidedAfter bounds the search for an order in which one history could have
// happened. Histories are kept so short that it takes milliseconds.
const undecidedAfter = 20 * time.Second

// check returns what is wrong with the history as one of the model's, or "".
func (h *history) check(m porcupine.Model) string {
	switch porcupine.CheckOperationsTimeout(m, h.ops, undecidedAfter) {
	case porcupine.Ok:
		return ""
	case porcupine.Unknown:
		return fmt.Sprintf("no verdict on %d calls within %s", len(h.ops), undecidedAfter)
	}
	return "no order of the calls explains the answers"
}

// write writes the history for a person, by the beginning of each call.
func (h *history) write(w io.Writer) {
	ops := slices.SortedFunc(slices.Values(h.ops), func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	for _, o := range ops {
		end := "never"
		if o.Return != never {
			end = seconds(o.Return)
		}
		fmt.Fprintf(w, "  %s to %-9s  client %2d  %v: %v\n", seconds(o.Call), end, o.ClientId, o.Input, o.Output)
	}
}

func seconds(ns int64) string { return fmt.Sprintf("%8.4f", time.Duration(ns).Seconds()) }

// String is the history as text.
func (h *history) String() string {
	var b strings.Builder
	h.write(&b)
	return b.String()
}
