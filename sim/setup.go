package sim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is a kind of misfortune.
type Fault string

// The faults. Each seed draws which of them its world knows, and how often each
// strikes (swarm testing): a world with everything at once hides what a world
// with one thing shows.
const (
	LoseMessage    Fault = "lose"          // a message is lost on its way
	RepeatMessage  Fault = "repeat"        // a message comes twice or more
	DelayMessage   Fault = "delay"         // a message comes seconds to hours late
	Reorder        Fault = "reorder"       // messages overtake one another
	OldVersion     Fault = "old-version"   // a message was written by an older build
	Poison         Fault = "poison"        // a message that nobody can read is among the others
	AckLost        Fault = "ack-lost"      // a message is acknowledged, and comes again all the same
	QueueFails     Fault = "queue-fails"   // a call of a queue fails, having worked or not
	QueueFull      Fault = "queue-full"    // a queue has no room for a message, drops and counts it
	QueueOutage    Fault = "queue-outage"  // a queue is out for up to hours
	StoreBefore    Fault = "store-before"  // a write fails, and nothing of it persists
	StoreAfter     Fault = "store-after"   // a write persists, and its answer is lost
	StoreOutage    Fault = "store-outage"  // a service's store is out for up to an hour
	Curse          Fault = "curse"         // every write of one order fails for some time
	Crash          Fault = "crash"         // a process dies between any two steps
	Stall          Fault = "stall"         // a process stands still, longer than a lease lasts
	ClockJump      Fault = "clock-jump"    // a process's clock jumps either way
	RequestLost    Fault = "request-lost"  // the gateway does not hear a request
	AnswerLost     Fault = "answer-lost"   // the gateway acts, and its answer is lost
	SlowGateway    Fault = "slow"          // the gateway takes seconds
	LateRequest    Fault = "late"          // the gateway acts long after we gave the request up
	RequestTwice   Fault = "request-twice" // the gateway gets a request twice
	GatewayOutage  Fault = "gateway-outage"
	CannotVoid     Fault = "cannot-void"     // the processor forgets a void of a key it has not seen; behind gateway.VoidByCapture
	ForgetsDecline Fault = "forgets-decline" // the processor captures after a decline; behind gateway.FinalDeclines
)

// reach is how often a fault may strike at most, at each of its occasions; of the
// outages and the processor's kinds, at all.
var reach = map[Fault]float64{
	LoseMessage: 0.3, RepeatMessage: 0.5, DelayMessage: 0.3, Reorder: 1, OldVersion: 0.5, Poison: 0.05, AckLost: 0.2,
	QueueFails: 0.05, QueueFull: 0.2, QueueOutage: 1, StoreBefore: 0.1, StoreAfter: 0.1, StoreOutage: 1, Curse: 0.2,
	Crash: 0.01, Stall: 0.02, ClockJump: 1,
	RequestLost: 0.5, AnswerLost: 0.5, SlowGateway: 0.5, LateRequest: 0.3, RequestTwice: 0.5, GatewayOutage: 1,
	CannotVoid: 1, ForgetsDecline: 1,
}

// Faults lists every fault, in the order of their names.
func Faults() []Fault {
	all := make([]Fault, 0, len(reach))
	for f := range reach {
		all = append(all, f)
	}
	slices.Sort(all)
	return all
}

// ParseFaults reads a list as the command line has it: "crash,lose", or "none".
func ParseFaults(list string) ([]Fault, error) {
	chosen := []Fault{}
	if list == "none" {
		return chosen, nil
	}
	for _, name := range strings.Split(list, ",") {
		if _, ok := reach[Fault(name)]; !ok {
			return nil, fmt.Errorf("no fault %q; there are: none, %s", name, join(Faults()))
		}
		chosen = append(chosen, Fault(name))
	}
	slices.Sort(chosen)
	return slices.Compact(chosen), nil
}

func join(faults []Fault) string {
	if len(faults) == 0 {
		return "none"
	}
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = string(f)
	}
	return strings.Join(names, ",")
}

