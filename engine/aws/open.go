package aws

import (
	"context"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"holdfast/deploy"
	"holdfast/engine"
	"holdfast/event"
)

// Batch is how many messages a worker should take at a time: enough to fill
// transactions of 100 and requests of ten, and few enough that all of them are
// done well within their leases where each write takes tens of milliseconds.
const Batch = 256

// Open opens the tables and queues of the services, which setup has made. It
// fails, naming the thing and the fix, where one is missing, is another than the
// template says, or may not be used.
func Open(ctx context.Context, o Options) (*AWS, error) {
	if o.Services == nil {
		o.Services = event.Services
	}
	c := &core{
		db: dynamodb.NewFromConfig(o.Config, repeatConflicts), sqs: sqs.NewFromConfig(o.Config),
		prefix: o.Prefix, now: o.Now, log: o.Log,
	}
	if err := deploy.Check(ctx, c.db, o.Prefix, o.Services); err != nil {
		return nil, err
	}
	a := &AWS{core: c, services: o.Services}
	a.Keys = newKeys(c)
	a.DeadLetters = make(map[event.Service]event.DeadLetters)
	a.Ready, a.Close = a.ready, func() error { return nil }
	a.SetFault = func(f engine.Fault) { c.fault.Store(&f) }
	for _, s := range o.Services {
		if err := a.open(ctx, s); err != nil {
			return nil, err
		}
	}
	if len(o.Services) == 0 {
		return a, nil
	}
	var err error
	a.Queues, err = openQueues(ctx, c)
	return a, err
}

// open opens what one service owns.
func (a *AWS) open(ctx context.Context, s event.Service) (err error) {
	a.DeadLetters[s] = newDeadLetters(a.core, s)
	switch s {
	case event.Order:
		a.Orders, err = newOrders(ctx, a.core)
	case event.Inventory:
		a.Inventory = newInventory(a.core)
	case event.Payment:
		a.Payments, a.Ledger = newPayments(a.core), newLedger(a.core)
	}
	return err
}

// Run drains the dead-letter queues of the opened services into their dead
// letters until ctx ends. died hears of each letter, and must not block.
func (a *AWS) Run(ctx context.Context, died func(event.Service)) {
	var draining sync.WaitGroup
	for _, s := range a.services {
		draining.Go(func() { a.core.drain(ctx, s, a.DeadLetters[s], func() { died(s) }) })
	}
	draining.Wait()
}

// probes are what Ready reads, by the service that must be able to.
var probes = map[event.Service]struct{ table, key string }{
	event.Order: {"orders", "id"}, event.Inventory: {"stock", "sku"}, event.Payment: {"payments", "id"},
}

// ready reads an item that is not there from a table of each opened service.
func (a *AWS) ready(ctx context.Context) error {
	for _, s := range slices.Sorted(slices.Values(a.services)) {
		p := probes[s]
		if _, err := a.core.batchGet(ctx, a.core.named(p.table), p.key, []string{"#ready"}); err != nil {
			return err
		}
	}
	return nil
}
