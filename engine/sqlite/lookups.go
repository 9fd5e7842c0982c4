package sqlite

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"

	"zombiezen.com/go/sqlite"
)

// usualRun is how many orders are gathered in memory before they are merged into
// the tables. The longer the run, the more of its rows share a page of a table that
// is already large; each order takes some eighty bytes of memory meanwhile, and an
// order service that starts reads up to two runs of rows.
const usualRun = 1 << 17

// lookups find orders by id and by user. A random id, or one of many users, would
// dirty a page of an index of its own with every order, which is what an order costs
// most once an index is large. So the newest orders are found in memory, and a run
// of them at a time is merged into the tables orders_by_id and orders_by_user, sorted:
//
//	numbers  1 ……………………… merged | full, being merged | tail, the newest
//	found in  the two tables   |        memory
//
// All of it is derived from the orders' rows: whoever opens the file reads what is
// in memory here from the rows above merged, and so do processes that share it.
type lookups struct {
	runLength int // orders in memory from which on they are merged

	mu      sync.RWMutex
	merged  int64 // the tables hold every order up to this number
	full    *run  // nil unless one is being merged
	tail    *run
	spare   *run  // nil, or one whose memory the next tail takes
	highest int64 // number of the newest order in memory, merged if there is none

	mark int           // length of the tail when the writer's transaction began
	wake chan struct{} // holds a token when there is a full run
}

// run is a number of orders, in ascending number.
type run struct {
	orders []lookup
	byID   map[int64]int32 // the last of the orders that have the hash, counted from 1
	byUser map[int64]int32
}

// lookup is what finds an order.
type lookup struct {
	number         int64
	id, user       int64 // hashes
	sameID, sameUs int32 // the order before this one in the run that has the hash, counted from 1; 0: none
}

func newRun() *run {
	return &run{byID: make(map[int64]int32), byUser: make(map[int64]int32)}
}

// renew empties a run, keeping its memory.
func (r *run) renew() *run {
	r.orders = r.orders[:0]
	clear(r.byID)
	clear(r.byUser)
	return r
}

func newLookups(runLength int) *lookups {
	return &lookups{runLength: cmp.Or(runLength, usualRun), tail: newRun(), wake: make(chan struct{}, 1)}
}

// hash is what finds a name. Clients choose ids and users, and must not be able to
// choose many that share a hash.
func hash(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

func (r *run) add(l lookup) {
	n := int32(len(r.orders) + 1)
	l.sameID, l.sameUs = r.byID[l.id], r.byUser[l.user]
	r.byID[l.id], r.byUser[l.user] = n, n
	r.orders = append(r.orders, l)
}

// truncate takes back all but the first n orders.
func (r *run) truncate(n int) {
	for _, l := range slices.Backward(r.orders[n:]) {
		restore(r.byID, l.id, l.sameID)
		restore(r.byUser, l.user, l.sameUs)
	}
	r.orders = r.orders[:n]
}

func restore(last map[int64]int32, hash int64, before int32) {
	if before == 0 {
		delete(last, hash)
	} else {
		last[hash] = before
	}
}

// add notes an order. Those that are known it leaves alone: another process's may
// be read by two goroutines at once.
func (l *lookups) add(number int64, id, user int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number > l.highest {
		l.tail.add(lookup{number: number, id: id, user: user})
		l.highest = number
	}
}

// runs are those in memory, the newest first.
func (l *lookups) runs() []*run {
	if l.full == nil {
		return []*run{l.tail}
	}
	return []*run{l.tail, l.full}
}

// byID returns the numbers of the orders that may have the id: their ids have its hash.
func (l *lookups) byID(conn *sqlite.Conn, hash int64) ([]int64, error) {
	l.mu.RLock()
	var found []int64
	for _, r := range l.runs() {
		for n := r.byID[hash]; n > 0; n = r.orders[n-1].sameID {
			found = append(found, r.orders[n-1].number)
		}
	}
	l.mu.RUnlock()
	if len(found) > 0 {
		return found, nil
	}
	return numbers(conn, "SELECT number FROM orders_by_id WHERE hash = ?", func(s *statement) { s.integer(hash) })
}

// byUser returns at most limit numbers below before of orders that may be the
// user's, in descending order.
func (l *lookups) byUser(conn *sqlite.Conn, hash, before int64, limit int) ([]int64, error) {
	found, oldest := l.newestOfUser(hash, before, limit)
	if len(found) == limit {
		return found, nil
	}
	older, err := numbers(conn, "SELECT number FROM orders_by_user WHERE hash = ? AND number < ? ORDER BY number DESC LIMIT ?", func(s *statement) {
		s.integer(hash).integer(min(before, oldest)).integer(int64(limit - len(found)))
	})
	return append(found, older...), err
}

// newestOfUser is what memory knows of byUser; below oldest the table knows all.
func (l *lookups) newestOfUser(hash, before int64, limit int) (found []int64, oldest int64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	oldest = l.merged + 1
	for _, r := range l.runs() {
		if len(r.orders) > 0 {
			oldest = min(oldest, r.orders[0].number)
		}
		for n := r.byUser[hash]; n > 0 && len(found) < limit; n = r.orders[n-1].sameUs {
			if o := r.orders[n-1]; o.number < before {
				found = append(found, o.number)
			}
		}
	}
	return found, oldest
}

// numbers runs a query whose rows are one number each.
func numbers(conn *sqlite.Conn, query string, bind func(*statement)) (found []int64, err error) {
	s, err := prepare(conn, query)
	if err != nil {
		return nil, err
	}
	bind(s)
	err = s.rows(func(r *row) error {
		found = append(found, r.integer())
		return nil
	})
	return found, err
}

// catchUp reads what other processes have added, or at a start what is not merged.
func (l *lookups) catchUp(conn *sqlite.Conn) error {
	merged, err := number(conn, "SELECT coalesce(max(number), 0) FROM merged")
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.advance(merged)
	after := l.highest
	l.mu.Unlock()
	s, err := prepare(conn, "SELECT number, id, user_id FROM orders WHERE number > ? ORDER BY number")
	if err != nil {
		return err
	}
	return s.integer(after).rows(func(r *row) error {
		l.add(r.integer(), hash(r.text()), hash(r.text()))
		return nil
	})
}

// advance notes that the tables hold every order up to the number. If another process
// has merged orders that are not known here, memory begins anew after them: it never
// has gaps.
func (l *lookups) advance(merged int64) {
	l.merged = max(l.merged, merged)
	if l.merged >= l.highest {
		l.highest, l.tail, l.full = l.merged, newRun(), nil
	}
	if l.full != nil && l.full.last() <= l.merged {
		l.full = nil
	}
}

func (r *run) last() int64 { return r.orders[len(r.orders)-1].number }

func (l *lookups) begin(conn *sqlite.Conn, foreign bool) error {
	if foreign {
		if err := l.catchUp(conn); err != nil {
			return err
		}
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	l.mark = len(l.tail.orders)
	return nil
}

func (l *lookups) flush(*tx) error { return nil }

// end takes back what a failed transaction has added, and hands a run that is long
// enough to be merged.
func (l *lookups) end(committed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !committed {
		l.tail.truncate(min(l.mark, len(l.tail.orders)))
		l.highest = l.merged
		for _, r := range l.runs() {
			if len(r.orders) > 0 {
				l.highest = max(l.highest, r.last())
			}
		}
	}
	if l.full == nil && len(l.tail.orders) >= l.runLength {
		l.full, l.tail, l.spare = l.tail, cmp.Or(l.spare, newRun()).renew(), nil
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}
