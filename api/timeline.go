package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	wire "holdfast/api/client"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/payment"
	"holdfast/recorder"
)

// registerTimeline adds what the order service alone can tell.
func (a *API) registerTimeline() {
	register(a, huma.Operation{
		OperationID: "get-timeline", Method: http.MethodGet, Path: "/orders/{id}/timeline", Tags: []string{"orders"},
		Summary:     "Get an order's timeline across the services",
		Description: "The order, its reservation and its payment, as each service holds them, and what the processes remember of recent events and gateway calls. A service that does not answer is named, and the rest is shown.",
		Errors:      []int{http.StatusNotFound},
	}, a.timeline)
	register(a, huma.Operation{
		OperationID: "get-overview", Method: http.MethodGet, Path: "/overview", Tags: []string{"operations"},
		Summary:     "How the order service is doing",
		Description: "Its last hour, as the process remembers it, and how many orders are stored.",
	}, a.overview)
}

// registerRecords adds what every service tells of its own.
func (a *API) registerRecords() {
	register(a, huma.Operation{
		OperationID: "get-record", Method: http.MethodGet, Path: "/records/{service}/{id}", Tags: []string{"operations"},
		Summary:     "Get a service's record of an order",
		Description: "What one service holds under the order's number, and what its process remembers of recent events and calls. The order's timeline puts those of all three together.",
		Errors:      []int{http.StatusNotFound},
	}, a.serviceRecord)
}

type timelineInput struct {
	ID string `path:"id" example:"order-1001" doc:"The order's id."`
	Asker
}

type timelineOutput struct{ Body wire.Timeline }

func (a *API) timeline(ctx context.Context, in *timelineInput) (*timelineOutput, error) {
	o, err := a.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &timelineOutput{wire.Timeline{
		Order: wireOrder(o), Number: o.Number, Now: a.now(), HoldUntil: o.HoldUntil, Sweeps: o.Attempts,
		Remembered: a.remembered(event.Order, o.Ref),
	}}
	if !o.Due.IsZero() {
		out.Body.DueAt = &o.Due
	}
	a.addRecords(ctx, &out.Body, o.Ref, in.authorization())
	return out, nil
}

// addRecords asks the other services for what they know of the order, all at once.
func (a *API) addRecords(ctx context.Context, t *wire.Timeline, ref event.Ref, authorization []string) {
	bounded, cancel := context.WithTimeout(ctx, figureTime)
	defer cancel()
	others := []event.Service{event.Inventory, event.Payment}
	found, failed := make([]wire.Record, len(others)), make([]error, len(others))
	var asked sync.WaitGroup
	for i, s := range others {
		asked.Go(func() { found[i], failed[i] = a.recordAnywhere(bounded, s, ref, authorization) })
	}
	asked.Wait()
	for i, s := range others {
		if failed[i] != nil {
			t.Unanswered = append(t.Unanswered, string(s))
			a.tellUnread(ctx, s, ref, failed[i])
			continue
		}
		if r := found[i].Reservation; r != nil {
			t.Reservation = r
		}
		if p := found[i].Payment; p != nil {
			t.Payment = p
		}
		t.Remembered = append(t.Remembered, found[i].Remembered...)
	}
	slices.SortStableFunc(t.Remembered, inOrder)
}

// inOrder compares by time, and what happened within a millisecond, which is all that
// other processes tell of time, by its place on an order's way.
func inOrder(a, b wire.Remembered) int {
	return cmp.Or(a.At.Truncate(time.Millisecond).Compare(b.At.Truncate(time.Millisecond)), cmp.Compare(a.Place(), b.Place()), a.At.Compare(b.At))
}

// tellUnread logs that a service's record of an order cannot be had.
func (a *API) tellUnread(ctx context.Context, s event.Service, ref event.Ref, err error) {
	switch d := a.doors[s]; {
	case ctx.Err() != nil: // the client has left
	case d != nil:
		d.warn(ctx, err)
	default:
		a.config.Log.WarnContext(ctx, "a service's record of an order cannot be read", "service", s, "order_id", ref.OrderID, "error", err)
	}
}

// recordAnywhere is what a service knows of an order, wherever it runs.
func (a *API) recordAnywhere(ctx context.Context, s event.Service, ref event.Ref, authorization []string) (wire.Record, error) {
	if d := a.doors[s]; d != nil {
		return d.record(ctx, authorization, ref)
	}
	return a.record(ctx, s, ref)
}

