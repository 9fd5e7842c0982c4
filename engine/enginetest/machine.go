package enginetest

import (
	"context"
	"errors"
	"flag"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
)

// Subject is an engine that RunMachines holds against the reference.
type Subject struct {
	// Open opens a fresh, empty engine for one service, and has t close it.
	Open func(t *rapid.T, s event.Service) Opened
	// Whole is true where a batch of several records is one atomic write.
	Whole bool
	// OneIn is how many of rapid's checks are asked for to make one here: 1, or more
	// where a check takes much longer.
	OneIn int
}

// Opened is an engine of a Subject.
type Opened struct {
	*engine.Engine
	// Reopen ends the engine as a process does that stops, and opens what it kept;
	// nil: it keeps nothing that is its own.
	Reopen func() *engine.Engine
}

// storeMachines are the machines of RunMachines. The service is whose stores each
// is about.
var storeMachines = []struct {
	name    string
	service event.Service
	build   func(*rapid.T, *match) machine
}{
	{"order.Store", event.Order, newOrderMachine},
	{"inventory.Store", event.Inventory, newStockMachine},
	{"payment.Store", event.Payment, newPaymentMachine},
	{"event.DeadLetters", event.Payment, newLetterMachine},
	{"simulated.Ledger", event.Payment, newLedgerMachine},
	{"keys.Store", event.Order, newKeyMachine},
}

// machineCount is how many machines share rapid's checks: those of the stores, and
// that of the queue.
var machineCount = len(storeMachines) + 1

// RunMachines makes random sequences of calls of each port on an engine and on the
// reference: batches, conditional changes, pages, writes that fail before and after
// they persisted and are called again, calls whose context has ended, and ends of
// the process. Both must give the same answers all along and hold the same in the
// end. A failure prints the shortest sequence that rapid finds, and its seed.
//
// What the ports leave open is left out of the comparison: the value of a Number
// (it must be the same for an order for ever, and rise as the reference's does), of
// a Stock's Version (it must rise when the row changes and only then), the order of
// what is due at the same time, and how full a page is before the last.
//
// The checks that -rapid.checks asks for, 100 without it, are shared out among the
// machines.
func RunMachines(t *testing.T, subject Subject, reference func() *engine.Engine) {
	shareChecks(t, subject.OneIn)
	nameShared()
	for _, kind := range storeMachines {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				opened := subject.Open(t, kind.service)
				m := &match{Subject: subject, want: newSide(reference()), got: newSide(opened.Engine), reopen: opened.Reopen}
				m.play(t, kind.build(t, m))
			})
		})
	}
}

// shareChecks has each machine make its share of rapid's checks, at least one.
func shareChecks(t *testing.T, oneIn int) {
	checks := flag.Lookup("rapid.checks").Value
	asked := checks.String()
	n, err := strconv.Atoi(asked)
	if err == nil {
		shares := machineCount * oneIn
		err = checks.Set(strconv.Itoa((n + shares - 1) / shares))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := checks.Set(asked); err != nil {
			t.Error(err)
		}
	})
}

// machine is what can be done with a port.
type machine interface {
	actions() map[string]func(*rapid.T)
	// state reads all that the port holds, as it is compared.
	state(ctx context.Context, s *side) ([]any, error)
}

// match is an engine beside the reference.
type match struct {
	Subject
	machine
	want, got *side
	reopen    func() *engine.Engine
}

// side is one of the two engines, with what it alone has given out.
type side struct {
	*engine.Engine
	numbers  map[string]int64           // of the orders, by id
	highest  int64                      // of them
	rows     map[string]inventory.Stock // of the SKUs, as last seen, without their Versions
	versions map[string]int64           // of those rows
}

func newSide(e *engine.Engine) *side {
	return &side{Engine: e, numbers: make(map[string]int64), rows: make(map[string]inventory.Stock), versions: make(map[string]int64)}
}

// play makes one sequence of calls.
func (m *match) play(t *rapid.T, port machine) {
	m.machine = port
	t.Repeat(port.actions())
	m.compare(t)
}

// call is one call of a port. It returns the answer as it is compared, nil where
// there is none but the error.
type call func(ctx context.Context, s *side) (any, error)

// ask makes a call on both, whose answers must be the same.
func (m *match) ask(t *rapid.T, what string, c call) {
	t.Helper()
	want, wantErr := c(t.Context(), m.want)
	got, gotErr := c(t.Context(), m.got)
	if codeOf(gotErr) != codeOf(wantErr) {
		t.Fatalf("%s fails with %v, want %v", what, gotErr, wantErr)
	}
	if wantErr == nil && want != nil {
		wantAlike(t, what, got, want)
	}
}

// fate is what becomes of a write at first.
type fate string

const (
	passes       fate = "passes"
	failsBefore  fate = "fails before it persisted"
	failsAfter   fate = "fails after it persisted"
	contextEnded fate = "has a context that has ended"
	processEnds  fate = "passes, and the process ends"
)

var fates = rapid.SampledFrom(slices.Concat(slices.Repeat([]fate{passes}, 12), []fate{failsBefore, failsBefore, failsAfter, failsAfter, contextEnded, processEnds}))

// write makes a call that writes so many records. One that fails leaves the same
// on both, and is made again.
func (m *match) write(t *rapid.T, what string, records int, c call) {
	t.Helper()
	f := fates.Draw(t, "the write")
	switch {
	case f == contextEnded:
		m.askInVain(t, what, c)
	case f == passes || records > 1 && !m.Whole:
	case f == failsBefore:
		m.strike(t, what, engine.BeforeCommit, c)
	case f == failsAfter:
		m.strike(t, what, engine.AfterCommit, c)
	}
	m.ask(t, what, c)
	if f == processEnds && m.reopen != nil {
		m.got.Engine = m.reopen()
		m.compare(t)
	}
}

// strike makes a call on both that fails at a point of its write, if it comes to
// one: where nothing changes, an engine need not write.
func (m *match) strike(t *rapid.T, what string, p engine.Point, c call) {
	t.Helper()
	for _, s := range []*side{m.want, m.got} {
		struck := failNth(s.Engine, 0, p)
		_, err := c(t.Context(), s)
		s.SetFault(nil)
		if struck.Load() != errors.Is(err, errBroken) {
			t.Fatalf("%s: its write failed: %t; it says %v", what, struck.Load(), err)
		}
	}
	m.compare(t)
}

// askInVain makes a call under a context that has ended.
func (m *match) askInVain(t *rapid.T, what string, c call) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range []*side{m.want, m.got} {
		if _, err := c(ctx, s); err == nil {
			t.Fatalf("%s does not fail under a context that has ended", what)
		}
	}
	m.compare(t)
}

// compare wants both to hold the same.
func (m *match) compare(t *rapid.T) {
	t.Helper()
	want, wantErr := m.state(t.Context(), m.want)
	got, gotErr := m.state(t.Context(), m.got)
	if err := errors.Join(wantErr, gotErr); err != nil {
		t.Fatalf("what the engines hold cannot be read: %v", err)
	}
	for i := range want {
		wantAlike(t, "what is held", got[i], want[i])
	}
}

// wantAlike is wantSame within a machine.
func wantAlike(t *rapid.T, what string, got, want any) {
	t.Helper()
	if !equal(reflect.ValueOf(got), reflect.ValueOf(want)) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// codeOf is what two engines must agree on of an error; empty: there is none.
func codeOf(err error) string {
	var known *event.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &known):
		return string(known.Code)
	}
	return err.Error()
}
