package sqlite

import (
	"context"
	"errors"
	"math"
	"strconv"

	"holdfast/event"
	"holdfast/order"

	"zombiezen.com/go/sqlite"
)

// notCompleted is the condition of the index orders_not_completed, word for word: only
// then does SQLite see that the index can serve
// (https://sqlite.org/partialindex.html#queries_using_partial_indexes).
const notCompleted = "status <> 'COMPLETED'"

// maxReads bounds how many orders are read for a page, maxLooks how many are looked at
// for one whether they are to be read, so that each page takes some ten milliseconds
// at most, whatever is stored. A list that selects few of many may have to be followed
// for several pages.
const (
	maxReads = 1024
	maxLooks = 16 * maxReads
)

// List goes through a user's orders, through those of a status, or through all. A
// cursor is the Number before which the page begins.
func (s orders) List(ctx context.Context, q order.Query) (page order.Page, err error) {
	before, err := numberBefore(q.Cursor)
	if err != nil {
		return order.Page{}, err
	}
	err = s.db.view(ctx, func(conn *sqlite.Conn) error {
		c, err := s.candidates(conn, q, before)
		if err == nil {
			page, err = c.page(conn, q)
		}
		return err
	})
	return page, err
}

// candidates are the orders that may be on a page, in descending Number.
type candidates struct {
	numbers []int64
	end     int64 // the Number of the last that was looked at; 0: there are no more
}

func (s orders) candidates(conn *sqlite.Conn, q order.Query, before int64) (candidates, error) {
	if q.UserID == "" {
		return walk(conn, q, before)
	}
	if err := s.follow(conn); err != nil {
		return candidates{}, err
	}
	most := maxReads
	if q.Caller == "" && q.Status == "" {
		most = min(q.Limit+1, maxReads)
	}
	numbers, err := s.lookups.byUser(conn, hash(q.UserID), before, most)
	c := candidates{numbers: numbers}
	if len(numbers) == most {
		c.end = numbers[most-1]
	}
	return c, err
}

// errEnough ends a walk.
var errEnough = errors.New("enough candidates")

// walk finds one candidate more than a page holds.
func walk(conn *sqlite.Conn, q order.Query, before int64) (c candidates, err error) {
	query, values := walkOf(q)
	s, err := prepare(conn, query)
	if err != nil {
		return c, err
	}
	for _, v := range values {
		s.text(v)
	}
	looks, most := 0, min(q.Limit+1, maxReads)
	err = s.integer(before).integer(maxLooks).rows(func(r *row) error {
		number := r.integer()
		if looks++; r.boolean() {
			c.numbers = append(c.numbers, number)
		}
		if looks == maxLooks || len(c.numbers) == most {
			c.end = number
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return c, err
}

// walkOf is the query for the Number of each order to look at, and whether it is a
// candidate. Its parameters are the values, and then before and how many.
func walkOf(q order.Query) (query string, values []string) {
	selected, where := "true", ""
	if q.Caller != "" {
		selected, values = "caller = ?", append(values, q.Caller)
	}
	switch q.Status {
	case "":
	case order.Completed: // most are, so there is no index of them
		selected, values = selected+" AND status = ?", append(values, string(q.Status))
	default:
		where, values = "status = ? AND "+notCompleted+" AND ", append(values, string(q.Status))
	}
	return "SELECT number, " + selected + " FROM orders WHERE " + where + "number < ? ORDER BY number DESC LIMIT ?", values
}

// page reads the candidates, until it has as many orders as are asked for. One that has
// changed since it was found may be selected no more.
func (c candidates) page(conn *sqlite.Conn, q order.Query) (page order.Page, err error) {
	next := c.end
	for i, n := range c.numbers {
		if len(page.Orders) == q.Limit {
			next = c.numbers[i-1]
			break
		}
		o, found, err := orderByNumber(conn, n)
		if err != nil {
			return order.Page{}, err
		}
		if found && selects(q, o) {
			page.Orders = append(page.Orders, o)
		}
	}
	if next != 0 {
		page.Next = strconv.FormatInt(next, 10)
	}
	return page, nil
}

func selects(q order.Query, o order.Order) bool {
	return (q.UserID == "" || o.UserID == q.UserID) && (q.Caller == "" || o.Caller == q.Caller) && (q.Status == "" || o.Status == q.Status)
}

// numberBefore returns the Number before which the page begins, or of a ledger's page
// the entry. A cursor is the Number of the last order on a page, or of the last that was
// looked at for it, written in exactly one way.
func numberBefore(cursor string) (int64, error) {
	if cursor == "" {
		return math.MaxInt64, nil
	}
	last, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || last < 1 || strconv.FormatInt(last, 10) != cursor {
		return 0, event.Errorf(event.BadCursor, "no page begins at the cursor %q", cursor)
	}
	return last, nil
}
