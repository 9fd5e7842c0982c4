package sqlite

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math"
	"math/bits"
	"slices"
	"sync"

	"zombiezen.com/go/sqlite"
)

// usualRun is how many orders are gathered in memory before they are merged into
// the tables. The longer the run, the more of its rows share a page of a table that
// is already large; each order takes some fifty bytes of memory meanwhile, and an
// order service that starts reads up to two runs of rows.
const usualRun = 1 << 18

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
	spare   *run   // nil, or one whose memory the next tail takes
	highest int64  // number of the newest order in memory, merged if there is none
	merge   *merge // of full; nil until that is sorted
	filter  *filter

	mark      int // length of the tail when the writer's transaction began; -1: there is none
	takenBack int // how often orders were taken back
}

// run is a number of orders, in ascending number, and two hash tables of them.
type run struct {
	orders       []lookup
	byID, byUser chains
}

// lookup is what finds an order.
type lookup struct {
	number           int64
	id, user         int64 // hashes
	nextID, nextUser int32 // the order before this one in its chain, counted from 1; 0: none
}

// chains are the heads of a hash table's chains: of each, the order that came last,
// counted from 1. A map of Go's takes four times the room.
type chains []int32

// chainsOf is for a run of about so many orders.
func chainsOf(runLength int) chains { return make(chains, 1<<bits.Len(uint(runLength))) }

// at is the head of the hash's chain.
func (c chains) at(hash int64) *int32 { return &c[int(uint64(hash)%uint64(len(c)))] }

// newRun is an empty run of about so many orders to come.
func newRun(length int) *run {
	return &run{orders: make([]lookup, 0, length), byID: chainsOf(length), byUser: chainsOf(length)}
}

// add adds an order.
func (r *run) add(l lookup) {
	id, user := r.byID.at(l.id), r.byUser.at(l.user)
	l.nextID, l.nextUser = *id, *user
	r.orders = append(r.orders, l)
	*id = int32(len(r.orders))
	*user = *id
}

// truncate takes back all but the first n orders.
func (r *run) truncate(n int) {
	for _, l := range slices.Backward(r.orders[n:]) {
		*r.byID.at(l.id), *r.byUser.at(l.user) = l.nextID, l.nextUser
	}
	r.orders = r.orders[:n]
}

// ofID are the numbers of the orders whose ids have the hash, the newest first.
func (r *run) ofID(hash int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for n := *r.byID.at(hash); n > 0; n = r.orders[n-1].nextID {
			if o := &r.orders[n-1]; o.id == hash && !yield(o.number) {
				return
			}
		}
	}
}

// ofUser is ofID for the hash of a user.
func (r *run) ofUser(hash int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for n := *r.byUser.at(hash); n > 0; n = r.orders[n-1].nextUser {
			if o := &r.orders[n-1]; o.user == hash && !yield(o.number) {
				return
			}
		}
	}
}

// renew empties a run, keeping its memory.
func (r *run) renew() *run {
	r.orders = r.orders[:0]
	clear(r.byID)
	clear(r.byUser)
	return r
}

func newLookups(runLength int) *lookups {
	runLength = cmp.Or(runLength, usualRun)
	return &lookups{runLength: runLength, tail: newRun(runLength), mark: -1}
}

// hash is what finds a name. Clients choose ids and users, and must not be able to
// choose many that share a hash.
func hash(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// add notes an order that the writer's transaction adds.
func (l *lookups) add(number, id, user int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.append(number, id, user)
}

// append adds an order to the tail. Those that are known it leaves alone: another
// process's may be read by two goroutines at once.
func (l *lookups) append(number, id, user int64) {
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
	found, all := l.inMemory(hash)
	if all {
		return found, nil
	}
	older, err := numbers(conn, "SELECT number FROM orders_by_id WHERE hash = ?", func(s *statement) { s.integer(hash) })
	return append(found, older...), err
}

// inMemory is what memory knows of byID, and whether that is all there is.
func (l *lookups) inMemory(hash int64) (found []int64, all bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, r := range l.runs() {
		found = slices.AppendSeq(found, r.ofID(hash))
	}
	return found, l.filter.lacks(hash)
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
		for number := range r.ofUser(hash) {
			if len(found) == limit {
				break
			}
			if number < before {
				found = append(found, number)
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
	for {
		after, takenBack := l.expect(merged)
		s, err := prepare(conn, "SELECT number, id, user_id FROM orders WHERE number > ? ORDER BY number")
		if err != nil {
			return err
		}
		gap := false
		err = s.integer(after).rows(func(r *row) error {
			gap = !l.learn(takenBack, r.integer(), hash(r.text()), hash(r.text())) || gap
			return nil
		})
		if err != nil || !gap {
			return err
		}
	}
}

// expect notes what another process has merged, and returns after which number its
// orders are to be read.
func (l *lookups) expect(merged int64) (after int64, takenBack int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if merged > l.merged {
		l.filter = nil // of what others have merged it knows nothing
		l.advance(merged)
	}
	return l.highest, l.takenBack
}

// learn is add of an order that was read. It refuses one if orders before it may
// have been taken back since it was asked for: others have their numbers now.
func (l *lookups) learn(takenBack int, number, id, user int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if takenBack != l.takenBack {
		return false
	}
	l.append(number, id, user)
	return true
}

// advance notes that the tables hold every order up to the number. What another
// process has merged is dropped from memory, which never has gaps.
func (l *lookups) advance(merged int64) {
	l.merged, l.highest = max(l.merged, merged), max(l.highest, merged)
	if l.full != nil && l.full.last() <= l.merged {
		l.full, l.merge = nil, nil
	}
	if len(l.tail.orders) == 0 || l.tail.orders[0].number > l.merged {
		return
	}
	old := l.tail
	l.tail = newRun(l.runLength)
	for _, o := range old.orders {
		if o.number > l.merged {
			l.tail.add(o)
		}
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

// flush merges rows of the full run, as many as the transaction's orders pay for.
func (l *lookups) flush(t *tx) error {
	l.mu.RLock()
	m, orders := l.merge, len(l.tail.orders)-l.mark
	l.mu.RUnlock()
	if m == nil || orders == 0 {
		return nil
	}
	return m.write(t, int(math.Ceil(rowsAnOrder*float64(orders))))
}

// end takes back what a failed transaction has added, or concludes what it has
// merged, and hands a run that is long enough to be merged.
func (l *lookups) end(committed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case committed:
		l.conclude()
	case l.mark >= 0:
		l.takeBack()
	}
	l.mark = -1
	if l.full == nil && len(l.tail.orders) >= l.runLength {
		l.full, l.tail, l.spare = l.tail, l.fresh(), nil
		go l.sort(l.full)
	}
}

// conclude notes what the transaction has merged.
func (l *lookups) conclude() {
	m, full := l.merge, l.full
	if m == nil || m.written == 0 {
		return
	}
	ids, _ := m.rows(m.written)
	for _, e := range ids {
		l.filter.add(e.hash)
	}
	if m.over() {
		l.advance(m.last)
		l.spare = full
	}
	m.done, m.written = m.done+m.written, 0
}

// takeBack drops the orders that the transaction has added.
func (l *lookups) takeBack() {
	if l.merge != nil {
		l.merge.written = 0
	}
	l.tail.truncate(l.mark)
	l.takenBack++
	l.highest = l.merged
	for _, r := range l.runs() {
		if len(r.orders) > 0 {
			l.highest = max(l.highest, r.last())
		}
	}
}

// fresh is an empty run.
func (l *lookups) fresh() *run {
	if l.spare == nil {
		return newRun(l.runLength)
	}
	return l.spare.renew()
}
