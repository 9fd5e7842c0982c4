package crash_test

import (
	"context"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/payment"
)

// death ends the process by SIGKILL at one point, counted over all that it does:
// before and after each commit of a store or the gateway's ledger, and before and
// after each change of a queue.
type death struct {
	at     int64 // 0: never
	passed atomic.Int64
}

func (d *death) point() {
	if d.passed.Add(1) != d.at {
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // nothing more is done here until the signal is delivered
}

// fault is engine.Fault.
func (d *death) fault(engine.Point) error {
	d.point()
	return nil
}

// around does something between two points.
func (d *death) around(do func() error) error {
	d.point()
	defer d.point()
	return do()
}

// mail is what carries the messages: it dies at its points, and holds back what
// the script says.
type mail struct {
	*death
	mu   sync.Mutex
	held []*heldBack
}

// heldBack is a message of an order that its reader gets only when the script
// lets it go.
type heldBack struct {
	order string
	kind  event.Type
	sent  chan struct{} // closed when it has been sent first
	mail  *mail

	kept  []func() // what delivers each
	loose bool
}

func (m *mail) holdBack(order string, kind event.Type) *heldBack {
	h := &heldBack{order: order, kind: kind, sent: make(chan struct{}), mail: m}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = append(m.held, h)
	return h
}

// release delivers the message, and from now on each repeat of it at once.
func (h *heldBack) release() {
	h.mail.mu.Lock()
	h.loose = true
	h.mail.mu.Unlock()
	for _, deliver := range h.kept {
		deliver()
	}
}

// keep reports whether the event is held back.
func (m *mail) keep(e event.Event, deliver func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.held, func(h *heldBack) bool { return h.order == e.OrderID && h.kind == e.Type && !h.loose })
	if i < 0 {
		return false
	}
	h := m.held[i]
	if h.kept = append(h.kept, deliver); len(h.kept) == 1 {
		close(h.sent)
	}
	return true
}

// watched is a queue whose every send is two points, and every removal, if it
// outlives the process.
type watched struct {
	event.Queue
	mail    *mail
	lasting bool
}

// Send is event.Queue's.
func (q watched) Send(ctx context.Context, events []event.Event) error {
	return q.mail.around(func() error {
		now := slices.DeleteFunc(slices.Clone(events), func(e event.Event) bool {
			return q.mail.keep(e, func() { q.Queue.Send(context.Background(), []event.Event{e}) })
		})
		return q.Queue.Send(ctx, now)
	})
}

// Ack is event.Queue's.
func (q watched) Ack(ctx context.Context, receipts ...string) error {
	if !q.lasting {
		return q.Queue.Ack(ctx, receipts...)
	}
	return q.mail.around(func() error { return q.Queue.Ack(ctx, receipts...) })
}

// cards is a gateway that tells of a capture which gets no answer, and hangs up on
// it once the key is voided.
type cards struct {
	payment.Gateway
	asked  chan struct{} // closed by the first such capture
	once   sync.Once
	voided chan struct{}
}

// Capture is payment.Gateway's.
func (g *cards) Capture(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	if c.Method != simulated.Down {
		return g.Gateway.Capture(ctx, c)
	}
	g.once.Do(func() { close(g.asked) })
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	go func() {
		select {
		case <-g.voided:
			hangUp()
		case <-ctx.Done():
		}
	}()
	return g.Gateway.Capture(ctx, c)
}

// Void is payment.Gateway's.
func (g *cards) Void(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	answer, err := g.Gateway.Void(ctx, c)
	if err == nil {
		close(g.voided)
	}
	return answer, err
}
