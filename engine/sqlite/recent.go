package sqlite

import (
	"fmt"

	"zombiezen.com/go/sqlite"
)

// memory is what a writer remembers of its file from one transaction to the next,
// so that it need not be read. It belongs to the writer's goroutine.
type memory interface {
	// begin is called in a new transaction. foreign tells that another process may
	// have written to the file since the last one.
	begin(conn *sqlite.Conn, foreign bool) error
	// flush writes, before the commit, what is not in the file yet.
	flush(*tx) error
	// end is called when the transaction is over.
	end(committed bool)
}

// recentCap is how many records of a file are remembered: several times as many as
// are on their way through the services at full load, some ten megabytes.
const recentCap = 16_384

// recent remembers the records that were written last, by the order's number. An
// order's next event then finds its record without a read, which costs as much as
// a write does; and that a new order has no record yet is known without a look.
type recent[R any] struct {
	table    string
	clone    func(R) R
	byNumber map[int64]*R
	ring     []int64 // the numbers in byNumber, the oldest at next
	next     int
	// Every record of the table whose number is above floor is in byNumber.
	floor int64
	known bool // whether floor is
}

func newRecent[R any](table string, clone func(R) R) *recent[R] {
	m := &recent[R]{table: table, clone: clone}
	m.forget()
	return m
}

func (m *recent[R]) forget() {
	m.byNumber, m.ring, m.next, m.known = make(map[int64]*R), make([]int64, recentCap), 0, false
}

// get returns the record that has the number. sure is false where only the table
// can tell.
func (m *recent[R]) get(number int64) (r R, found, sure bool) {
	if stored := m.byNumber[number]; stored != nil {
		return m.clone(*stored), true, true
	}
	return r, false, m.known && number > m.floor
}

// put notes a record as it was written.
func (m *recent[R]) put(number int64, r R) {
	r = m.clone(r)
	if stored := m.byNumber[number]; stored != nil {
		*stored = r
		return
	}
	if oldest := m.ring[m.next]; oldest != 0 {
		delete(m.byNumber, oldest)
		m.floor = max(m.floor, oldest)
	}
	m.byNumber[number] = &r
	m.ring[m.next] = number
	m.next = (m.next + 1) % len(m.ring)
}

func (m *recent[R]) begin(conn *sqlite.Conn, foreign bool) error {
	if foreign && (m.known || len(m.byNumber) > 0) {
		m.forget()
	}
	if m.known {
		return nil
	}
	s, err := prepare(conn, fmt.Sprintf("SELECT coalesce(max(number), 0) FROM %s", m.table))
	if err != nil {
		return err
	}
	_, err = s.one(func(r *row) error {
		m.floor, m.known = r.integer(), true
		return nil
	})
	return err
}

func (m *recent[R]) flush(*tx) error { return nil }

// end forgets all after a rollback: what was put since begin is not in the file.
func (m *recent[R]) end(committed bool) {
	if !committed {
		m.forget()
	}
}