type recordInput struct {
	Service string `path:"service" example:"inventory" doc:"Whose record: order, inventory or payment."`
	ID      string `path:"id" example:"order-1001" doc:"The order's id."`
	Number  int64  `query:"number" required:"true" minimum:"1" example:"2" doc:"The number under which all three services keep the order, as its timeline has it."`
}

type recordOutput struct{ Body wire.Record }

func (a *API) serviceRecord(ctx context.Context, in *recordInput) (*recordOutput, error) {
	if !event.ValidName(in.ID) {
		return nil, event.Errorf(event.NotFound, "no order can have this id; ids match %s", event.NamePattern)
	}
	ref := event.Ref{OrderID: in.ID, Number: in.Number}
	r, err := a.record(ctx, event.Service(in.Service), ref)
	if errors.Is(err, event.Conflict) { // which names the order that has the number
		err = event.Errorf(event.NotFound, "order %q has not the number %d", ref.OrderID, ref.Number)
	}
	return &recordOutput{r}, err
}

// record is what a service of this process knows of an order. It fails with Conflict
// where the number and the id are not of one order, and with NotFound where the
// service does not run here.
func (a *API) record(ctx context.Context, s event.Service, ref event.Ref) (wire.Record, error) {
	r := wire.Record{Service: string(s)}
	var err error
	switch {
	case s == event.Order && a.config.Orders != nil:
		err = a.checkNumber(ctx, ref)
	case s == event.Inventory && a.config.Inventory != nil:
		r.Reservation, err = a.reservation(ctx, ref)
	case s == event.Payment && a.config.Payments != nil:
		r.Payment, err = a.payment(ctx, ref)
	default:
		err = event.Errorf(event.NotFound, "no service %q runs in this process; there are %s, and the order service's address serves all", s, strings.Join(serviceNames(), ", "))
	}
	if err != nil {
		return wire.Record{}, err
	}
	r.Remembered = a.remembered(s, ref)
	return r, nil
}

var errOtherNumber = event.Errorf(event.Conflict, "the number is another order's")

func (a *API) checkNumber(ctx context.Context, ref event.Ref) error {
	o, err := a.find(ctx, ref.OrderID)
	if err == nil && o.Ref != ref {
		return errOtherNumber
	}
	return err
}

// reservation is inventory's record of an order, nil where there is none.
func (a *API) reservation(ctx context.Context, ref event.Ref) (*wire.Reservation, error) {
	found, err := a.config.Inventory.Store.Get(ctx, []event.Ref{ref})
	switch {
	case err != nil:
		return nil, err
	case found[0].State == inventory.None:
		return nil, nil
	case found[0].Ref != ref:
		return nil, errOtherNumber
	}
	return wireReservation(found[0]), nil
}

// payment is payment's record of an order, nil where there is none.
func (a *API) payment(ctx context.Context, ref event.Ref) (*wire.Payment, error) {
	found, err := a.config.Payments.Get(ctx, []event.Ref{ref})
	switch {
	case err != nil:
		return nil, err
	case found[0].State == payment.None:
		return nil, nil
	case found[0].Ref != ref:
		return nil, errOtherNumber
	}
	p := found[0]
	return &wire.Payment{State: string(p.State), Amount: wire.Money(p.Amount), UpdatedAt: p.UpdatedAt}, nil
}

func wireReservation(r inventory.Reservation) *wire.Reservation {
	w := &wire.Reservation{
		State: string(r.State), Items: wireLines(r.Lines), Reason: r.Reason, Restocked: r.Restocked, UpdatedAt: r.UpdatedAt,
	}
	if !r.HeldAt.IsZero() {
		w.HeldAt = &r.HeldAt
	}
	return w
}

// remembered is what this process remembers that one service did for an order.
func (a *API) remembered(s event.Service, ref event.Ref) []wire.Remembered {
	var all []wire.Remembered
	for _, e := range a.config.Recorder.Of(ref) {
		if e.Service == s {
			all = append(all, wireRemembered(e))
		}
	}
	return all
}

func wireRemembered(e recorder.Entry) wire.Remembered {
	w := wire.Remembered{
		At: e.At, Service: string(e.Service), Kind: string(e.Kind), Event: string(e.Event), Op: string(e.Op), Outcome: e.Outcome, Detail: e.Detail,
		// To the microsecond: more than anybody wants to read.
		TookMS: float64(e.Took.Microseconds()) / float64(time.Millisecond/time.Microsecond), Count: e.Count,
	}
	if !e.Next.IsZero() {
		w.Next = &e.Next
	}
	return w
}
