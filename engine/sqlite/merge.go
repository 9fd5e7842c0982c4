package sqlite

import (
	"cmp"
	"slices"
)

// rowsAnOrder is how many rows of a run are merged for each new order, in the new
// order's own transaction: it brings two rows itself, later, so that a run is merged
// before the next one is full, however fast orders come; and no commit is made, nor
// made much longer, for the sake of merging.
const rowsAnOrder = 2.25

// entry is a row of a lookup table.
type entry struct{ hash, number int64 }

// merge is a run on its way into the tables, each of them in its own order: next to
// each other what is on one page.
type merge struct {
	ids, users []entry // all of the run
	last       int64   // its highest number
	done       int     // rows that are in the tables: the ids, then the users
	written    int     // rows that the writer's transaction adds
}

// sort makes a merge of the full run, and has it begin.
func (l *lookups) sort(full *run) {
	m := &merge{
		ids: full.sorted(func(l lookup) int64 { return l.id }), users: full.sorted(func(l lookup) int64 { return l.user }),
		last: full.last(),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full == full {
		l.merge = m
	}
}

func (r *run) sorted(hash func(lookup) int64) []entry {
	entries := make([]entry, len(r.orders))
	for i, l := range r.orders {
		entries[i] = entry{hash(l), l.number}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.number, b.number)) })
	return entries
}

// rows are n more of those to be written, or as many as are left.
func (m *merge) rows(n int) (ids, users []entry) {
	from, to := m.done, min(m.done+n, len(m.ids)+len(m.users))
	both := len(m.ids)
	return m.ids[min(from, both):min(to, both)], m.users[max(from-both, 0):max(to-both, 0)]
}

// over reports whether everything is written with the transaction that is open.
func (m *merge) over() bool { return m.done+m.written == len(m.ids)+len(m.users) }

// write adds n rows. A merge that was cut short is begun anew by the next process,
// which finds some rows there.
func (m *merge) write(t *tx, n int) error {
	ids, users := m.rows(n)
	if err := insert(t, "INSERT OR IGNORE INTO orders_by_id (hash, number) VALUES (?, ?)", ids); err != nil {
		return err
	}
	if err := insert(t, "INSERT OR IGNORE INTO orders_by_user (hash, number) VALUES (?, ?)", users); err != nil {
		return err
	}
	m.written = len(ids) + len(users)
	if !m.over() {
		return nil
	}
	return t.exec("INSERT INTO merged (only_row, number) VALUES (1, ?) ON CONFLICT DO UPDATE SET number = max(number, excluded.number)", func(s *statement) {
		s.integer(m.last)
	})
}

func insert(t *tx, query string, entries []entry) error {
	for _, e := range entries {
		if err := t.exec(query, func(s *statement) { s.integer(e.hash).integer(e.number) }); err != nil {
			return err
		}
	}
	return nil
}
