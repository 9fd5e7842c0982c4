package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"holdfast/event"
	"holdfast/order"
)

// openStatuses is the condition of the index orders_open, word for word: only
// then does SQLite see that the index can serve
// (https://sqlite.org/partialindex.html#queries_using_partial_indexes).
const openStatuses = "(status = 'PENDING' OR status = 'RESERVED' OR status = 'CANCELLING' OR status = 'REFUNDING')"

func (s orders) List(ctx context.Context, q order.Query) (order.Page, error) {
	before, err := readCursor(q)
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
		page.Next = cursor(q, found[q.Limit-1].Number)
	}
	return page, nil
}

// selection is the query's condition, for one order more than a page holds. A
// plus before a column keeps SQLite from an index that would make it sort all
// of a caller's orders, or all of an open status's for one user's few.
func selection(q order.Query, before int64) (string, func(*statement)) {
	var where []string
	var values []string
	and := func(condition, value string) {
		where, values = append(where, condition), append(values, value)
	}
	byUser := q.Caller != "" && q.UserID != ""
	byStatus := !byUser && slices.Contains(order.Open, q.Status)
	if q.Caller != "" {
		and(unlessIndexed("caller = ?", byUser), q.Caller)
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

// cursor is the Number of the last order on a page, and a check sum over it and
// the query, so that no cursor is mistaken for another list's.
func cursor(q order.Query, last int64) string {
	text := binary.BigEndian.AppendUint64(nil, uint64(last))
	sum := sha256.Sum256([]byte(q.Caller + "\x00" + q.UserID + "\x00" + string(q.Status) + "\x00" + string(text)))
	return base64.RawURLEncoding.EncodeToString(append(text, sum[:8]...))
}

// readCursor returns the Number before which the page begins.
func readCursor(q order.Query) (int64, error) {
	if q.Cursor == "" {
		return math.MaxInt64, nil
	}
	text, _ := base64.RawURLEncoding.DecodeString(q.Cursor)
	if len(text) >= 8 {
		// Made again, for base64 reads more texts than it writes.
		if last := int64(binary.BigEndian.Uint64(text)); cursor(q, last) == q.Cursor {
			return last, nil
		}
	}
	return 0, event.Errorf(event.BadCursor, "the cursor does not belong to this list; take next_cursor from its page before, or leave it out")
}
