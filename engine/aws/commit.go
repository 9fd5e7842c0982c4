package aws

import (
	"context"
	"errors"
	"slices"
	"time"

	"holdfast/event"
	"holdfast/inventory"
)

// Group commit: one item of DynamoDB takes 1,000 write units a second, and a
// transaction costs two a KiB, so a SKU that everybody wants would sell fewer
// than 500 units a second if each order wrote to its row. Here up to 99 orders
// share a transaction: a put a reservation, each on its own revision, and one
// update a SKU with the sum of what they move, on the condition that no count
// falls below zero on the way.
//
//	Apply ─▶ meet ─▶ route ─▶ lanes ─▶ plan ─▶ transact ─▶ done
//	                   │               ▲          │ a condition failed: take out what has
//	                   └─▶ write       └──────────┘ changed, admit the prefix that fits
//
// What is refused, and what moves no stock, is a write of its own, at half the
// price.

const (
	// patience is how long a change is pursued: less than the lease of the message
	// that asked for it (30 s), and far less than the 10 minutes for which DynamoDB
	// honours a transaction's token.
	patience = 20 * time.Second
	// maxReplans is how often a transaction whose conditions failed is made anew. One
	// is the rule, since a failure tells what is there; past them the changes are
	// left to their messages' redelivery.
	maxReplans = 5
)

var errPatience = event.Errorf(event.Unavailable, "the stock could not be written within %s; the message will come again", patience)

// movement is a change of one order's reservation on its way.
type movement struct {
	ctx    context.Context // its caller's
	change inventory.Change
	seen   revised[inventory.Reservation] // what the change is tried on
	mark   []byte                         // by it the change knows its own write again, whichever try it was of
	met    int                            // how often another writer's reservation was met

	next   inventory.Reservation // as the change leaves it
	sealed item                  // of next, as it is written

	arrival int64
	lanes   []*lane
	listed  bool     // among the committer's ready ones, or past them
	booking *booking // carried out in place of the change, in a transaction of its own

	written event.Written[inventory.Reservation]
	err     error
	over    chan struct{}
}

// newMovement takes a change over from its caller, who may give up waiting and do
// with its memory as it likes.
func newMovement(ctx context.Context, c inventory.Change) *movement {
	c.At, c.Lines, c.From = milli(c.At), slices.Clone(c.Lines), slices.Clone(c.From)
	return &movement{ctx: ctx, change: c, mark: newToken(), over: make(chan struct{})}
}

// end answers the change with its reservation as it now stands.
func (m *movement) end(r inventory.Reservation, changed bool) {
	m.written = event.Written[inventory.Reservation]{Record: r, Changed: changed}
	close(m.over)
}

func (m *movement) fail(err error) {
	m.err = err
	close(m.over)
}

func (m *movement) ended() bool {
	select {
	case <-m.over:
		return true
	default:
		return false
	}
}

// wait waits for the change's end. A caller whose ctx ends leaves; what is in a
// transaction by then is carried through without it.
func (m *movement) wait(ctx context.Context) (event.Written[inventory.Reservation], error) {
	select {
	case <-m.over:
		return m.written, m.err
	case <-ctx.Done():
		return event.Written[inventory.Reservation]{}, context.Cause(ctx)
	}
}

// skus are those whose stock the change moves.
func (m *movement) skus() []string {
	if m.booking != nil {
		return m.booking.skus()
	}
	lines := m.seen.record.Lines
	if m.change.To == inventory.Held {
		lines = m.change.Lines
	}
	skus := make([]string, len(lines))
	for i, l := range lines {
		skus[i] = l.SKU
	}
	return skus
}

// plenty is more of a count than any order can ask for, and little enough that
// all that a transaction moves can be added to it.
const plenty = 1 << 60

// blind is the row of a SKU of which nothing is known.
func blind(sku string) *inventory.Stock {
	return &inventory.Stock{SKU: sku, Available: plenty, Reserved: plenty, Sold: plenty}
}

