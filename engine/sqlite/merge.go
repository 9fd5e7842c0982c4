package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// mergeStep is how many rows of a run are merged with one commit: what a commit
// takes longer by, one or two milliseconds, is what an order may have to wait.
const mergeStep = 512

// mergeRest is how long a merge that failed waits before it goes on.
const mergeRest = time.Second

// entry is a row of a lookup table.
type entry struct{ hash, number int64 }

// sorted is a run as the tables keep it: next to each other what is on one page.
func (r *run) sorted(hash func(lookup) int64) []entry {
	entries := make([]entry, len(r.orders))
	for i, l := range r.orders {
		entries[i] = entry{hash(l), l.number}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.number, b.number)) })
	return entries
}

// mergeRuns merges each full run into the tables, until ctx ends. A merge that is cut
// short is begun anew by the next process: the rows that it has written are there.
func (s orders) mergeRuns(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.lookups.wake:
		}
		for ctx.Err() == nil && !s.merge(ctx) {
			select {
			case <-ctx.Done():
			case <-time.After(mergeRest):
			}
		}
	}
}

// merge merges the full run, if there is one, and reports whether that is done.
func (s orders) merge(ctx context.Context) bool {
	s.lookups.mu.RLock()
	full := s.lookups.full
	s.lookups.mu.RUnlock()
	if full == nil {
		return true
	}
	err := s.insert(ctx, "INSERT OR IGNORE INTO orders_by_id (hash, number) VALUES (?, ?)", full.sorted(func(l lookup) int64 { return l.id }))
	if err == nil {
		err = s.insert(ctx, "INSERT OR IGNORE INTO orders_by_user (hash, number) VALUES (?, ?)", full.sorted(func(l lookup) int64 { return l.user }))
	}
	if err == nil {
		err = s.conclude(ctx, full)
	}
	return err == nil
}

// insert writes a sorted run, a step with each commit.
func (s orders) insert(ctx context.Context, query string, entries []entry) error {
	for step := range slices.Chunk(entries, mergeStep) {
		err := s.db.update(ctx, 0, func(t *tx) error {
			for _, e := range step {
				if err := derive(t, query, e.hash, e.number); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// derive writes what orders' rows say already. It counts for no write: whoever has
// an engine's writes fail, or a file that was moved refused, means those of a port.
func derive(t *tx, query string, values ...int64) error {
	s, err := prepare(t.conn, query)
	if err != nil {
		return err
	}
	for _, v := range values {
		s.integer(v)
	}
	return s.run()
}

// conclude notes durably that the tables hold every order up to the number, and
// then drops the run from memory.
func (s orders) conclude(ctx context.Context, full *run) error {
	last := full.last()
	err := s.db.update(ctx, 0, func(t *tx) error {
		return derive(t, "INSERT INTO merged (only_row, number) VALUES (1, ?) ON CONFLICT DO UPDATE SET number = max(number, excluded.number)", last)
	})
	if err == nil {
		s.lookups.mu.Lock()
		s.lookups.advance(last)
		s.lookups.spare = full
		s.lookups.mu.Unlock()
	}
	return err
}
