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

// recentCap is how many records of a file are remembered: some twice as many as are
// on their way through the services at full load, a few megabytes.
const recentCap = 4096

// recent remembers the records that were written last, by the order's number. An
// order's next event then finds its record without a read, which costs as much as
// a write does; and that a new order has no record yet is known without a look.
type recent[R any] struct {
	table    string
	clone    func(R) R
	byNumber map[int64]int // where in slots
	slots    []slot[R]
	oldest   int // the slot that is given to another record next, once all are taken
	// Every record of the table whose number is above floor is in slots.
	floor int64
	known bool // whether floor is
}

type slot[R any] struct {
	number int64
	record R
}

func newRecent[R any](table string, clone func(R) R) *recent[R] {
	return &recent[R]{table: table, clone: clone, byNumber: make(map[int64]int)}
}

func (m *recent[R]) forget() {
	clear(m.byNumber)
	m.slots, m.oldest, m.known = m.slots[:0], 0, false
}

// get returns the record that has the number. sure is false where only the table
// can tell.
func (m *recent[R]) get(number int64) (r R, found, sure bool) {
	if i, found := m.byNumber[number]; found {
		return m.clone(m.slots[i].record), true, true
	}
	return r, false, m.known && number > m.floor
}

// put notes a record as it was written.
func (m *recent[R]) put(number int64, r R) {
	i, found := m.byNumber[number]
	switch {
	case found:
	case len(m.slots) < recentCap:
		i = len(m.slots)
		m.slots = append(m.slots, slot[R]{})
	default:
		i = m.oldest
		m.oldest = (i + 1) % recentCap
		delete(m.byNumber, m.slots[i].number)
		m.floor = max(m.floor, m.slots[i].number)
	}
	m.byNumber[number] = i
	m.slots[i] = slot[R]{number, m.clone(r)}
}

func (m *recent[R]) begin(conn *sqlite.Conn, foreign bool) error {
	if foreign {
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
