package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	wire "holdfast/api/client"
	"holdfast/event"
)

const (
	maxRedrive   = 1000 // ids of one request
	redriveBatch = 500  // letters that are sent, then deleted, at a time
)

type redriveInput struct {
	QueueName
	JSON[wire.Redrive]
}

type redriveOutput struct{ Body wire.Redriven }

func (a *API) redrive(ctx context.Context, in *redriveInput) (*redriveOutput, error) {
	q, err := a.queue(in.QueueName)
	if err != nil {
		return nil, err
	}
	ids := in.Value.IDs
	switch {
	case in.Value.All == (ids != nil):
		return nil, event.Errorf(event.Invalid, `send either {"ids": [...]} or {"all": true}`)
	case !in.Value.All && (len(ids) == 0 || len(ids) > maxRedrive):
		return nil, invalid("body.ids", fmt.Sprintf("must name 1 to %d dead letters", maxRedrive), nil)
	}
	next := q.all()
	if !in.Value.All {
		next = q.named(ids)
	}
	out := new(redriveOutput)
	for {
		letters, err := next(ctx)
		if err != nil || len(letters) == 0 {
			return out, err
		}
		if err := q.redrive(ctx, letters); err != nil {
			return nil, fmt.Errorf("after %d dead letters: %w", out.Body.Redriven, err)
		}
		out.Body.Redriven += len(letters)
	}
}

// all gives the letters batch by batch, none at the end. What dies again
// meanwhile has its place in the order of ids and does not come again.
func (q Queue) all() func(context.Context) ([]event.DeadLetter, error) {
	after := ""
	return func(ctx context.Context) ([]event.DeadLetter, error) {
		letters, err := q.List(ctx, after, redriveBatch)
		if len(letters) > 0 {
			after = letters[len(letters)-1].ID
		}
		return letters, err
	}
}

// named is all for the letters with these ids; it passes over what is not there.
func (q Queue) named(ids []string) func(context.Context) ([]event.DeadLetter, error) {
	rest := slices.Compact(slices.Sorted(slices.Values(ids)))
	return func(ctx context.Context) (letters []event.DeadLetter, err error) {
		for len(rest) > 0 && len(letters) < redriveBatch {
			letter, err := q.Get(ctx, rest[0])
			switch {
			case err == nil:
				letters = append(letters, letter)
			case !errors.Is(err, event.NotFound):
				return nil, err
			}
			rest = rest[1:]
		}
		return letters, nil
	}
}

// redrive is event.Redrive on this queue. It fails with overloaded where the queue
// had no room.
func (q Queue) redrive(ctx context.Context, letters []event.DeadLetter) error {
	sent, err := event.Redrive(ctx, q, q, letters)
	if err == nil && !sent {
		return event.Errorf(overloaded, "the queue is full; try again later")
	}
	return err
}
