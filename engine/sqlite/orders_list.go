package sqlite

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"holdfast/event"
	"holdfast/order"
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

// selection is the query's condition, for one order more than a page holds. A
// plus before a column keeps SQLite from an index that would make it sort all of
// an open status's orders for one user's few.
func selection(q order.Query, before int64) (string, func(*statement)) {
	var where []string
	var values []string
	and := func(condition, value string) {
		where, values = append(where, condition), append(values, value)
	}
	byUser := q.UserID != ""
	byStatus := !byUser && slices.Contains(order.Open, q.Status)
	if q.Caller != "" {
		and("+caller = ?", q.Caller)
	}
	if q.UserID != "" {
		and(unlessIndexed("user_id = ?", byUser), q.UserID)
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
