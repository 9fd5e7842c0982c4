package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/payment"
)

// payments is payment.Store.
type payments struct{ *core }

func (s payments) Apply(ctx context.Context, changes []payment.Change) ([]event.Written[payment.Payment], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	written := make([]event.Written[payment.Payment], len(changes))
	err := s.write(func() {
		for i, c := range changes {
			p := s.Payments[c.OrderID]
			changed := slices.Contains(c.From, p.State)
			if changed {
				p.Apply(c)
				s.Payments[c.OrderID] = p
			}
			written[i] = event.Written[payment.Payment]{Record: p, Changed: changed}
		}
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

func (s payments) Get(ctx context.Context, refs []event.Ref) ([]payment.Payment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := make([]payment.Payment, len(refs))
	s.read(func() {
		for i, ref := range refs {
			found[i] = s.Payments[ref.OrderID]
		}
	})
	return found, nil
}

func (s payments) Scan(ctx context.Context, after int64, limit int) (page []payment.Payment, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.read(func() {
		for _, p := range s.Payments {
			if p.Number > after {
				page = append(page, p)
			}
		}
	})
	slices.SortFunc(page, func(a, b payment.Payment) int { return cmp.Compare(a.Number, b.Number) })
	return page[:min(limit, len(page))], nil
}

// ledger is simulated.Ledger.
type ledger struct{ *core }

func (s ledger) Update(ctx context.Context, ref event.Ref, change func([]simulated.Entry) []simulated.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := slices.Clone(s.Entries[ref.OrderID])
	for _, e := range change(slices.Clone(entries)) {
		at, found := slices.BinarySearchFunc(entries, e.Key, func(have simulated.Entry, key string) int { return cmp.Compare(have.Key, key) })
		if found {
			entries[at] = e
		} else {
			entries = slices.Insert(entries, at, e)
		}
	}
	if slices.Equal(entries, s.Entries[ref.OrderID]) {
		return nil
	}
	return s.commit(func() { s.Entries[ref.OrderID] = entries })
}

func (s ledger) Get(ctx context.Context, refs []event.Ref) ([][]simulated.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := make([][]simulated.Entry, len(refs))
	s.read(func() {
		for i, ref := range refs {
			found[i] = slices.Clone(s.Entries[ref.OrderID])
		}
	})
	return found, nil
}

func (s ledger) Scan(ctx context.Context, after int64, limit int) (page []simulated.Entry, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var books [][]simulated.Entry
	s.read(func() {
		for entries := range maps.Values(s.Entries) {
			if len(entries) > 0 && entries[0].Order.Number > after {
				books = append(books, slices.Clone(entries))
			}
		}
	})
	slices.SortFunc(books, func(a, b []simulated.Entry) int { return cmp.Compare(a[0].Order.Number, b[0].Order.Number) })
	return slices.Concat(books[:min(limit, len(books))]...), nil
}

func (s ledger) SetOutage(ctx context.Context, until time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.write(func() { s.OutageUntil = until })
}

func (s ledger) Outage(ctx context.Context) (until time.Time, err error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	s.read(func() { until = s.OutageUntil })
	return until, nil
}