// Options choose a world. The zero value draws everything from the seed.
type Options struct {
	Seed   uint64
	Orders int     // how many clients place one; 0: 20 or 21
	Faults []Fault // those that may strike; nil: all that the seed draws
}

// DefaultOrders is the least number of orders of a world that names none.
const DefaultOrders = 20

// setup is what a seed makes of its world before anything happens.
type setup struct {
	orders     int
	skus       int
	stock      int64 // of each SKU
	together   bool  // all services in one process, with queues that die with it
	processes  int   // otherwise: of each service
	batch      int   // messages a turn
	calls      int   // gateway calls in flight
	failures   int   // after which a message is dead
	hold       time.Duration
	sweepEvery time.Duration
	opening    time.Duration // during which the clients come
	declines   float64
	switches   float64 // at how many of its points a thread lets others go first
	encoded    bool    // messages pass through their envelope
	abrupt     bool    // the faults end with the last client, whatever is open then
	faults     map[Fault]float64
}

func newSetup(o Options, rng *rand.Rand) setup {
	s := setup{
		orders:     DefaultOrders + rng.IntN(2),
		skus:       1 + rng.IntN(5),
		stock:      int64(1 + rng.IntN(40)),
		together:   rng.IntN(3) == 0,
		processes:  1 + rng.IntN(2),
		batch:      1 + rng.IntN(8),
		calls:      1 + rng.IntN(8),
		failures:   2 + rng.IntN(8),
		hold:       []time.Duration{20 * time.Second, 2 * time.Minute, 15 * time.Minute}[rng.IntN(3)],
		sweepEvery: time.Duration(5+rng.IntN(55)) * time.Second,
		opening:    []time.Duration{0, 10 * time.Second, 10 * time.Minute, 2 * time.Hour}[rng.IntN(4)],
		declines:   []float64{0, 0.1, 0.5}[rng.IntN(3)],
		switches:   rng.Float64() * 0.8,
		encoded:    rng.IntN(8) == 0,
		abrupt:     rng.IntN(2) == 0,
		faults:     make(map[Fault]float64),
	}
	if o.Orders > 0 {
		s.orders = o.Orders
	}
	for f, most := range reach {
		if o.Faults == nil || slices.Contains(o.Faults, f) {
			s.faults[f] = intensity(o.Seed, f, most)
		}
	}
	if s.faults[CannotVoid] > 0 {
		delete(s.faults, ForgetsDecline) // a processor that is both cannot be made safe
	}
	return s
}

// drawn are the faults that the world of a seed knows.
func drawn(seed uint64) []Fault {
	return slices.DeleteFunc(Faults(), func(f Fault) bool { return intensity(seed, f, reach[f]) == 0 })
}

// intensity is drawn from the seed and the fault alone, so that it is the same
// whatever other faults there are: none at all for two seeds in three, else
// anything up to the most, often little.
func intensity(seed uint64, f Fault, most float64) float64 {
	h := fnv.New64a()
	h.Write([]byte(f))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	if rng.IntN(3) > 0 {
		return 0
	}
	share := rng.Float64()
	return most * share * share
}

// Command is the command line that plays this very world again.
func (o Options) Command() string {
	line := fmt.Sprintf("holdfast sim --seed %d", o.Seed)
	if o.Orders > 0 {
		line += fmt.Sprintf(" --orders %d", o.Orders)
	}
	if o.Faults != nil {
		line += " --faults " + join(o.Faults)
	}
	return line
}

// ParseCommand reads what Command has written.
func ParseCommand(line string) (o Options, err error) {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 || fields[0] != "holdfast" || fields[1] != "sim" {
		return o, fmt.Errorf("%q is not a command as: holdfast sim --seed 1", line)
	}
	for i := 2; i < len(fields) && err == nil; i += 2 {
		switch value := fields[i+1]; fields[i] {
		case "--seed":
			o.Seed, err = strconv.ParseUint(value, 10, 64)
		case "--orders":
			o.Orders, err = strconv.Atoi(value)
		case "--faults":
			o.Faults, err = ParseFaults(value)
		default:
			err = fmt.Errorf("%q has no meaning here", fields[i])
		}
	}
	return o, err
}
