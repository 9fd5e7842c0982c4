// Package aws is the engine for more than one machine: stores on DynamoDB,
// queues on SQS. Every table and queue is owned by one service and named by
// deploy/storage.yaml, which setup deploys.
//
//	orders ─┐ by-user, by-day, by-due        order ──▶ order-dlq ──▶ order-dead-letters
//	stock ──┼ reservations, stock-ledger     inventory ─▶ …
//	payments┘ keys                           payment ──▶ …
//
// A record is one item, written under a condition on its revision; the stock of
// many orders moves in one transaction (see commit.go). Reads of a record are
// strongly consistent; lists come from indexes, which follow within moments.
package aws

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"holdfast/engine"
	"holdfast/event"
)

// Options say what to open.
type Options struct {
	Config   awssdk.Config   // credentials, region, endpoint, and what watches the calls
	Prefix   string          // what every name begins with
	Services []event.Service // those to open; nil: all; none: only the API keys
	Now      func() time.Time
	Log      *slog.Logger
}

// AWS is an engine with its queues.
type AWS struct {
	engine.Engine
	Queues event.Queues // all three: a service sends to the others'

	core     *core
	services []event.Service
}

// core is what all stores share.
type core struct {
	db     *dynamodb.Client
	sqs    *sqs.Client
	prefix string
	now    func() time.Time
	log    *slog.Logger
	fault  atomic.Pointer[engine.Fault]
}

// table is the full name of a table or queue.
func (c *core) named(name string) string { return c.prefix + "-" + name }

// write makes one durable write between the two points of the fault.
func (c *core) write(ctx context.Context, op func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.strike(engine.BeforeCommit); err != nil {
		return err
	}
	if err := op(ctx); err != nil {
		return err
	}
	return c.strike(engine.AfterCommit)
}

func (c *core) strike(p engine.Point) error {
	if f := c.fault.Load(); f != nil && *f != nil {
		return (*f)(p)
	}
	return nil
}

// translate turns an error of the SDK into one of the ports. A request that can
// never be right is the caller's own fault and stays as it is; all else is an
// outage, for which no message is to blame.
func translate(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case isValidation(err):
		return err
	}
	var known *event.Error
	if errors.As(err, &known) {
		return err
	}
	return event.Errorf(event.Unavailable, "%s: %w", doing, err)
}
