package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"holdfast/event"
	"holdfast/inventory"

	"zombiezen.com/go/sqlite"
)

// stock is inventory.Store over inventory.db.
type stock struct {
	db           *database
	reservations *recent[inventory.Reservation]
	rows         *stockRows
}

func newStock(db *database) stock {
	s := stock{db, newRecent("reservations", inventory.Reservation.Clone), newStockRows()}
	db.remember(s.reservations, s.rows)
	return s
}

const (
	reservationColumns = `number, order_id, state, lines, total_amount, total_currency, reason, shortfall,
		restocked, held_at, updated_at`
	selectReservations = "SELECT " + reservationColumns + " FROM reservations "
	writeReservation   = "INSERT OR REPLACE INTO reservations (" + reservationColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	ledgerColumns      = "adjustment_id, sku, delta, reason, at"
	selectLedger       = "SELECT entry, " + ledgerColumns + " FROM stock_ledger "
	insertLedgerRow    = "INSERT INTO stock_ledger (" + ledgerColumns + ") VALUES (nullif(?, ''), ?, ?, ?, ?)"
	// selectBalances also finds a SKU that has lost its row, or its ledger.
	selectBalances = `
		SELECT coalesce(s.sku, l.sku), s.available, s.reserved, s.sold, s.price_amount, s.price_currency,
			s.version, s.updated_at, l.total
		FROM stock s FULL JOIN (SELECT sku, sum(delta) AS total FROM stock_ledger GROUP BY sku) l ON l.sku = s.sku
		ORDER BY 1`
)

