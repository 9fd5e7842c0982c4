package sqlite

import (
	"context"
	"slices"
	"strings"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"

	"zombiezen.com/go/sqlite"
)

// ledger is simulated.Ledger over gateway.db.
type ledger struct {
	db     *database
	recent *recent[[]simulated.Entry]
}

func newLedger(db *database) ledger {
	l := ledger{db, newRecent("entries", slices.Clone[[]simulated.Entry])}
	db.remember(l.recent)
	return l
}

const (
	entryColumns  = "number, order_id, key, state, amount, currency, method, attempts, at"
	selectEntries = "SELECT " + entryColumns + " FROM entries "
	writeEntry    = "INSERT OR REPLACE INTO entries (" + entryColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

func (l ledger) Update(ctx context.Context, ref event.Ref, change func([]simulated.Entry) []simulated.Entry) error {
	return l.db.update(ctx, 1, func(t *tx) error {
		entries, err := l.find(t, ref)
		if err != nil {
			return err
		}
		for _, e := range change(slices.Clone(entries)) {
			e.Order, e.At = ref, milli(e.At)
			if slices.Contains(entries, e) {
				continue
			}
			if err := saveEntry(t, e); err != nil {
				return err
			}
			entries = append(slices.DeleteFunc(entries, func(old simulated.Entry) bool { return old.Key == e.Key }), e)
			slices.SortFunc(entries, byKey)
			l.recent.put(ref.Number, entries)
		}
		return nil
	})
}

// find is entriesOf, from memory if that can tell.
func (l ledger) find(t *tx, ref event.Ref) ([]simulated.Entry, error) {
	entries, found, sure := l.recent.get(ref.Number)
	switch {
	case !sure:
		return entriesOf(t.conn, ref)
	case found && entries[0].Order != ref:
		return nil, otherOrder("gateway.db", ref, entries[0].Order.OrderID)
	}
	return entries, nil
}

func byKey(a, b simulated.Entry) int { return strings.Compare(a.Key, b.Key) }

func saveEntry(t *tx, e simulated.Entry) error {
	return t.exec(writeEntry, func(s *statement) {
		s.integer(e.Order.Number).text(e.Order.OrderID).text(e.Key).text(string(e.State)).money(e.Amount).text(e.Method).
			integer(int64(e.Attempts)).integer(e.At.UnixMilli())
	})
}

func (l ledger) Get(ctx context.Context, refs []event.Ref) ([][]simulated.Entry, error) {
	found := make([][]simulated.Entry, len(refs))
	err := l.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		for i, ref := range refs {
			if found[i], err = entriesOf(conn, ref); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// entriesOf returns an order's entries in ascending Key. It sorts them itself:
// SQLite compiles a query with both ORDER BY and a parameter afresh for each
// value, which costs ten times what the query does.
func entriesOf(conn *sqlite.Conn, ref event.Ref) ([]simulated.Entry, error) {
	found, err := queryEntries(conn, "WHERE number = ?", func(s *statement) { s.integer(ref.Number) })
	slices.SortFunc(found, byKey)
	for _, e := range found {
		if e.Order != ref {
			return nil, otherOrder("gateway.db", ref, e.Order.OrderID)
		}
	}
	return found, err
}

func (l ledger) Scan(ctx context.Context, after int64, limit int) ([]simulated.Entry, error) {
	var found []simulated.Entry
	err := l.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		found, err = queryEntries(conn,
			"WHERE number IN (SELECT DISTINCT number FROM entries WHERE number > ? ORDER BY number LIMIT ?) ORDER BY number, key",
			func(s *statement) { s.integer(after).integer(int64(limit)) })
		return err
	})
	return found, err
}

// queryEntries reads the entries that the SQL after FROM selects.
func queryEntries(conn *sqlite.Conn, where string, bind func(*statement)) ([]simulated.Entry, error) {
	s, err := prepare(conn, selectEntries+where)
	if err != nil {
		return nil, err
	}
	bind(s)
	var found []simulated.Entry
	err = s.rows(func(r *row) error {
		found = append(found, simulated.Entry{
			Order: event.Ref{Number: r.integer(), OrderID: r.text()}, Key: r.text(), State: simulated.State(r.text()), Amount: r.money(),
			Method: r.text(), Attempts: int(r.integer()), At: r.time(),
		})
		return nil
	})
	return found, err
}

func (l ledger) SetOutage(ctx context.Context, until time.Time) error {
	return l.db.update(ctx, 1, func(t *tx) error {
		return t.exec("INSERT OR REPLACE INTO outage (only_row, until) VALUES (1, ?)", func(s *statement) { s.integer(until.UnixMilli()) })
	})
}

func (l ledger) Outage(ctx context.Context) (until time.Time, err error) {
	err = l.db.view(ctx, func(conn *sqlite.Conn) error {
		s, err := prepare(conn, "SELECT until FROM outage")
		if err != nil {
			return err
		}
		_, err = s.one(func(r *row) error {
			until = r.time()
			return nil
		})
		return err
	})
	return until, err
}
