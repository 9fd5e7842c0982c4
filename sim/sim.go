// Package sim runs the whole system, the real services, workers and sweepers, in
// a world of its own: stores in memory, a clock that only the scheduler moves, and
// every misfortune that a seed can draw. One seed is one world, step for step the
// same each time. Each write is checked against the promises, each answer against
// every earlier one; and when the faults are over, each order must come to the end
// that its clients were told.
//
//	clients ──▶ order ──▶ inventory ──▶ payment ⇄ transport ⇄ processor
//	               ▲          │ ▲          │
//	               └──────────┘ └──────────┘    through queues that lose, repeat, delay, reorder
//	scheduler: what happens next, when · faults: lost, crashed, stalled · checks: at every step, at the end
package sim

import (
	"math/rand/v2"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
)

// Result is what became of one world.
type Result struct {
	Seed     uint64
	Orders   int           // accepted
	Steps    int           // that the scheduler chose
	Elapsed  time.Duration // virtual
	Breach   *Breach       // nil: every promise was kept
	Trace    []Line        // if asked for
	Coverage Coverage
}

// world is one simulation under way.
type world struct {
	scheduler
	setup     setup
	terms     order.Terms
	engine    *memory.Memory
	queues    map[event.Service]*queue
	processor *processor
	processes []*process // that live

	faulty bool // faults may strike
	busy   int  // clients that have something left to do
	cursed map[string]time.Time
	poison []string // ids of the messages that nobody can read, and that must be kept

	poisoned int // how many there were
	told     map[string]*told
	toldIDs  []string         // in the order of their first 202
	placed   int              // requests so far
	duties   map[string]*duty // by event id

	asked map[string]question

	shelf     shelf
	counted   map[string]int64 // the sum of a SKU's stock ledger
	stockSeen map[string]int64
	broken    *Breach
	trace     *[]Line
	Coverage
}

var epoch = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// The bounds of a world.
const (
	longestFaults = 8 * time.Hour // after which they stop at the latest
	deadline      = time.Hour     // for every order to end, once they have
	maxSteps      = 300_000
)

// Run plays one world to its end.
func Run(o Options) Result { return run(o, nil) }

// Replay is Run with a trace.
func Replay(o Options) Result { return run(o, new([]Line)) }

func run(o Options, trace *[]Line) Result {
	w := newWorld(o, trace)
	defer w.close()
	w.populate()
	w.play(func() bool {
		return w.busy == 0 && (w.setup.abrupt || w.open() == "") || w.now.Sub(epoch) > longestFaults
	})
	w.calm()
	over := w.now.Add(deadline)
	w.play(func() bool { return w.busy == 0 && w.open() == "" || w.now.After(over) })
	if id := w.open(); id != "" {
		w.breach(id, "it has not ended: %s, an hour after the last fault", w.statusOf(id))
	}
	over = w.now.Add(2 * longestFaults) // for messages that were held back
	w.play(func() bool { return w.drained() || w.now.After(over) })
	w.verifyEnd()
	r := Result{Seed: o.Seed, Orders: len(w.toldIDs), Steps: w.steps, Elapsed: w.now.Sub(epoch), Breach: w.broken, Coverage: w.Coverage}
	if trace != nil {
		r.Trace = *trace
	}
	return r
}

func newWorld(o Options, trace *[]Line) *world {
	w := &world{
		scheduler: scheduler{rng: rand.New(rand.NewPCG(o.Seed, 0)), now: epoch},
		engine:    memory.New(), queues: make(map[event.Service]*queue), faulty: true,
		cursed: make(map[string]time.Time), told: make(map[string]*told), duties: make(map[string]*duty), asked: make(map[string]question),
		shelf: newShelf(), counted: make(map[string]int64), stockSeen: make(map[string]int64), trace: trace, Coverage: newCoverage(),
	}
	w.panicky = func(p any) { w.breach("", "panic: %v", p) }
	w.setup = newSetup(o, w.rng)
	w.terms = order.Terms{Hold: w.setup.hold, Silence: 30 * time.Second}
	for _, s := range event.Services {
		w.queues[s] = &queue{w: w, service: s}
	}
	w.processor = &processor{w: w, Gateway: simulated.Gateway{
		Ledger: w.engine.Ledger, DeclineRate: w.setup.declines, Seed: o.Seed, Now: func() time.Time { return w.now },
	}}
	return w
}

// populate fills the shelves, starts the processes, and lets everybody in.
func (w *world) populate() {
	for n := range w.setup.skus {
		price := event.Money{Amount: 100 + int64(n), Currency: "USD"}
		if n == 4 {
			price.Currency = "EUR" // an order of this and another SKU cannot be priced
		}
		_, err := w.engine.Inventory.Count(ctx, []inventory.Count{{SKU: skuName(n), OnHand: w.setup.stock, Price: price, At: w.now}})
		must(err)
	}
	w.verifyStock()
	if w.setup.together {
		w.start("holdfast", event.Services, w.skew())
	} else {
		for _, s := range event.Services {
			for n := range w.setup.processes {
				w.start(processName(s, n), []event.Service{s}, w.skew())
			}
		}
	}
	w.busy = w.setup.orders
	for n := range w.setup.orders {
		c := w.newClient(n)
		w.after(time.Duration(w.rng.Int64N(int64(w.setup.opening)+1)), func() { w.spawn(c.shop) })
	}
	w.spawn(w.keepStock)
	w.spawn(w.operate)
	w.spawn(w.misfortune)
}

// play goes on until something is so, or nothing is left to do.
func (w *world) play(done func() bool) {
	for n := 0; w.broken == nil; n++ {
		if n%64 == 0 && done() || !w.step() {
			return
		}
		if w.steps == maxSteps {
			w.breach("", "the world does not come to rest")
		}
	}
}

// strikes draws whether a fault strikes now.
func (w *world) strikes(f Fault) bool {
	p := w.setup.faults[f]
	if !w.faulty || p == 0 || w.rng.Float64() >= p {
		return false
	}
	w.struck[f]++
	return true
}

// anyProcess is one that runs the service and lives; nil if there is none.
func (w *world) anyProcess(s event.Service) *process {
	var found []*process
	for _, p := range w.processes {
		if p.runs(s) {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[w.rng.IntN(len(found))]
}

// close ends every thread that is left.
func (w *world) close() {
	w.faulty = false // or what brings misfortune would not end
	for _, p := range w.processes {
		p.alive = false
		for _, t := range p.threads {
			w.kill(t)
		}
	}
	for _, e := range w.agenda {
		if e.thread != nil {
			w.kill(e.thread)
		}
	}
}
