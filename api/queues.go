package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	wire "holdfast/api/client"
	"holdfast/event"
)

// figureTime is how long an answer that is put together waits for any of its parts.
const figureTime = 2 * time.Second

func (a *API) registerQueues() {
	tags := []string{"queues"}
	register(a, huma.Operation{
		OperationID: "list-queues", Method: http.MethodGet, Path: "/queues", Tags: tags,
		Summary:     "List the queues",
		Description: "What each service has to do. A figure is null where it is not known now.",
	}, a.listQueues)
	register(a, huma.Operation{
		OperationID: "list-dead-letters", Method: http.MethodGet, Path: "/queues/{name}/dead-letters", Tags: tags,
		Summary:     "List a queue's dead letters",
		Description: "The events that the service could not handle, in ascending order of id.",
		Errors:      []int{http.StatusNotFound},
	}, a.listDeadLetters)
	register(a, huma.Operation{
		OperationID: "redrive", Method: http.MethodPost, Path: "/queues/{name}/redrive", Tags: tags,
		Summary:     "Put dead letters back on their queue",
		Description: "Those that are named, where they are there, or all. It may be repeated: an event handled twice changes nothing. One that this build cannot read dies again, and its letter is never gone meanwhile.",
		Errors:      []int{http.StatusNotFound},
	}, a.redrive)
	register(a, huma.Operation{
		OperationID: "delete-dead-letter", Method: http.MethodDelete, Path: "/queues/{name}/dead-letters/{id}", Tags: tags,
		Summary:     "Delete a dead letter for good",
		Description: "Its event is never handled. The order that it is about ends without it: the sweeper asks again.",
		Errors:      []int{http.StatusNotFound},
	}, a.deleteDeadLetter)
	register(a, huma.Operation{
		OperationID: "get-dead-letter", Method: http.MethodGet, Path: "/queues/{name}/dead-letters/{id}", Tags: tags,
		Summary:     "Get a dead letter",
		Description: "With its event, word for word, and the reason that it could not be handled for.",
		Errors:      []int{http.StatusNotFound},
	}, a.getDeadLetter)
}

// QueueName is embedded in the input of an operation on one queue.
type QueueName struct {
	Name string `path:"name" example:"inventory" doc:"The queue: order, inventory or payment."`
}

// queue is the queue that a path names, or NotFound.
func (a *API) queue(in QueueName) (Queue, error) {
	q, ok := a.config.Queues[event.Service(in.Name)]
	switch {
	case ok:
		return q, nil
	case slices.Contains(event.Services, event.Service(in.Name)):
		return Queue{}, event.Errorf(event.NotFound, "the %s queue is not this process's; the order service's address serves all queues", in.Name)
	}
	return Queue{}, event.Errorf(event.NotFound, "no queue %q; there are %s", in.Name, strings.Join(serviceNames(), ", "))
}

func serviceNames() []string {
	names := make([]string, len(event.Services))
	for i, s := range event.Services {
		names[i] = string(s)
	}
	return names
}

// Asker is embedded in the input of an operation for which other processes are asked
// in the caller's name: it is the header that the caller sent.
type Asker struct{ Header http.Header }

// Resolve is called by huma for each request.
func (in *Asker) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	in.Header = r.Header
	return nil
}

// authorization is who asks.
func (in *Asker) authorization() []string { return in.Header["Authorization"] }

type listQueuesInput struct{ Asker }

type listQueuesOutput struct{ Body wire.QueuePage }

func (a *API) listQueues(ctx context.Context, in *listQueuesInput) (*listQueuesOutput, error) {
	var asked sync.WaitGroup
	found := make([]*wire.Queue, len(event.Services))
	ask := func(i int, figures func() wire.Queue) {
		found[i] = new(wire.Queue)
		asked.Go(func() { *found[i] = figures() })
	}
	for i, service := range event.Services {
		if q, ok := a.config.Queues[service]; ok {
			ask(i, func() wire.Queue { return a.figures(ctx, service, q) })
		} else if d := a.doors[service]; d != nil && !cameByDoor(in.Header) {
			ask(i, func() wire.Queue { return d.queue(ctx, in.authorization()) })
		}
	}
	asked.Wait()
	out := &listQueuesOutput{wire.QueuePage{Queues: []wire.Queue{}}}
	for _, q := range found {
		if q != nil {
			out.Body.Queues = append(out.Body.Queues, *q)
		}
	}
	return out, nil
}

