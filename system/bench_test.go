package system_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/engine"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
	"holdfast/recorder"
	"holdfast/system"
)

// The stores of this benchmark do at once whatever they are asked, and keep
// nothing: it sees what an order costs outside its stores.
type (
	instantOrders   struct{ order.Store }
	instantStock    struct{ inventory.Store }
	instantPayments struct{ payment.Store }
	instantGateway  struct{ payment.Gateway }
)

func (instantOrders) Create(_ context.Context, orders []order.Order) ([]order.Created, error) {
	created := make([]order.Created, len(orders))
	for i, o := range orders {
		o.Number = rand.Int64N(1 << 60)
		created[i] = order.Created{Order: o, New: true}
	}
	return created, nil
}

func (instantOrders) Apply(_ context.Context, changes []order.Change) ([]event.Written[order.Order], error) {
	written := make([]event.Written[order.Order], len(changes))
	for i, c := range changes {
		o := order.Order{Ref: c.Ref, Lines: c.Lines, Status: order.Pending, History: []order.Entry{{Status: order.Pending, At: c.At}}}
		o.Apply(c)
		written[i] = event.Written[order.Order]{Record: o, Changed: true}
	}
	return written, nil
}

func (instantOrders) Due(context.Context, time.Time, int) ([]order.Order, error) { return nil, nil }
func (instantOrders) Tally(context.Context) (order.Tally, error)                 { return order.Tally{}, nil }
func (instantOrders) PullIn(context.Context, time.Time) (int, error)             { return 0, nil }

func (instantStock) Apply(_ context.Context, changes []inventory.Change) ([]event.Written[inventory.Reservation], error) {
	written := make([]event.Written[inventory.Reservation], len(changes))
	for i, c := range changes {
		r := inventory.Reservation{Ref: c.Ref, State: c.To, Lines: c.Lines, Total: event.Money{Amount: 1999, Currency: "USD"}, HeldAt: c.At, UpdatedAt: c.At}
		written[i] = event.Written[inventory.Reservation]{Record: r, Changed: true}
	}
	return written, nil
}

func (instantPayments) Apply(_ context.Context, changes []payment.Change) ([]event.Written[payment.Payment], error) {
	written := make([]event.Written[payment.Payment], len(changes))
	for i, c := range changes {
		var p payment.Payment
		p.Apply(c)
		written[i] = event.Written[payment.Payment]{Record: p, Changed: true}
	}
	return written, nil
}

func (instantGateway) Capture(context.Context, payment.Charge) (payment.Answer, error) {
	return payment.AnswerCaptured, nil
}

// BenchmarkOrder takes orders from their acceptance to COMPLETED, 4,096 at a time.
func BenchmarkOrder(b *testing.B) {
	const atATime = 4096
	ended := make(chan struct{}, atATime)
	queues := event.Queues{}
	for _, s := range event.Services {
		queues[s] = memory.NewQueue(100_000)
	}
	s := system.New(system.Config{
		Engine:  &engine.Engine{Orders: instantOrders{}, Inventory: instantStock{}, Payments: instantPayments{}},
		Queues:  queues,
		Gateway: instantGateway{}, Terms: order.Terms{Hold: 15 * time.Minute, Silence: 30 * time.Second},
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Recorder: recorder.New(system.Now),
		OrderChanged: func(o order.Order) {
			if o.Status.Ended() {
				ended <- struct{}{}
			}
		},
	})
	ctx, stop := context.WithCancel(b.Context())
	stopped := make(chan struct{})
	go func() { s.Run(ctx); close(stopped) }()
	open := 0
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if open == atATime {
			<-ended
			open--
		}
		place(b, s, "order-"+strconv.Itoa(n))
		open++
	}
	for ; open > 0; open-- {
		<-ended
	}
	stop()
	<-stopped
}

func place(b *testing.B, s *system.System, id string) {
	placed, err := s.Orders.Place(b.Context(), system.Now(), []order.Request{{
		Caller: "local", UserID: "u", NewID: id, Lines: []event.Line{{SKU: "A123", Qty: 1}},
	}})
	if err == nil {
		err = s.Queues.Send(b.Context(), []event.Event{placed[0].Send})
	}
	if err != nil {
		b.Fatal(err)
	}
}
