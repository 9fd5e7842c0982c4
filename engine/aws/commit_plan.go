package aws

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast/event"
	"holdfast/inventory"
)

// stockRow is a SKU's row, with the version of its price.
type stockRow struct {
	inventory.Stock
	priceVersion int64
}

// seenRows holds the rows that a transaction has seen, read or found by a condition
// that failed; nil where there is no such SKU.
type seenRows map[string]*stockRow

// What a process remembers of a SKU, and for how long: no longer than a person
// would call now. A memory only ever saves work. A price is part of the write's
// condition, and nothing is refused but on a row as of now.
const (
	priceLife = time.Second
	shortLife = time.Second
)

// quote is a price as last read, or confirmed by a write.
type quote struct {
	price   event.Money
	version int64
	at      time.Time
}

// shortfall is when a SKU was last found not to have enough.
type shortfall struct{ at time.Time }

func (s *stock) notePrice(sku string, q quote) {
	q.at = s.now()
	s.prices.Add(sku, q)
}

// noteShort remembers of which SKUs a refused order found too little: until that
// is forgotten their rows are read before a transaction is tried on them, since a
// read costs a fraction of a transaction that fails.
func (s *stock) noteShort(r inventory.Reservation) {
	for _, f := range r.Short {
		s.short.Add(f.SKU, shortfall{s.now()})
	}
}

// remember is what can be said of a SKU without reading its row; false if it must
// be read.
func (s *stock) remember(sku string) (q quote, ok bool) {
	if f, known := s.short.Get(sku); known && s.within(f.at, shortLife) {
		return q, false
	}
	q, known := s.prices.Get(sku)
	return q, known && s.within(q.at, priceLife)
}

func (s *stock) within(at time.Time, life time.Duration) bool {
	age := s.now().Sub(at)
	return age >= 0 && age <= life
}

// tally is a SKU's row as a transaction's movements leave it, one after another.
// Where the row has not been seen there is plenty, and the write's condition says
// what must be there.
type tally struct {
	was, now     inventory.Stock
	low          inventory.Stock // the least that each count comes to on the way
	priceVersion int64
	seen         bool // was is the row; else there is plenty
	priced       bool
	holds        bool // whether units are sold at the price
}

// dip notes what a movement left of the counts.
func (t *tally) dip() {
	t.low.Available = min(t.low.Available, t.now.Available)
	t.low.Reserved = min(t.low.Reserved, t.now.Reserved)
	t.low.Sold = min(t.low.Sold, t.now.Sold)
}

func (t *tally) quoted() quote { return quote{price: t.now.Price, version: t.priceVersion} }

// plan is what one transaction is to do.
type plan struct {
	moving  []*movement // in order of arrival
	refused []*movement // those that found too little; written once the moving ones are
	broken  []*movement // those that the rows rule out
	tallies map[string]*tally
	unsure  []string // SKUs to be read before anything is decided
	blank   bool     // whether a price is among what is unsure, so that no total can be told
}

// all are those with an end to come, in order of arrival.
func (p *plan) all() []*movement {
	open := slices.Concat(p.moving, p.refused)
	slices.SortFunc(open, func(a, b *movement) int { return cmp.Compare(a.arrival, b.arrival) })
	return open
}

// plan decides on the movements in order of arrival, and reads what it must know
// for that.
func (s *stock) plan(ctx context.Context, moves []*movement, rows seenRows) (*plan, error) {
	for {
		p := s.draft(moves, rows)
		if len(p.unsure) == 0 {
			for _, m := range p.broken {
				m.fail(m.err)
			}
			return p, nil
		}
		if err := s.look(ctx, p.unsure, rows); err != nil {
			return nil, err
		}
	}
}

func (s *stock) draft(moves []*movement, rows seenRows) *plan {
	p := &plan{tallies: make(map[string]*tally)}
	for _, m := range moves {
		hold := m.change.To == inventory.Held
		row := func(sku string) *inventory.Stock {
			t := s.tally(p, sku, rows, hold)
			if t == nil {
				return nil
			}
			return &t.now
		}
		if m.err = m.missing(row); m.err != nil {
			p.broken = append(p.broken, m)
			continue
		}
		m.next = m.seen.record.Clone()
		m.next.Apply(m.change, row)
		m.next.Left = nil // others may have moved it
		p.take(m, rows)
	}
	return p
}

// missing refuses a movement of held or sold units whose row does not have them:
// the tables do not belong together.
func (m *movement) missing(row func(sku string) *inventory.Stock) error {
	if m.change.To == inventory.Held {
		return nil
	}
	for _, l := range m.seen.record.Lines {
		r := row(l.SKU)
		if r == nil {
			return fmt.Errorf("order %s names %s, which has no stock row; restore the stock and reservations tables to one time", m.change.OrderID, l.SKU)
		}
		have := r.Reserved
		if m.seen.record.State == inventory.Settled {
			have = r.Sold
		}
		if have < l.Qty {
			return fmt.Errorf("order %s is %s with %d units of %s, whose stock row has %d; restore the stock and reservations tables to one time",
				m.change.OrderID, m.seen.record.State, l.Qty, l.SKU, have)
		}
	}
	return nil
}

// tally is the SKU's row for the next movement to change, nil if there is none.
func (s *stock) tally(p *plan, sku string, rows seenRows, hold bool) *tally {
	t := p.tallies[sku]
	if t == nil {
		row, seen := rows[sku]
		switch {
		case seen && row == nil:
			return nil
		case seen:
			t = &tally{was: row.Stock, priceVersion: row.priceVersion, seen: true}
		default:
			t = &tally{was: *blind(sku)}
		}
		t.now, t.low = t.was, t.was
		p.tallies[sku] = t
	}
	if hold && !t.seen && !t.priced {
		q, known := s.remember(sku)
		if !known {
			p.unsure, p.blank = append(p.unsure, sku), true
		}
		t.now.Price, t.priceVersion, t.priced = q.price, q.version, true
	}
	return t
}

// take adds a movement that has been decided on. A refusal stands only if every
// row that it speaks of has been seen.
func (p *plan) take(m *movement, rows seenRows) {
	if m.next.State != inventory.Rejected {
		p.moving = append(p.moving, m)
		for _, l := range m.next.Lines {
			t := p.tallies[l.SKU]
			t.dip()
			t.holds = t.holds || m.change.To == inventory.Held
		}
		return
	}
	p.refused = append(p.refused, m)
	if p.blank {
		return
	}
	for _, l := range m.change.Lines {
		if _, seen := rows[l.SKU]; !seen {
			p.unsure = append(p.unsure, l.SKU)
		}
	}
}

// look reads rows as of now.
func (s *stock) look(ctx context.Context, skus []string, rows seenRows) error {
	found, err := s.readRows(ctx, skus)
	if err != nil {
		return err
	}
	for _, sku := range skus {
		s.see(sku, found[sku], rows)
	}
	return nil
}

// see takes up a row as it stands, nil if there is none.
func (s *stock) see(sku string, row *stockRow, rows seenRows) {
	rows[sku] = row
	if row == nil {
		s.prices.Remove(sku)
		return
	}
	s.notePrice(sku, quote{price: row.Price, version: row.priceVersion})
}