func (s stock) Apply(ctx context.Context, changes []inventory.Change) ([]event.Written[inventory.Reservation], error) {
	written := make([]event.Written[inventory.Reservation], len(changes))
	err := s.db.update(ctx, len(changes), func(t *tx) (err error) {
		for i, c := range changes {
			if written[i], err = s.apply(t, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

func (s stock) apply(t *tx, c inventory.Change) (event.Written[inventory.Reservation], error) {
	r, err := s.find(t, c.Ref)
	if err != nil || !slices.Contains(c.From, r.State) {
		return event.Written[inventory.Reservation]{Record: r}, err
	}
	if err := s.readStock(t, r, c); err != nil {
		return event.Written[inventory.Reservation]{}, err
	}
	c.At = milli(c.At)
	r.Apply(c, func(sku string) *inventory.Stock { return s.rows.bySKU[sku].Stock })
	return event.Written[inventory.Reservation]{Record: r, Changed: true}, s.save(t, r)
}

// find is findReservation, from memory if that can tell.
func (s stock) find(t *tx, ref event.Ref) (inventory.Reservation, error) {
	r, found, sure := s.reservations.get(ref.Number)
	switch {
	case !sure:
		return findReservation(t.conn, ref)
	case found && r.OrderID != ref.OrderID:
		return inventory.Reservation{}, otherOrder("inventory.db", ref, r.OrderID)
	}
	return r, nil
}

// readStock reads the stock rows that a change is about to use.
func (s stock) readStock(t *tx, r inventory.Reservation, c inventory.Change) error {
	if c.To == inventory.Held {
		for _, l := range c.Lines {
			if _, err := s.rows.get(t, l.SKU); err != nil {
				return err
			}
		}
		return nil
	}
	for _, l := range r.Lines {
		s, err := s.rows.get(t, l.SKU)
		if err != nil {
			return err
		}
		if s == nil {
			return fmt.Errorf("order %s names %s, which has no stock row; restore inventory.db from a backup", r.OrderID, l.SKU)
		}
	}
	return nil
}

func (s stock) save(t *tx, r inventory.Reservation) error {
	r.Left = nil // of this write alone
	s.reservations.put(r.Number, r)
	return t.exec(writeReservation, func(s *statement) {
		s.integer(r.Number).text(r.OrderID).text(string(r.State)).json(encodeLines(r.Lines)).money(r.Total).
			text(r.Reason).json(encodeShortfall(r.Short)).boolean(r.Restocked).time(r.HeldAt).integer(r.UpdatedAt.UnixMilli())
	})
}

func (s stock) Get(ctx context.Context, refs []event.Ref) ([]inventory.Reservation, error) {
	found := make([]inventory.Reservation, len(refs))
	err := s.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		for i, ref := range refs {
			if found[i], err = findReservation(conn, ref); err != nil {
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

// findReservation returns the order's reservation, the zero one if there is none.
func findReservation(conn *sqlite.Conn, ref event.Ref) (r inventory.Reservation, err error) {
	s, err := prepare(conn, selectReservations+"WHERE number = ?")
	if err != nil {
		return r, err
	}
	found, err := s.integer(ref.Number).one(func(w *row) (err error) {
		r, err = scanReservation(w)
		return err
	})
	if err != nil || found && r.OrderID != ref.OrderID {
		return inventory.Reservation{}, cmp.Or(err, otherOrder("inventory.db", ref, r.OrderID))
	}
	return r, nil
}

// otherOrder is the error of a row whose number and id disagree.
func otherOrder(file string, asked event.Ref, stored string) error {
	return event.Errorf(event.Conflict, "%s has order %s under the number %d of order %s; it does not belong with this order.db: restore both from one backup",
		file, stored, asked.Number, asked.OrderID)
}

func scanReservation(w *row) (r inventory.Reservation, err error) {
	r.Number, r.OrderID, r.State = w.integer(), w.text(), inventory.State(w.text())
	lines := w.text()
	r.Total, r.Reason = w.money(), w.text()
	shortfall := w.text()
	r.Restocked, r.HeldAt, r.UpdatedAt = w.boolean(), w.time(), w.time()

	var errLines, errShort error
	r.Lines, errLines = decodeLines(lines)
	r.Short, errShort = decode[event.Shortfall](shortfall)
	return r, cmp.Or(errLines, errShort)
}

func (s stock) Count(ctx context.Context, counts []inventory.Count) ([]inventory.Counted, error) {
	counted := make([]inventory.Counted, len(counts))
	err := s.db.update(ctx, len(counts), func(t *tx) (err error) {
		for i, c := range counts {
			if counted[i], err = s.count(t, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counted, nil
}

func (s stock) count(t *tx, c inventory.Count) (inventory.Counted, error) {
	old, err := s.rows.get(t, c.SKU)
	if err != nil {
		return inventory.Counted{}, err
	}
	c.At = milli(c.At)
	row, entry, refused := c.Apply(old)
	if refused != nil {
		return inventory.Counted{Stock: row, Err: refused}, nil
	}
	if old == nil {
		old = new(inventory.Stock)
		old.SKU = c.SKU
		s.rows.add(old)
	}
	*old = row
	return inventory.Counted{Stock: row}, addLedgerRow(t, entry)
}

func addLedgerRow(t *tx, row inventory.LedgerRow) error {
	return t.exec(insertLedgerRow, func(s *statement) {
		s.text(row.AdjustmentID).text(row.SKU).integer(row.Delta).text(row.Reason).integer(row.At.UnixMilli())
	})
}

func (s stock) Adjust(ctx context.Context, adjustments []inventory.Adjustment) ([]inventory.Adjusted, error) {
	adjusted := make([]inventory.Adjusted, len(adjustments))
	err := s.db.update(ctx, len(adjustments), func(t *tx) (err error) {
		for i, a := range adjustments {
			if adjusted[i], err = s.adjust(t, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return adjusted, nil
}

func (s stock) adjust(t *tx, a inventory.Adjustment) (done inventory.Adjusted, err error) {
	made, err := queryLedger(t.conn, "WHERE adjustment_id = ?", func(s *statement) { s.text(a.ID) })
	if err != nil {
		return done, err
	}
	if len(made) > 0 {
		done.Row, done.Err = a.Replay(made[0].LedgerRow)
		return done, nil
	}
	old, err := s.rows.get(t, a.SKU)
	if err != nil {
		return done, err
	}
	a.At = milli(a.At)
	var row inventory.Stock
	if row, done.Row, done.Err = a.Apply(old); done.Err != nil {
		return done, nil
	}
	*old = row
	return done, addLedgerRow(t, done.Row)
}

func (s stock) Stock(ctx context.Context, sku string) (inventory.Stock, error) {
	found, err := s.query(ctx, "WHERE sku = ?", func(s *statement) { s.text(sku) })
	if err != nil {
		return inventory.Stock{}, err
	}
	if len(found) == 0 {
		return inventory.Stock{}, event.Errorf(event.NotFound, "no SKU %q", sku)
	}
	return found[0], nil
}

func (s stock) List(ctx context.Context, after string, limit int) ([]inventory.Stock, error) {
	return s.query(ctx, "WHERE sku > ? ORDER BY sku LIMIT ?", func(s *statement) { s.text(after).integer(int64(limit)) })
}

// lowIndexed are the rows of the index stock_low, word for word: only then does SQLite
// see that it can serve (https://sqlite.org/partialindex.html#queries_using_partial_indexes).
// It holds what has at most so many units; more than that are found by reading the table.
const (
	lowIndexed   = "available <= 10"
	lowIndexedTo = 10
)

func (s stock) Low(ctx context.Context, atMost int64, limit int) ([]inventory.Stock, error) {
	return s.query(ctx, selectLow(atMost), func(s *statement) { s.integer(atMost).integer(int64(limit)) })
}

func selectLow(atMost int64) string {
	const few = "available <= ? ORDER BY available, sku LIMIT ?"
	if atMost > lowIndexedTo {
		return "WHERE " + few
	}
	return "WHERE " + lowIndexed + " AND " + few
}

func (s stock) query(ctx context.Context, where string, bind func(*statement)) ([]inventory.Stock, error) {
	var found []inventory.Stock
	err := s.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		found, err = queryStock(conn, where, bind)
		return err
	})
	return found, err
}

// Ledger's cursor is the entry of the last row on the page.
func (s stock) Ledger(ctx context.Context, q inventory.LedgerQuery) (page inventory.LedgerPage, err error) {
	before, err := numberBefore(q.Cursor)
	if err != nil {
		return page, err
	}
	var found []ledgerRow
	err = s.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		found, err = queryLedger(conn, pageOfLedger, func(s *statement) { s.text(q.SKU).integer(before).integer(int64(q.Limit) + 1) })
		return err
	})
	if len(found) > q.Limit {
		found = found[:q.Limit]
		page.Next = strconv.FormatInt(found[q.Limit-1].entry, 10)
	}
	for _, row := range found {
		page.Rows = append(page.Rows, row.LedgerRow)
	}
	return page, err
}

// pageOfLedger selects one row more than a page holds.
const pageOfLedger = "WHERE sku = ? AND entry < ? ORDER BY entry DESC LIMIT ?"

// ledgerRow is a row of the ledger and where it is: entries rise.
type ledgerRow struct {
	entry int64
	inventory.LedgerRow
}

// queryLedger reads the rows that the SQL after FROM selects.
func queryLedger(conn *sqlite.Conn, where string, bind func(*statement)) (found []ledgerRow, err error) {
	s, err := prepare(conn, selectLedger+where)
	if err != nil {
		return nil, err
	}
	bind(s)
	err = s.rows(func(r *row) error {
		found = append(found, ledgerRow{r.integer(), inventory.LedgerRow{AdjustmentID: r.text(), SKU: r.text(), Delta: r.integer(), Reason: r.text(), At: r.time()}})
		return nil
	})
	return found, err
}

func (s stock) Snapshot(ctx context.Context, each func(inventory.Reservation) error) ([]inventory.Balance, error) {
	var balances []inventory.Balance
	err := s.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		if err := execute(conn, "BEGIN"); err != nil {
			return err
		}
		defer func() {
			conn.SetInterrupt(nil) // else a ctx that has ended would keep the transaction open
			execute(conn, "ROLLBACK")
		}()
		if err := eachReservation(conn, each); err != nil {
			return err
		}
		balances, err = readBalances(conn)
		return err
	})
	return balances, err
}

func eachReservation(conn *sqlite.Conn, each func(inventory.Reservation) error) error {
	s, err := prepare(conn, selectReservations+"ORDER BY number")
	if err != nil {
		return err
	}
	return s.rows(func(w *row) error {
		r, err := scanReservation(w)
		if err != nil {
			return err
		}
		return each(r)
	})
}

func readBalances(conn *sqlite.Conn) (balances []inventory.Balance, err error) {
	s, err := prepare(conn, selectBalances)
	if err != nil {
		return nil, err
	}
	err = s.rows(func(r *row) error {
		balances = append(balances, inventory.Balance{Stock: scanStock(r), Ledger: r.integer()})
		return nil
	})
	return balances, err
}
