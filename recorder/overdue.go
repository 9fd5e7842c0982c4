package recorder

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/order"
)

// maxOverdue is how many overdue orders are remembered: 1.5 MB of them at most.
const maxOverdue = 4096

// Overdue is an open order whose hold ended long ago: something keeps it from its end.
type Overdue struct {
	OrderID string
	Status  order.Status
	Since   time.Time // the hold's end, or its last change if that was later
	Sweeps  int       // since it last changed
	SweptAt time.Time
}

// overdue are the orders that the sweeper found overdue.
type overdue struct {
	mu      sync.Mutex
	known   map[int64]expected // by the order's number
	some    atomic.Bool        // whether there are any: every change of every order is asked about
	dropped time.Time          // when room was last looked for
}

// lookAgain is how long after room was looked for in vain nobody looks again: in an
// outage orders fall due by thousands, and each would go through all that are known.
const lookAgain = time.Second

// expected is an overdue order, and until when it is to be asked about again.
type expected struct {
	Overdue
	until time.Time
}

// add notes an order that the sweeper asked about now. The first to come stay: it
// asks about those that are due longest first.
func (l *overdue) add(o order.Order, since, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = make(map[int64]expected)
	}
	if _, known := l.known[o.Number]; !known && !l.room(now) {
		return
	}
	l.known[o.Number] = expected{
		Overdue: Overdue{OrderID: o.OrderID, Status: o.Status, Since: since, Sweeps: o.Attempts, SweptAt: now},
		until:   now.Add(2*o.Due.Sub(now) + time.Minute),
	}
	l.some.Store(true)
}

// room reports whether there is room for another order, and makes it if it can.
func (l *overdue) room(now time.Time) bool {
	if len(l.known) == maxOverdue && now.Sub(l.dropped).Abs() >= lookAgain {
		l.drop(now)
	}
	return len(l.known) < maxOverdue
}

// forget leaves out an order that has changed.
func (l *overdue) forget(number int64) {
	if !l.some.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, number)
	l.some.Store(len(l.known) > 0)
}

// drop leaves out the orders that were not asked about again when they should have
// been.
func (l *overdue) drop(now time.Time) {
	l.dropped = now
	for number, o := range l.known {
		if now.After(o.until) {
			delete(l.known, number)
		}
	}
	l.some.Store(len(l.known) > 0)
}

func (l *overdue) list(limit int, now time.Time) ([]Overdue, int) {
	all := l.all(now)
	slices.SortFunc(all, func(a, b Overdue) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.OrderID, b.OrderID))
	})
	return all[:min(limit, len(all))], len(all)
}

func (l *overdue) all(now time.Time) []Overdue {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(now)
	all := make([]Overdue, 0, len(l.known))
	for _, o := range l.known {
		all = append(all, o.Overdue)
	}
	return all
}
