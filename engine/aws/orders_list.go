package aws

import (
	"context"
	"math"
	"slices"
	"strconv"

	"holdfast/event"
	"holdfast/order"
)

// pageWork bounds what List does for one page: the read of an order counts one, a
// day that is opened as many as it has shards. A page that comes to it ends short,
// and the next goes on from there, so that no call reads the whole table for a
// status that is rare.
const pageWork = 1000

// List goes by the index of the user where caller and user are given, else through
// all orders by day, and selects among those it has read. A cursor is the Number
// before which the page begins.
func (s *orders) List(ctx context.Context, q order.Query) (order.Page, error) {
	before, err := numberBefore(q.Cursor)
	if err != nil {
		return order.Page{}, err
	}
	spans, err := s.newestFirst(ctx, q, before)
	if err != nil {
		return order.Page{}, err
	}
	l := listing{orders: s, query: q}
	for i, x := range spans {
		done, err := l.read(ctx, x, i == len(spans)-1)
		if err != nil {
			return order.Page{}, err
		}
		if done {
			break
		}
	}
	return l.page, nil
}

// newestFirst are the spans in which all orders of the query are, those with the
// greater Numbers first.
func (s *orders) newestFirst(ctx context.Context, q order.Query, before int64) ([]span, error) {
	if q.Caller != "" && q.UserID != "" {
		owner := []string{ownerOf(q.Caller, q.UserID)}
		return []span{{index: byUser, partitions: owner, low: 1, high: before - 1, descending: true}}, ctx.Err()
	}
	days, err := s.numbering.dated(ctx)
	if err != nil {
		return nil, err
	}
	var spans []span
	for _, day := range slices.Backward(days) {
		x, err := spanOf(day)
		if err != nil {
			return nil, err
		}
		if x.high, x.descending = min(x.high, before-1), true; x.low <= x.high {
			spans = append(spans, x)
		}
	}
	return spans, nil
}

// spanOf is all of a day's orders.
func spanOf(day string) (span, error) {
	low, err := startOf(day)
	return span{index: byDay, partitions: shardsOf(day+"#", dayShards), low: low, high: low + 24*60*60*1000<<timeShift - 1}, err
}

// numberBefore reads a cursor, which is written in exactly one way.
func numberBefore(cursor string) (int64, error) {
	if cursor == "" {
		return math.MaxInt64, nil
	}
	before, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || before < 1 || strconv.FormatInt(before, 10) != cursor {
		return 0, event.Errorf(event.BadCursor, "no page begins at the cursor %q", cursor)
	}
	return before, nil
}

// listing is a page in the making.
type listing struct {
	*orders
	query  order.Query
	page   order.Page
	work   int
	misses bool // some of the orders read are not selected
}

// read adds the orders of a span to the page. It is done when the page is
// complete; then Next says where the next one begins, if anything is behind.
func (l *listing) read(ctx context.Context, x span, last bool) (done bool, err error) {
	r := l.reader(x, l.query.Limit)
	l.work += len(x.partitions)
	for {
		entries, err := r.take(ctx, l.chunk())
		if err != nil {
			return false, err
		}
		at, behind := x.low, !last
		if len(entries) > 0 {
			n, err := l.look(ctx, entries)
			if err != nil {
				return false, err
			}
			at, behind = entries[n-1].at, behind || n < len(entries)
		}
		if !l.complete() && len(entries) > 0 {
			continue
		}
		if !behind {
			behind, err = r.more(ctx)
		}
		if l.complete() && behind {
			l.page.Next = strconv.FormatInt(at, 10)
		}
		return l.complete(), err
	}
}

func (l *listing) complete() bool {
	return len(l.page.Orders) == l.query.Limit || l.work >= pageWork
}

// chunk is how many orders to read next: what the page lacks, and more where the
// selection leaves some out.
func (l *listing) chunk() int {
	n := l.query.Limit - len(l.page.Orders)
	if l.misses {
		n *= 4
	}
	return min(n, batchGetLimit)
}

// look reads the orders of the entries, adds those that are selected until the
// page is full, and returns how many it has looked at.
func (l *listing) look(ctx context.Context, entries []indexEntry) (n int, err error) {
	found, err := l.get(ctx, idsOf(entries))
	if err != nil {
		return 0, err
	}
	l.work += len(entries)
	for n < len(found) && len(l.page.Orders) < l.query.Limit {
		if o := found[n].record; selects(l.query, o) {
			l.page.Orders = append(l.page.Orders, o)
		} else {
			l.misses = true
		}
		n++
	}
	return n, nil
}

// selects tells whether a query selects an order. Where an index is ahead of its
// table there is no order yet.
func selects(q order.Query, o order.Order) bool {
	return o.OrderID != "" && (q.Caller == "" || q.Caller == o.Caller) && (q.UserID == "" || q.UserID == o.UserID) &&
		(q.Status == "" || q.Status == o.Status)
}

// Scan goes through all orders by day.
func (s *orders) Scan(ctx context.Context, after int64, limit int) ([]order.Order, error) {
	days, err := s.numbering.dated(ctx)
	if err != nil {
		return nil, err
	}
	var entries []indexEntry
	for _, day := range days {
		x, err := spanOf(day)
		if err != nil {
			return nil, err
		}
		x.low = max(x.low, after+1)
		part, err := s.reader(x, limit).take(ctx, limit-len(entries))
		if err != nil {
			return nil, err
		}
		if entries = append(entries, part...); len(entries) == limit {
			break
		}
	}
	found, err := s.get(ctx, idsOf(entries))
	if err != nil {
		return nil, err
	}
	all := make([]order.Order, 0, len(found))
	for _, f := range found {
		all = append(all, f.record)
	}
	return all, nil
}
