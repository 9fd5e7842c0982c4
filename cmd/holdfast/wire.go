package main

import (
	"errors"

	"github.com/alecthomas/kong"

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
	Data   string `default:"./data" help:"Data folder of the sqlite engine."`
}

// Validate checks that there is a folder.
func (s storage) Validate() error {
	if s.Data == "" {
		return errors.New("--data is empty; name a folder, as ./data")
	}
	return nil
}

// AfterApply makes the folder's path absolute, so that messages name it in full.
func (s *storage) AfterApply() error {
	s.Data = kong.ExpandPath(s.Data)
	return nil
}

// queueCapacity is how many messages wait for a service; what is dropped past it,
// the sweeper brings back.
const queueCapacity = 100_000

// openEngine opens the engine for a process that runs services.
func (s storage) openEngine() (*engine.Engine, error) {
	if s.Engine == "memory" {
		return &memory.New().Engine, nil
	}
	return sqlite.Open(sqlite.Options{Dir: s.Data})
}

// openServices opens the engine for the services given, or for none of them but
// the API keys, beside other processes on a folder that is set up.
func (s storage) openServices(services ...event.Service) (*engine.Engine, error) {
	return sqlite.Open(sqlite.Options{Dir: s.Data, Services: append([]event.Service{}, services...), Shared: true})
}

// openQueues opens the queues between processes. Unless the folder is shared, it
// makes those that are missing.
func (s storage) openQueues(shared bool) (*sqlite.Queues, error) {
	return sqlite.OpenQueues(sqlite.QueueOptions{Dir: s.Data, Shared: shared, Watch: shared, Capacity: queueCapacity})
}

// openQueuesToRead opens the queues between processes for a process that only
// looks.
func (s storage) openQueuesToRead() (*sqlite.Queues, error) {
	return sqlite.OpenQueues(sqlite.QueueOptions{Dir: s.Data, ReadOnly: true})
}

// openToRead opens the engine for a process that only looks, beside those that
// run.
func (s storage) openToRead() (*engine.Engine, error) {
	if s.Engine == "memory" {
		return nil, misuse{errors.New("the memory engine keeps nothing that another process could read")}
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
	return checkShare("--decline-rate", p.DeclineRate)
}

func (p processor) openGateway(e *engine.Engine) *simulated.Gateway {
	return &simulated.Gateway{Ledger: e.Ledger, DeclineRate: p.DeclineRate, Seed: p.GatewaySeed, Now: system.Now}
}

// libraries names what is compiled in, for the version command.
func libraries() string { return "SQLite " + sqlite.Version() }
