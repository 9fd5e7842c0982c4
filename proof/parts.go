package main

import (
	"fmt"
	"strings"
	"time"
)

// part is one way of holding Holdfast to its promises.
type part struct {
	Name   string
	Shows  string        // in words
	Args   []string      // the command
	Figure figure        // what of its output is worth telling
	Takes  time.Duration // roughly, on one of two cores
}

// Command is the part's command line.
func (p part) Command() string { return strings.Join(p.Args, " ") }

// size is how much of each part is run.
type size struct {
	seeds, kills, checks int
	cuts                 int // one of so many places where the power may be cut
	fuzz, schema         time.Duration
}

var (
	short = size{seeds: 20_000, kills: 50, checks: 10_000, cuts: 7, fuzz: 30 * time.Second, schema: 25 * time.Second}
	whole = size{seeds: 1_000_000, kills: 10_000, checks: 200_000, cuts: 1, fuzz: 30 * time.Minute, schema: 30 * time.Minute}
)

// parts are all there are, those that take longest first.
func parts(long bool) []part {
	n := short
	if long {
		n = whole
	}
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	all := []part{
		{
			Name: "simulation", Shows: "the whole system in seeded worlds full of faults, every step checked; every race, table cell and fault came about",
			Args:   []string{"go", "run", "./cmd/holdfast", "sim", "--coverage", "--seed", "1", "--seeds", fmt.Sprint(n.seeds)},
			Figure: last(`.*worlds, .*`), Takes: seconds(float64(n.seeds) * 0.007),
		},
		{
			Name: "exploration", Shows: "every interleaving of one order's life, breadth first",
			Args:   goTest("./sim/explore", "TestEveryInterleavingOfOneOrder", "-v", "-full"),
			Figure: sum(`([0-9]+) states, ([0-9]+) transitions`, "%d states, %d transitions"), Takes: seconds(80),
		},
		{
			Name: "planted bugs", Shows: "every bug planted in the source is caught",
			Args:   goTest("./proof/bugs", "TestEveryPlantedBugIsCaught", "-v", "-plant"),
			Figure: count(`: (killed|timed out) by`, "%d planted bugs caught"), Takes: seconds(150),
		},
		{
			Name: "crash points", Shows: "killed at every commit, every send and every ack on SQLite; what is left is opened, recovered, drained and audited",
			Args:   goTest("./proof/crash", "TestEveryPoint", "-v", "-every", "1"),
			Figure: sum(`died ([0-9]+) times`, "%d points"), Takes: seconds(70),
		},
		{
			Name: "power cuts", Shows: "what was not synced is lost or torn: the logs' last frames, checkpoints, queues, the first start",
			Args:   goTest("./proof/crash", "PowerCut|Torn", "-v", "-every", fmt.Sprint(n.cuts)),
			Figure: sum(`([0-9]+) cuts of`, "%d cuts of the scripts' disks, and those of queues and first starts"), Takes: seconds(240 / float64(n.cuts)),
		},
		{
			Name: "kills", Shows: "the real binary under load, killed again and again; every answer linearizable, no 202 lost",
			Args:   []string{"go", "run", "./proof/torture", "--kills", fmt.Sprint(n.kills)},
			Figure: last(`seed .*kills.*`), Takes: seconds(float64(n.kills) * 1.8),
		},
		{
			Name: "properties", Shows: "SQLite and the reference engine agree on random sequences of calls, batches, faults and restarts",
			Args:   goTest("./engine/sqlite", "Machine", "-v", fmt.Sprintf("-rapid.checks=%d", n.checks)),
			Figure: sum(`OK, passed ([0-9]+) tests`, "%d sequences of calls"), Takes: seconds(float64(n.checks) * 0.006),
		},
		{
			Name: "schema", Shows: "the running server keeps to its own OpenAPI, whatever schemathesis sends",
			Args:   goTest("./proof/schema", ".", "-v", "-schema.time", n.schema.String()),
			Figure: last(`[0-9]+ generated.*`), Takes: n.schema + seconds(6),
		},
	}
	for _, f := range fuzzTargets {
		all = append(all, part{
			Name: "fuzz " + f.target, Shows: f.shows,
			Args:   []string{"go", "test", f.pkg, "-vet=off", "-run=^$", "-fuzz=^" + f.target + "$", "-fuzztime=" + n.fuzz.String(), "-parallel=1"},
			Figure: last(`fuzz: elapsed.*`), Takes: n.fuzz + seconds(8),
		})
	}
	if long {
		all = append(all, part{
			Name: "mutants", Shows: "tests and simulation notice small changes of the services' source",
			Args:   []string{"go", "run", "./proof/mutants"},
			Figure: last(`.*killed.*`), Takes: time.Hour,
		})
	}
	return all
}

// goTest is a test without the race detector, which `make test` has.
func goTest(pkg, run string, flags ...string) []string {
	return append([]string{"go", "test", pkg, "-count=1", "-vet=off", "-timeout=24h", "-run=" + run}, flags...)
}

var fuzzTargets = []struct{ pkg, target, shows string }{
	{"./api", "FuzzPlace", "any order body and headers: never a 5xx, a 202 only with a stored order"},
	{"./api", "FuzzTarget", "any route, method and header: never a 5xx"},
	{"./api", "FuzzCursor", "any cursor: a page, or 400"},
	{"./api", "FuzzIdempotencyKey", "any Idempotency-Key: one order, or 400"},
	{"./api", "FuzzRedrive", "any redrive of any dead letters: none is lost"},
	{"./event", "FuzzDecode", "any message: read rightly, or kept word for word"},
}
