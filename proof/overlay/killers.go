package overlay

import (
	"slices"
	"strconv"
	"time"
)

// units know one package each, and take no time.
var units = []Killer{
	{Package: "./order", Limit: time.Minute},
	{Package: "./inventory", Limit: time.Minute},
	{Package: "./payment", Limit: time.Minute},
	{Package: "./event", Run: "^Test", Limit: time.Minute},
	{Package: "./gateway", Limit: time.Minute},
	{Package: "./gateway/simulated", Limit: time.Minute},
	{Package: "./worker", Limit: time.Minute},
}

// suites put the packages together.
var suites = []Killer{
	{Package: "./engine/memory", Limit: time.Minute},
	{Package: "./system", Limit: 2 * time.Minute},
}

// Simulation is the whole system: every interleaving of one order, then so many
// seeded worlds.
func Simulation(seeds int) []Killer {
	return []Killer{
		{Package: "./sim/explore", Run: "^TestEveryInterleavingOfOneOrder$", Limit: 2 * time.Minute},
		{Package: "./sim", Run: "^TestSeeds$", Args: []string{"-seeds", strconv.Itoa(seeds)}, Limit: 2 * time.Minute},
	}
}

// Tests are the packages' own.
func Tests() []Killer { return slices.Concat(units, suites) }

// All are the tests of the packages and the simulation, the cheapest first.
func All(seeds int) []Killer {
	return slices.Concat(units, Simulation(seeds), suites)
}
