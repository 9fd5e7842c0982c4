package sqlite

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"holdfast/event"
	"holdfast/order"

	"zombiezen.com/go/sqlite"
)

// openStatuses is the condition of the index orders_open, word for word: only
// then does SQLite see that the index can serve
// (https://sqlite.org/partialindex.html#queries_using_partial_indexes).
const openStatuses = "(status = 'PENDING' OR status = 'RESERVED' OR status = 'CANCELLING' OR status = 'REFUNDING')"

func (s orders) List(ctx context.Context, q order.Query) (order.Page, error) {
	before, err := numberBefore(q.Cursor)
	if err != nil {
		return order.Page{}, err
	}
	if q.UserID != "" {
		return s.listOfUser(ctx, q, before)
	}
	where, bind := selection(q, before)
	found, err := s.query(ctx, where, bind)
	if err != nil {
		return order.Page{}, err
	}
	page := order.Page{Orders: found}
	if len(found) > q.Limit {
		page.Orders = found[:q.Limit]
		page.Next = strconv.FormatInt(found[q.Limit-1].Number, 10)
	}
	return page, nil
}

// maxLooks bounds how many of a user's orders are read for a page. One that selects
// few of many may have to be followed for several pages.
const maxLooks = 1024

// listOfUser is List of one user's orders.
func (s orders) listOfUser(ctx context.Context, q order.Query, before int64) (page order.Page, err error) {
	err = s.db.view(ctx, func(conn *sqlite.Conn) error {
		if err := s.follow(conn); err != nil {
			return err
		}
		looks := min(q.Limit+1, maxLooks)
		if q.Caller != "" || q.Status != "" {
			looks = maxLooks
		}
		numbers, err := s.lookups.byUser(conn, hash(q.UserID), before, looks)
		for i, n := range numbers {
			if len(page.Orders) == q.Limit {
				page.Next = strconv.FormatInt(numbers[i-1], 10)
				return nil
			}
			o, found, err := orderByNumber(conn, n)
			if err != nil {
				return err
			}
			if found && selects(q, o) {
				page.Orders = append(page.Orders, o)
			}
		}
		if len(numbers) == looks {
			page.Next = strconv.FormatInt(numbers[looks-1], 10)
		}
		return err
	})
	return page, err
}

func selects(q order.Query, o order.Order) bool {
	return o.UserID == q.UserID && (q.Caller == "" || o.Caller == q.Caller) && (q.Status == "" || o.Status == q.Status)
}

// selection is the query's condition, for one order more than a page holds. A
// plus before a column keeps SQLite from an index that would make it sort all of
// an open status's orders.
func selection(q order.Query, before int64) (string, func(*statement)) {
	var where []string
	var values []string
	and := func(condition, value string) {
		where, values = append(where, condition), append(values, value)
	}
	byStatus := slices.Contains(order.Open, q.Status)
	if q.Caller != "" {
		and("+caller = ?", q.Caller)
	}
	if q.Status != "" {
		and(unlessIndexed("status = ?", byStatus), string(q.Status))
	}
	if byStatus {
		where = append(where, openStatuses)
	}
	where = append(where, "number < ?")
	return "WHERE " + strings.Join(where, " AND ") + " ORDER BY number DESC LIMIT ?", func(s *statement) {
		for _, v := range values {
			s.text(v)
		}
		s.integer(before).integer(int64(q.Limit) + 1)
	}
}

func unlessIndexed(condition string, indexed bool) string {
	if indexed {
		return condition
	}
	return "+" + condition
}

// numberBefore returns the Number before which the page begins. A cursor is the
// Number of the last order on a page, written in exactly one way.
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

func (s orders) Tally(context.Context) (order.Tally, error) { return order.Tally{}, nil }