// figures are those of a queue of this process, as far as they can be read.
func (a *API) figures(ctx context.Context, service event.Service, q Queue) wire.Queue {
	bounded, cancel := context.WithTimeout(ctx, figureTime)
	defer cancel()
	var letters int
	var countErr error
	var counting sync.WaitGroup
	counting.Go(func() { letters, countErr = q.Count(bounded) })
	d, err := q.Depth(bounded)
	counting.Wait()
	out := wire.Queue{Name: string(service)}
	if err == nil {
		out.Depth, out.InFlight = new(d.Ready+d.Delayed), &d.InFlight
	}
	if err == nil && d.Oldest != event.UnknownAge {
		// A wait to the nanosecond is more than anybody wants to read.
		out.OldestSeconds = new(d.Oldest.Truncate(time.Millisecond).Seconds())
	}
	if countErr == nil {
		out.DeadLetters = &letters
	}
	for _, err := range []error{err, countErr} {
		if err != nil && ctx.Err() == nil {
			a.config.Log.WarnContext(ctx, "a queue's figures cannot be read", "queue", service, "error", err)
		}
	}
	return out
}

type listDeadLettersInput struct {
	QueueName
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many dead letters to a page."`
	Cursor string `query:"cursor" doc:"next_cursor of the page before; without it, the first page."`
}

type listDeadLettersOutput struct{ Body wire.DeadLetterPage }

func (a *API) listDeadLetters(ctx context.Context, in *listDeadLettersInput) (*listDeadLettersOutput, error) {
	q, err := a.queue(in.QueueName)
	if err != nil {
		return nil, err
	}
	after, err := openCursor(in.Cursor, "dead letters", in.Name)
	if err != nil {
		return nil, err
	}
	// One more than the page holds tells whether there is another page.
	letters, err := q.List(ctx, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &listDeadLettersOutput{wire.DeadLetterPage{DeadLetters: []wire.DeadLetter{}}}
	if len(letters) > in.Limit {
		letters = letters[:in.Limit]
		out.Body.NextCursor = sealCursor(letters[in.Limit-1].ID, "dead letters", in.Name)
	}
	for _, l := range letters {
		shown, err := wireLetter(l)
		if err != nil {
			return nil, err
		}
		out.Body.DeadLetters = append(out.Body.DeadLetters, shown)
	}
	return out, nil
}

func wireLetter(l event.DeadLetter) (wire.DeadLetter, error) {
	text, err := l.Event.MarshalJSON()
	if err != nil {
		return wire.DeadLetter{}, fmt.Errorf("dead letter %q: %w", l.ID, err)
	}
	return wire.DeadLetter{ID: l.ID, Reason: l.Reason, ReceiveCount: l.Count, DeadAt: l.DeadAt, Event: text}, nil
}

type oneDeadLetterInput struct {
	QueueName
	ID string `path:"id" example:"order-1001:OrderPlaced" doc:"The dead letter's id."`
}

type deadLetterOutput struct{ Body wire.DeadLetter }

func (a *API) getDeadLetter(ctx context.Context, in *oneDeadLetterInput) (*deadLetterOutput, error) {
	q, err := a.queue(in.QueueName)
	if err != nil {
		return nil, err
	}
	letter, err := q.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	shown, err := wireLetter(letter)
	return &deadLetterOutput{shown}, err
}

func (a *API) deleteDeadLetter(ctx context.Context, in *oneDeadLetterInput) (*struct{}, error) {
	q, err := a.queue(in.QueueName)
	if err != nil {
		return nil, err
	}
	for {
		letter, err := q.Get(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		// None where its event has died again since it was read, or somebody else
		// was faster.
		if n, err := q.Delete(ctx, []event.DeadLetter{letter}); n > 0 || err != nil {
			return nil, err
		}
	}
}
