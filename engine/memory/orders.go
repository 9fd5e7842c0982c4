package memory

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"holdfast/event"
	"holdfast/order"
)

// orders is order.Store.
type orders struct{ *core }

func (s orders) Create(ctx context.Context, asked []order.Order) ([]order.Created, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	created := make([]order.Created, len(asked))
	err := s.write(func() {
		for i, o := range asked {
			at, taken := s.OrderIDs[o.OrderID]
			if !taken {
				at = len(s.Orders)
				o = o.Clone()
				o.Number = int64(at + 1)
				s.Orders = append(s.Orders, o)
				s.OrderIDs[o.OrderID] = at
			}
			created[i] = order.Created{Order: s.Orders[at].Clone(), New: !taken}
		}
	})
	if err != nil {
		return nil, err
	}
	return created, nil
}

func (s orders) Apply(ctx context.Context, changes []order.Change) ([]event.Written[order.Order], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	written := make([]event.Written[order.Order], len(changes))
	err := s.write(func() {
		for i, c := range changes {
			at, ok := s.OrderIDs[c.OrderID]
			if !ok {
				continue
			}
			o := &s.Orders[at]
			changed := slices.Contains(c.From, o.Status)
			if changed {
				o.Apply(c)
				*o = o.Clone() // shares nothing with the change
			}
			written[i] = event.Written[order.Order]{Record: o.Clone(), Changed: changed}
		}
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

func (s orders) Get(ctx context.Context, id string) (o order.Order, err error) {
	if err := ctx.Err(); err != nil {
		return order.Order{}, err
	}
	s.read(func() {
		at, ok := s.OrderIDs[id]
		if !ok {
			err = event.Errorf(event.NotFound, "no order %q", id)
			return
		}
		o = s.Orders[at].Clone()
	})
	return o, err
}

// List's cursor is the Number of the last order on the page.
func (s orders) List(ctx context.Context, q order.Query) (page order.Page, err error) {
	if err := ctx.Err(); err != nil {
		return order.Page{}, err
	}
	s.read(func() {
		var end int
		if end, err = placeBefore(q.Cursor, len(s.Orders)); err != nil {
			return
		}
		for at := end - 1; at >= 0; at-- {
			o := &s.Orders[at]
			if q.Caller != "" && o.Caller != q.Caller || q.UserID != "" && o.UserID != q.UserID || q.Status != "" && o.Status != q.Status {
				continue
			}
			if len(page.Orders) == q.Limit {
				page.Next = strconv.FormatInt(page.Orders[q.Limit-1].Number, 10)
				return
			}
			page.Orders = append(page.Orders, o.Clone())
		}
	})
	return page, err
}

// placeBefore is how many of n records, the oldest first, come before a page whose
// cursor is the place of the one before which it begins, counted from 1.
func placeBefore(cursor string, n int) (int, error) {
	if cursor == "" {
		return n, nil
	}
	place, err := strconv.Atoi(cursor)
	if err != nil || place < 1 || place > n || strconv.Itoa(place) != cursor {
		return 0, event.Errorf(event.BadCursor, "no page begins at the cursor %q", cursor)
	}
	return place - 1, nil
}

func (s orders) Due(ctx context.Context, at time.Time, limit int) (due []order.Order, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.read(func() {
		for i := range s.Orders {
			if o := &s.Orders[i]; !o.Due.IsZero() && !o.Due.After(at) {
				due = append(due, o.Clone())
			}
		}
	})
	slices.SortStableFunc(due, func(a, b order.Order) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Number, b.Number))
	})
	return due[:min(limit, len(due))], nil
}

func (s orders) Postpone(ctx context.Context, postponements []order.Postponement) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.write(func() {
		for _, p := range postponements {
			at, ok := s.OrderIDs[p.OrderID]
			if !ok {
				continue
			}
			if o := &s.Orders[at]; !o.Due.IsZero() && o.Due.Equal(p.From) {
				o.Due, o.Attempts = p.To, p.Attempts
			}
		}
	})
}

func (s orders) PullIn(ctx context.Context, to time.Time) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = s.write(func() {
		for i := range s.Orders {
			if o := &s.Orders[i]; o.Due.After(to) {
				o.Due = to
				n++
			}
		}
	})
	return n, err
}

func (s orders) Scan(ctx context.Context, after int64, limit int) (page []order.Order, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.read(func() {
		for at := after; at < int64(len(s.Orders)) && len(page) < limit; at++ {
			page = append(page, s.Orders[at].Clone())
		}
	})
	return page, nil
}

func (s orders) Tally(ctx context.Context) (order.Tally, error) {
	if err := ctx.Err(); err != nil {
		return order.Tally{}, err
	}
	t := order.Tally{ByStatus: make(map[order.Status]int)}
	s.read(func() {
		for i := range s.Orders {
			t.ByStatus[s.Orders[i].Status]++
		}
	})
	for _, status := range order.Open {
		t.Open += t.ByStatus[status]
	}
	return t, nil
}
