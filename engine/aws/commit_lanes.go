package aws

import (
	"cmp"
	"slices"
	"sync"
)

const (
	// maxActions is how many items one transaction may write
	// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
	maxActions = 100
	// maxUnderway is how many transactions a process has under way at once.
	maxUnderway = 32
)

// committer puts movements into transactions. DynamoDB refuses a transaction on an
// item that another one is writing, so no two from this process share an item: a
// movement waits in a lane before each item that it writes, and goes when it is
// the first in all of them. What waits meanwhile goes together, as soon as the
// lane is free; a lone movement goes at once. A movement takes all of its lanes or
// none, so none waits for another in a circle, and never overtakes one that came
// before it and shares a SKU: first come, first served.
type committer struct {
	carry func([]*movement) // takes a transaction's movements to their ends

	mu       sync.Mutex
	lanes    map[string]*lane
	ready    []*movement // the first in all of their lanes, in the order in which they came to be
	arrivals int64
	underway int
}

// lane is what waits for one item: a SKU's row, or an order's reservation.
type lane struct {
	name    string
	single  bool // a transaction takes only one movement of it, a reservation's
	waiting []*movement
	holder  *transaction // nil: the lane is free
}

// transaction is what is being packed.
type transaction struct {
	moves   []*movement // in order of arrival, once packed
	lanes   []*lane
	actions int
}

func newCommitter(carry func([]*movement)) *committer {
	return &committer{carry: carry, lanes: make(map[string]*lane)}
}

// add lets movements queue, in the order given.
func (c *committer) add(moves ...*movement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range moves {
		c.queue(m)
	}
	c.dispatch()
}

func (c *committer) queue(m *movement) {
	c.arrivals++
	m.arrival, m.lanes, m.listed = c.arrivals, nil, false
	for _, sku := range m.skus() {
		c.join(m, sku, false)
	}
	if m.booking == nil {
		c.join(m, "#"+m.change.OrderID, true) // no SKU has a #
	}
	c.list(m)
}

// list makes a movement ready if nothing stands before it any more.
func (c *committer) list(m *movement) {
	if !m.listed && m.first() {
		m.listed = true
		c.ready = append(c.ready, m)
	}
}

func (c *committer) join(m *movement, name string, single bool) {
	l := c.lanes[name]
	if l == nil {
		l = &lane{name: name, single: single}
		c.lanes[name] = l
	}
	if !slices.Contains(m.lanes, l) {
		l.waiting = append(l.waiting, m)
		m.lanes = append(m.lanes, l)
	}
}

// first tells whether nothing stands before the movement.
func (m *movement) first() bool {
	for _, l := range m.lanes {
		if l.holder != nil || l.waiting[0] != m {
			return false
		}
	}
	return true
}

// dispatch starts what can be started. While there are more SKUs than room for
// transactions, they share; else each has its own, so that another process's
// transaction on one SKU holds up no other. The caller holds the lock.
func (c *committer) dispatch() {
	for c.underway < maxUnderway {
		room := maxUnderway - c.underway
		t := c.pack((len(c.ready) + room - 1) / room)
		if len(t.moves) == 0 {
			return
		}
		c.underway++
		go c.run(t)
	}
}

func (c *committer) run(t *transaction) {
	c.carry(slices.Clone(t.moves))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underway--
	for _, l := range t.lanes {
		l.holder = nil
	}
	for _, l := range t.lanes {
		c.wake(l)
	}
	c.dispatch()
}

// wake lets a freed lane's first movement go, or does away with the lane.
func (c *committer) wake(l *lane) {
	if len(l.waiting) == 0 {
		delete(c.lanes, l.name)
		return
	}
	c.list(l.waiting[0])
}

// pack takes that many ready movements into a transaction, and with each all that
// waits behind it for the same SKUs, as far as there is room.
func (c *committer) pack(share int) *transaction {
	t := new(transaction)
	for n := 0; n < share && len(c.ready) > 0; n++ {
		if !t.admit(c.ready[0]) {
			break
		}
		c.ready = c.ready[1:]
		t.follow()
	}
	slices.SortFunc(t.moves, func(a, b *movement) int { return cmp.Compare(a.arrival, b.arrival) })
	return t
}

// follow admits what waits in the lanes that the transaction holds.
func (t *transaction) follow() {
	for before := -1; before != len(t.moves); {
		before = len(t.moves)
		for i := 0; i < len(t.lanes); i++ { // admit may add lanes
			for l := t.lanes[i]; len(l.waiting) > 0 && t.admit(l.waiting[0]); {
			}
		}
	}
}

// admit takes a movement into the transaction if it is the first in all of its
// lanes, they are free or the transaction's own, and there is room.
func (t *transaction) admit(m *movement) bool {
	actions := 0
	for _, l := range m.lanes {
		if l.waiting[0] != m || l.holder != nil && (l.holder != t || l.single) {
			return false
		}
		if l.holder == nil {
			actions++
		}
	}
	bookings := m.booking != nil || len(t.moves) > 0 && t.moves[0].booking != nil
	if len(t.moves) > 0 && (bookings || t.actions+actions > maxActions) {
		return false
	}
	t.actions += actions
	t.moves = append(t.moves, m)
	for _, l := range m.lanes {
		l.waiting = l.waiting[1:]
		if l.holder == nil {
			l.holder = t
			t.lanes = append(t.lanes, l)
		}
	}
	return true
}