// movesStock tells whether the change moves stock, if there is enough.
func (m *movement) movesStock() bool {
	if m.change.To == inventory.Held {
		return true
	}
	moved := false
	var rows []*inventory.Stock
	r := m.seen.record.Clone()
	r.Apply(m.change, func(sku string) *inventory.Stock {
		rows = append(rows, blind(sku))
		return rows[len(rows)-1]
	})
	for _, row := range rows {
		moved = moved || row.Version > 0
	}
	return moved
}

// carry takes a transaction's movements to their ends.
func (s *stock) carry(moves []*movement) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errPatience)
	defer cancel()
	rows := make(seenRows)
	open := slices.DeleteFunc(moves, (*movement).abandoned)
	if len(open) > 0 && open[0].booking != nil {
		open[0].err = lapsed(ctx, s.book(ctx, open[0].booking))
		close(open[0].over)
		return
	}
	for replan := 0; len(open) > 0; replan++ {
		if replan > maxReplans {
			s.give(open, event.Errorf(event.Unavailable, "the stock keeps changing under other writers"))
			return
		}
		p, err := s.plan(ctx, open, rows)
		if err == nil {
			open, err = s.execute(ctx, p, rows)
		}
		if err != nil {
			s.give(open, lapsed(ctx, err))
			return
		}
	}
}

// execute carries out a plan. What is left open met other conditions than it was
// planned for.
func (s *stock) execute(ctx context.Context, p *plan, rows seenRows) (open []*movement, err error) {
	if len(p.moving) > 0 {
		actions, err := s.request(p)
		if err != nil {
			return p.all(), err
		}
		reasons, err := s.transact(ctx, actions)
		if err != nil {
			return p.all(), err
		}
		if reasons != nil {
			return s.takeOut(p, reasons, rows)
		}
		s.settle(p)
	}
	for _, m := range p.refused {
		s.noteShort(m.next)
		go s.write(m)
	}
	return nil, nil
}

// settle answers the movements of a transaction that went through.
func (s *stock) settle(p *plan) {
	for _, t := range p.tallies {
		if t.holds {
			s.notePrice(t.now.SKU, t.quoted())
		}
	}
	for _, m := range p.moving {
		s.reservations.recent.Add(m.change.OrderID, m.sealed)
		m.end(m.next, true)
	}
}

// give ends movements whose write failed, or may have: what is remembered of
// their reservations is worth nothing now.
func (s *stock) give(moves []*movement, err error) {
	for _, m := range moves {
		s.reservations.recent.Remove(m.change.OrderID)
		m.fail(err)
	}
}

// abandoned ends a movement whose caller has left before it began.
func (m *movement) abandoned() bool {
	if m.ctx.Err() == nil {
		return false
	}
	m.fail(context.Cause(m.ctx))
	return true
}

// lapsed names the outage where a change's own time has run out.
func lapsed(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, event.Unavailable) {
		return context.Cause(ctx)
	}
	return err
}

// write makes a change that moves no stock, or the refusal of one that would
// have: a conditional put.
func (s *stock) write(m *movement) {
	s.alone <- struct{}{}
	defer func() { <-s.alone }()
	if m.abandoned() {
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errPatience)
	defer cancel()
	now, ok, err := s.put(ctx, m)
	switch {
	case err != nil:
		m.fail(lapsed(ctx, err))
	case ok:
		m.end(m.next, true)
	default:
		s.meetAgain(m, now)
	}
}

// put writes the reservation alone. A transaction under way on it is waited for.
func (s *stock) put(ctx context.Context, m *movement) (now revised[inventory.Reservation], ok bool, err error) {
	for try := 2; ; try++ {
		now, ok, err = s.reservations.put(ctx, m.change.OrderID, m.next, m.seen.rev)
		if !inTransaction(err) || s.pause(ctx, min(try, conflictTries)) != nil {
			return now, ok, err
		}
	}
}

// meetAgain takes a change on from the reservation that its write has met in place
// of the one it was tried on.
func (s *stock) meetAgain(m *movement, now revised[inventory.Reservation]) {
	m.seen = now
	m.met++
	switch {
	case !m.applies():
		m.end(now.record, false)
	case m.met > maxReplans:
		m.fail(event.Errorf(event.Unavailable, "the reservation of order %q keeps changing under other writers", m.change.OrderID))
	default:
		s.route(m)
	}
}
