package aws

import (
	"context"

	"holdfast/event"
)

// maxRaces bounds how often one change is tried again because another writer
// came between its read and its write.
const maxRaces = 16

// transition is a change of one record.
type transition[R any] struct {
	id string
	// next is the record after the change; false where the change does not apply
	// to the record as it stands. Where there is no record, exists is false and now
	// is the zero R. It may run several times, and alters nothing that now holds.
	next func(now R, exists bool) (after R, applies bool)
}

func (t transition[R]) from(r revised[R]) (R, bool) { return t.next(r.record, r.rev > 0) }

// apply makes the changes of one record one after another, those of different
// records at once, and answers each with its record as it then stands. A change
// that applies to what is remembered of the record, or to a record that is not
// there, is written without a read: the write's condition is the fence. One that
// does not is decided on the record as of now.
func (s *records[R]) apply(ctx context.Context, changes []transition[R]) ([]event.Written[R], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	groups := byRecord(changes)
	begin, err := s.begin(ctx, changes, groups)
	if err != nil {
		return nil, err
	}
	written := make([]event.Written[R], len(changes))
	err = each(ctx, len(groups), func(ctx context.Context, g int) (err error) {
		now := begin[g]
		for _, i := range groups[g] {
			if now, written[i].Changed, err = s.change(ctx, changes[i], now); err != nil {
				return err
			}
			written[i].Record = now.record
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// byRecord is the changes' indices by their record, each record's in turn.
func byRecord[R any](changes []transition[R]) (groups [][]int) {
	at := make(map[string]int, len(changes))
	for i, c := range changes {
		g, seen := at[c.id]
		if !seen {
			g = len(groups)
			at[c.id] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// begin is what the first change of each record is tried on.
func (s *records[R]) begin(ctx context.Context, changes []transition[R], groups [][]int) ([]revised[R], error) {
	begin := make([]revised[R], len(groups))
	var unsure []int
	var ids []string
	for g, members := range groups {
		first := changes[members[0]]
		r, _, err := s.remembered(first.id)
		if err != nil {
			return nil, err
		}
		if _, applies := first.from(r); !applies {
			unsure = append(unsure, g)
			ids = append(ids, first.id)
		}
		begin[g] = r
	}
	now, err := s.get(ctx, ids)
	if err != nil {
		return nil, err
	}
	for k, g := range unsure {
		begin[g] = now[k]
	}
	return begin, nil
}

// change makes one change of a record that was last seen as given, and returns it
// as it then stands.
func (s *records[R]) change(ctx context.Context, t transition[R], seen revised[R]) (now revised[R], changed bool, err error) {
	for try := 1; try <= maxRaces; try++ {
		after, applies := t.from(seen)
		if !applies {
			return seen, false, nil
		}
		if try > 1 {
			if err := s.pause(ctx, try); err != nil {
				return seen, false, err
			}
		}
		seen, changed, err = s.put(ctx, t.id, after, seen.rev)
		if changed || err != nil {
			return seen, changed, err
		}
	}
	return seen, false, event.Errorf(event.Unavailable, "%s: the record of order %q keeps changing under other writers", s.table, t.id)
}
