package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/alecthomas/kong"

	"holdfast/engine"
	"holdfast/engine/aws"
	"holdfast/engine/memory"
	"holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/system"
)

// storage are the flags that say where everything is kept.
type storage struct {
	Engine string `enum:"sqlite,aws,memory" default:"sqlite" help:"Where everything is kept: sqlite, aws (DynamoDB and SQS, as the usual AWS environment says), or memory (gone when the process ends)."`
	Data   string `default:"./data" help:"Data folder of the sqlite engine."`
	Prefix string `default:"holdfast" help:"What every name of the aws engine's tables and queues begins with."`
}

// prefixes are those that storage.yaml takes.
var prefixes = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,39}$`)

// Validate checks the flags' bounds.
func (s storage) Validate() error {
	if s.Data == "" {
		return errors.New("--data is empty; name a folder, as ./data")
	}
	if !prefixes.MatchString(s.Prefix) {
		return badPrefix(s.Prefix)
	}
	return nil
}

func badPrefix(prefix string) error {
	return fmt.Errorf("--prefix %q is not a letter and at most 39 letters, digits and hyphens after it", prefix)
}

// AfterApply makes the folder's path absolute, so that messages name it in full.
func (s *storage) AfterApply() error {
	s.Data = kong.ExpandPath(s.Data)
	return nil
}

// inMemory reports whether nothing outlives the process.
func (s storage) inMemory() bool { return s.Engine == "memory" }

// backend is what the flags name.
func (s storage) backend() backend {
	switch s.Engine {
	case "memory":
		return inMemory{}
	case "aws":
		return onAWS{prefix: s.Prefix}
	}
	return onSQLite{dir: s.Data}
}

// backend is where an engine keeps everything, opened as each command needs it.
type backend interface {
	// take has the place for this process, until release is called: for serve and
	// setup alone, for a service beside others. It fails at once if it cannot.
	take(command string) (release func(), err error)
	// all opens it for the one process that runs all services.
	all(ctx context.Context, log *slog.Logger) (*opened, error)
	// service opens it for one service beside other processes.
	service(ctx context.Context, s event.Service, log *slog.Logger) (*opened, error)
	// toRead opens it for a process that only looks, beside those that run.
	toRead(ctx context.Context) (*opened, error)
	// keys opens its API keys alone.
	keys(ctx context.Context) (*opened, error)
	// made makes what is missing, and opens it for the stock to be counted.
	made(ctx context.Context, w wanted) (*opened, error)
	// flags are those that name it on the command line.
	flags() string
	// String names it for a person.
	String() string
}

// opened is an engine and its queues, as a process uses them. Close closes both.
type opened struct {
	*engine.Engine
	queues event.Queues // nil: the process uses none
	// lasting are queues that outlive the process, so that it need not send
	// again all that is open when it starts.
	lasting bool
	// sweepEvery is how often due orders are looked for; 0: as often as it costs
	// nothing.
	sweepEvery time.Duration
	batch      int           // messages that a worker takes at a time; 0: as many as one machine's store likes
	reread     time.Duration // longest time between two readings of an awaited order; 0: as short as reading is cheap
	recount    time.Duration // how long a count of all orders is good enough; 0: as short as counting is cheap
	// beside, if set, is work of the engine's own beside the services, until ctx
	// ends. died hears of each message that it dead-letters.
	beside func(ctx context.Context, died func(event.Service))
	cloud  *cloud // nil: nothing costs anything
}

// onSQLite is a data folder.
type onSQLite struct{ dir string }

func (f onSQLite) String() string { return f.dir }
func (f onSQLite) flags() string  { return "--data " + f.dir }

func (f onSQLite) take(command string) (release func(), err error) {
	if command == "serve" || command == "setup" {
		return lockFolder(f.dir, command)
	}
	return shareFolder(f.dir, command)
}

// all opens the folder, and takes over what services in processes of their own
// have left in its queue files.
func (f onSQLite) all(ctx context.Context, log *slog.Logger) (*opened, error) {
	e, err := sqlite.Open(sqlite.Options{Dir: f.dir})
	if err != nil {
		return nil, err
	}
	o := &opened{Engine: e, queues: queues()}
	files, err := f.queues(sqlite.QueueOptions{})()
	if err == nil {
		err = errors.Join(takeOver(ctx, files.Queues, o, log), files.Close())
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return o, nil
}

func (f onSQLite) service(_ context.Context, s event.Service, _ *slog.Logger) (*opened, error) {
	e, err := sqlite.Open(sqlite.Options{Dir: f.dir, Services: []event.Service{s}, Shared: true})
	if err != nil {
		return nil, err
	}
	return withFiles(e, f.queues(sqlite.QueueOptions{Shared: true, Watch: true}))
}

func (f onSQLite) toRead(context.Context) (*opened, error) {
	e, err := sqlite.Open(sqlite.Options{Dir: f.dir, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	return withFiles(e, f.queues(sqlite.QueueOptions{ReadOnly: true}))
}

func (f onSQLite) keys(context.Context) (*opened, error) {
	e, err := sqlite.Open(sqlite.Options{Dir: f.dir, Services: []event.Service{}, Shared: true})
	return &opened{Engine: e}, err
}

func (f onSQLite) made(context.Context, wanted) (*opened, error) {
	e, err := sqlite.Open(sqlite.Options{Dir: f.dir})
	if err != nil {
		return nil, err
	}
	return withFiles(e, f.queues(sqlite.QueueOptions{}))
}

// queueCapacity is how many messages wait for a service; what is dropped past it,
// the sweeper brings back.
const queueCapacity = 100_000

// queues returns what opens the queue files between processes.
func (f onSQLite) queues(o sqlite.QueueOptions) func() (*sqlite.Queues, error) {
	o.Dir, o.Capacity = f.dir, queueCapacity
	return func() (*sqlite.Queues, error) { return sqlite.OpenQueues(o) }
}

// withFiles puts an engine and its queue files together; it closes the engine if
// they cannot be opened.
func withFiles(e *engine.Engine, open func() (*sqlite.Queues, error)) (*opened, error) {
	files, err := open()
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	stores := e.Close
	e.Close = func() error { return errors.Join(files.Close(), stores()) }
	return &opened{Engine: e, queues: files.Queues}, nil
}

// queues are the queues between the services of one process.
func queues() event.Queues {
	q := make(event.Queues)
	for _, s := range event.Services {
		q[s] = memory.NewQueue(queueCapacity)
	}
	return q
}

// onAWS is the tables and queues of one prefix.
type onAWS struct{ prefix string }

func (a onAWS) String() string { return a.prefix }
func (a onAWS) flags() string  { return "--engine aws --prefix " + a.prefix }

func (a onAWS) take(string) (release func(), err error) { return func() {}, nil }

func (a onAWS) all(ctx context.Context, log *slog.Logger) (*opened, error) {
	return a.open(ctx, "serve", log, nil)
}

func (a onAWS) service(ctx context.Context, s event.Service, log *slog.Logger) (*opened, error) {
	return a.open(ctx, string(s), log, []event.Service{s})
}

func (a onAWS) toRead(ctx context.Context) (*opened, error) {
	return a.open(ctx, "", slog.New(slog.DiscardHandler), nil)
}

func (a onAWS) keys(ctx context.Context) (*opened, error) {
	return a.open(ctx, "", slog.New(slog.DiscardHandler), []event.Service{})
}

func (a onAWS) made(ctx context.Context, w wanted) (*opened, error) {
	c, err := connect(ctx, "")
	if err != nil {
		return nil, err
	}
	if err := c.deploy(ctx, w.settings(a.prefix)); err != nil {
		return nil, err
	}
	return a.openOn(ctx, c, slog.New(slog.DiscardHandler), []event.Service{event.Inventory})
}

// Where each look costs money, due orders are looked for in every shard, orders that
// others may have changed are read again, and orders are counted, only so often.
const (
	sweepOnAWS   = 5 * time.Second
	rereadOnAWS  = 2 * time.Second
	recountOnAWS = 10 * time.Second
)

func (a onAWS) open(ctx context.Context, process string, log *slog.Logger, services []event.Service) (*opened, error) {
	c, err := connect(ctx, process)
	if err != nil {
		return nil, err
	}
	return a.openOn(ctx, c, log, services)
}

func (a onAWS) openOn(ctx context.Context, c *cloud, log *slog.Logger, services []event.Service) (*opened, error) {
	e, err := aws.Open(ctx, aws.Options{Config: c.config, Prefix: a.prefix, Services: services, Now: system.Now, Log: log})
	if err != nil {
		return nil, err
	}
	return &opened{Engine: &e.Engine, queues: e.Queues, lasting: true, sweepEvery: sweepOnAWS, batch: aws.Batch, reread: rereadOnAWS, recount: recountOnAWS, beside: e.Run, cloud: c}, nil
}

// inMemory is the process itself.
type inMemory struct{}

func (inMemory) String() string { return "memory" }
func (inMemory) flags() string  { return "--engine memory" }

func (inMemory) take(string) (release func(), err error) {
	return func() {}, nil
}

func (inMemory) all(context.Context, *slog.Logger) (*opened, error) {
	return &opened{Engine: &memory.New().Engine, queues: queues()}, nil
}

func (inMemory) service(_ context.Context, s event.Service, _ *slog.Logger) (*opened, error) {
	return nil, misuse{fmt.Errorf("with the memory engine, holdfast %s would share nothing with the other services; use --engine sqlite, or run all three in one process: holdfast serve --engine memory", s)}
}

func (inMemory) toRead(context.Context) (*opened, error) {
	return nil, misuse{errors.New("the memory engine keeps nothing that another process could read")}
}

func (inMemory) keys(context.Context) (*opened, error) {
	return nil, misuse{errors.New("the memory engine keeps no API keys")}
}

func (inMemory) made(context.Context, wanted) (*opened, error) {
	return nil, misuse{errors.New("the memory engine keeps nothing to set up")}
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
