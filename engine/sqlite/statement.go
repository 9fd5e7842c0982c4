package sqlite

import (
	"time"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// statement is a prepared statement to which values are bound from left to right.
type statement struct {
	*sqlite.Stmt
	bound int
	row   row
}

// prepare returns the connection's statement for a query, compiled once.
func prepare(conn *sqlite.Conn, query string) (*statement, error) {
	s, err := conn.Prepare(query)
	return &statement{Stmt: s}, err
}

// execute runs a statement without values or rows.
func execute(conn *sqlite.Conn, query string) error {
	s, err := prepare(conn, query)
	if err != nil {
		return err
	}
	return s.run()
}

func (s *statement) text(v string) *statement {
	s.bound++
	s.BindText(s.bound, v)
	return s
}

func (s *statement) integer(v int64) *statement {
	s.bound++
	s.BindInt64(s.bound, v)
	return s
}

func (s *statement) boolean(v bool) *statement {
	s.bound++
	s.BindBool(s.bound, v)
	return s
}

func (s *statement) blob(v []byte) *statement {
	s.bound++
	s.BindBytes(s.bound, v)
	return s
}

// json binds a JSON text, NULL if it is empty.
func (s *statement) json(v []byte) *statement {
	if len(v) == 0 {
		return s.null()
	}
	return s.text(string(v))
}

// time binds a time in Unix milliseconds, NULL if it is zero.
func (s *statement) time(t time.Time) *statement {
	if t.IsZero() {
		return s.null()
	}
	return s.integer(t.UnixMilli())
}

// money binds an amount and a currency.
func (s *statement) money(m event.Money) *statement {
	return s.integer(m.Amount).text(m.Currency)
}

func (s *statement) null() *statement {
	s.bound++
	s.BindNull(s.bound)
	return s
}

// run executes a statement that returns no rows.
func (s *statement) run() error {
	_, err := s.Step()
	return err
}

// rows calls each for every row of the result, and stops at its first error.
func (s *statement) rows(each func(*row) error) error {
	for {
		more, err := s.Step()
		if err != nil || !more {
			return err
		}
		s.row = row{stmt: s.Stmt}
		if err := each(&s.row); err != nil {
			s.Reset()
			return err
		}
	}
}

// one calls scan if the result has a row, and reports whether it has. The result
// is read to its end, which is what ends SQLite's own read.
func (s *statement) one(scan func(*row) error) (bool, error) {
	found := false
	err := s.rows(func(r *row) error {
		found = true
		return scan(r)
	})
	return found, err
}

// row is a row of a result, whose columns are read from left to right.
type row struct {
	stmt *sqlite.Stmt
	next int
}

func (r *row) text() string {
	r.next++
	return r.stmt.ColumnText(r.next - 1)
}

func (r *row) integer() int64 {
	r.next++
	return r.stmt.ColumnInt64(r.next - 1)
}

func (r *row) boolean() bool { return r.integer() != 0 }

func (r *row) blob(into []byte) {
	r.next++
	r.stmt.ColumnBytes(r.next-1, into)
}

// bytes returns a blob of any length.
func (r *row) bytes() []byte {
	into := make([]byte, r.stmt.ColumnLen(r.next))
	r.blob(into)
	return into
}

// time reads Unix milliseconds; NULL is the zero time.
func (r *row) time() time.Time {
	if r.stmt.ColumnIsNull(r.next) {
		r.next++
		return time.Time{}
	}
	return time.UnixMilli(r.integer()).UTC()
}

// money reads an amount and a currency.
func (r *row) money() event.Money {
	return event.Money{Amount: r.integer(), Currency: r.text()}
}

// milli is t as the files keep it: to the millisecond, in UTC.
func milli(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
