package main

import (
	"fmt"

	"holdfast/engine"
	"holdfast/engine/memory"
	"holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/system"
)

// storage are the flags that say where everything is kept.
type storage struct {
	Engine string `enum:"sqlite,memory" default:"sqlite" help:"Where everything is kept: sqlite, or memory (gone when the process ends)."`
	Data   string `type:"path" default:"./data" help:"Data folder of the sqlite engine."`
}

// queueCapacity is how many messages wait between two services of one process;
// what is dropped past it, the sweeper brings back.
const queueCapacity = 100_000

// open opens the engine for a process that runs services.
func (s storage) openEngine() (*engine.Engine, error) {
	if s.Engine == "memory" {
		return &memory.New().Engine, nil
	}
	return sqlite.Open(sqlite.Options{Dir: s.Data})
}

// openToRead opens the engine for a process that only looks, beside those that
// run.
func (s storage) openToRead() (*engine.Engine, error) {
	if s.Engine == "memory" {
		return nil, misuse{fmt.Errorf("the memory engine keeps nothing that another process could read")}
	}
	return sqlite.Open(sqlite.Options{Dir: s.Data, ReadOnly: true})
}

// durable reports whether the data folder matters.
func (s storage) durable() bool { return s.Engine != "memory" }

// queues are the queues between the services of one process.
func queues() event.Queues {
	q := make(event.Queues)
	for _, s := range event.Services {
		q[s] = memory.NewQueue(queueCapacity)
	}
	return q
}

// processor are the flags that choose the payment gateway.
type processor struct {
	Gateway     string  `enum:"simulated" default:"simulated" help:"Payment gateway: simulated."`
	DeclineRate float64 `default:"0.10" help:"Share of ordinary cards that the simulated gateway declines, 0 to 1."`
	GatewaySeed uint64  `default:"1" help:"Seed of the simulated gateway's answers: the same key gets the same answer."`
}

// Validate checks the flags' bounds.
func (p processor) Validate() error {
	if p.DeclineRate < 0 || p.DeclineRate > 1 {
		return fmt.Errorf("--decline-rate is a share from 0 to 1, not %v", p.DeclineRate)
	}
	return nil
}

func (p processor) openGateway(e *engine.Engine) *simulated.Gateway {
	return &simulated.Gateway{Ledger: e.Ledger, DeclineRate: p.DeclineRate, Seed: p.GatewaySeed, Now: system.Now}
}

// libraries names what is compiled in, for the version command.
func libraries() string { return "SQLite " + sqlite.Version() }
