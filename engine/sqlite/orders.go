package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"holdfast/event"
	"holdfast/order"

	"zombiezen.com/go/sqlite"
)

// orders is order.Store over order.db.
type orders struct{ db *database }

const (
	orderColumns = `id, caller, user_id, status, reason, lines, total_amount, total_currency, payment_method,
		shortfall, restock, history, hold_until, due_at, attempts, fingerprint, rendering`
	selectOrders = `SELECT number, ` + orderColumns + ` FROM orders `
	insertOrder  = `INSERT INTO orders (` + orderColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`
	updateOrder = `UPDATE orders SET status = ?, reason = ?, lines = ?, total_amount = ?, total_currency = ?,
		shortfall = ?, restock = ?, history = ?, due_at = ?, attempts = ? WHERE number = ?`
)

func (s orders) Create(ctx context.Context, asked []order.Order) ([]order.Created, error) {
	created := make([]order.Created, len(asked))
	err := s.db.update(ctx, len(asked), func(t *tx) (err error) {
		for i, o := range asked {
			if created[i], err = createOrder(t, o); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return created, nil
}

// createOrder inserts an order, or finds the one that has its id.
func createOrder(t *tx, o order.Order) (order.Created, error) {
	o = asStored(o)
	s, err := prepare(t.conn, insertOrder)
	if err != nil {
		return order.Created{}, err
	}
	err = s.text(o.OrderID).text(o.Caller).text(o.UserID).text(string(o.Status)).text(o.Reason).
		json(encodeLines(o.Lines)).money(o.Total).text(o.PaymentMethod).
		json(encodeShortfall(o.Short)).boolean(o.Restock).json(encodeHistory(o.History)).
		integer(o.HoldUntil.UnixMilli()).time(o.Due).integer(int64(o.Attempts)).
		blob(o.Fingerprint[:]).integer(int64(o.Rendering)).run()
	if err != nil {
		return order.Created{}, err
	}
	if t.conn.Changes() == 0 {
		stored, _, err := orderByID(t.conn, o.OrderID)
		return order.Created{Order: stored}, err
	}
	t.wrote = true
	o.Number = t.conn.LastInsertRowID()
	return order.Created{Order: o, New: true}, nil
}

// asStored is the order as a later read returns it, sharing nothing with o.
func asStored(o order.Order) order.Order {
	o = o.Clone()
	o.HoldUntil, o.Due = milli(o.HoldUntil), milli(o.Due)
	for i := range o.History {
		o.History[i].At = milli(o.History[i].At)
	}
	return o
}

func (s orders) Apply(ctx context.Context, changes []order.Change) ([]event.Written[order.Order], error) {
	written := make([]event.Written[order.Order], len(changes))
	err := s.db.update(ctx, len(changes), func(t *tx) (err error) {
		for i, c := range changes {
			if written[i], err = applyToOrder(t, c); err != nil {
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

func applyToOrder(t *tx, c order.Change) (event.Written[order.Order], error) {
	o, found, err := findOrder(t.conn, c.Ref)
	if err != nil || !found || !slices.Contains(c.From, o.Status) {
		return event.Written[order.Order]{Record: o}, err
	}
	c.At, c.Due, c.ReservedAt = milli(c.At), milli(c.Due), milli(c.ReservedAt)
	c.Lines, c.Short = slices.Clone(c.Lines), slices.Clone(c.Short)
	o.Apply(c)
	return event.Written[order.Order]{Record: o, Changed: true}, saveOrder(t, o)
}

// saveOrder writes what a change may have altered.
func saveOrder(t *tx, o order.Order) error {
	s, err := prepare(t.conn, updateOrder)
	if err != nil {
		return err
	}
	t.wrote = true
	return s.text(string(o.Status)).text(o.Reason).json(encodeLines(o.Lines)).money(o.Total).
		json(encodeShortfall(o.Short)).boolean(o.Restock).json(encodeHistory(o.History)).
		time(o.Due).integer(int64(o.Attempts)).integer(o.Number).run()
}

// findOrder finds an order by its number, which is quick, or by its id where the
// number is not known or not this order's.
func findOrder(conn *sqlite.Conn, ref event.Ref) (order.Order, bool, error) {
	if ref.Number != 0 {
		found, err := queryOrders(conn, "WHERE number = ?", func(s *statement) { s.integer(ref.Number) })
		if err != nil || len(found) == 1 && found[0].OrderID == ref.OrderID {
			return firstOrder(found, err)
		}
	}
	return orderByID(conn, ref.OrderID)
}

func orderByID(conn *sqlite.Conn, id string) (order.Order, bool, error) {
	return firstOrder(queryOrders(conn, "WHERE id = ?", func(s *statement) { s.text(id) }))
}

func firstOrder(found []order.Order, err error) (order.Order, bool, error) {
	if err != nil || len(found) == 0 {
		return order.Order{}, false, err
	}
	return found[0], true, nil
}

// queryOrders reads the orders that the SQL after FROM selects.
func queryOrders(conn *sqlite.Conn, where string, bind func(*statement)) ([]order.Order, error) {
	s, err := prepare(conn, selectOrders+where)
	if err != nil {
		return nil, err
	}
	bind(s)
	var found []order.Order
	err = s.rows(func(r *row) error {
		o, err := scanOrder(r)
		found = append(found, o)
		return err
	})
	return found, err
}

func scanOrder(r *row) (o order.Order, err error) {
	o.Number, o.OrderID, o.Caller, o.UserID = r.integer(), r.text(), r.text(), r.text()
	o.Status, o.Reason = order.Status(r.text()), r.text()
	lines := r.text()
	o.Total, o.PaymentMethod = r.money(), r.text()
	shortfall := r.text()
	o.Restock = r.boolean()
	history := r.text()
	o.HoldUntil, o.Due, o.Attempts = r.time(), r.time(), int(r.integer())
	r.blob(o.Fingerprint[:])
	o.Rendering = int(r.integer())

	var errLines, errShort, errHistory error
	o.Lines, errLines = decodeLines(lines)
	o.Short, errShort = decode[event.Shortfall](shortfall)
	o.History, errHistory = decodeHistory(history)
	return o, cmp.Or(errLines, errShort, errHistory)
}

func (s orders) Get(ctx context.Context, id string) (order.Order, error) {
	var o order.Order
	err := s.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		var found bool
		if o, found, err = orderByID(conn, id); err == nil && !found {
			err = event.Errorf(event.NotFound, "no order %q", id)
		}
		return err
	})
	return o, err
}

func (s orders) Due(ctx context.Context, at time.Time, limit int) ([]order.Order, error) {
	return s.query(ctx, "WHERE due_at <= ? ORDER BY due_at, number LIMIT ?", func(s *statement) {
		s.integer(at.UnixMilli()).integer(int64(limit))
	})
}

func (s orders) Scan(ctx context.Context, after int64, limit int) ([]order.Order, error) {
	return s.query(ctx, "WHERE number > ? ORDER BY number LIMIT ?", func(s *statement) {
		s.integer(after).integer(int64(limit))
	})
}

func (s orders) query(ctx context.Context, where string, bind func(*statement)) ([]order.Order, error) {
	var found []order.Order
	err := s.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		found, err = queryOrders(conn, where, bind)
		return err
	})
	return found, err
}

func (s orders) Postpone(ctx context.Context, postponements []order.Postponement) error {
	return s.db.update(ctx, len(postponements), func(t *tx) error {
		for _, p := range postponements {
			err := t.exec("UPDATE orders SET due_at = ?, attempts = ? WHERE id = ? AND due_at = ?", func(s *statement) {
				s.time(p.To).integer(int64(p.Attempts)).text(p.OrderID).time(p.From)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s orders) PullIn(ctx context.Context, to time.Time) (int, error) {
	n := 0
	err := s.db.update(ctx, maxRows, func(t *tx) error {
		err := t.exec("UPDATE orders SET due_at = ?1 WHERE due_at > ?1", func(s *statement) { s.integer(to.UnixMilli()) })
		n = t.conn.Changes()
		return err
	})
	return n, err
}
