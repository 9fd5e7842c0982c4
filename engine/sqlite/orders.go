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
type orders struct {
	db      *database
	recent  *recent[order.Order]
	lookups *lookups
	tally   *tally
	alone   bool // whether no other process writes to the file
}

// newOrders reads what the lookups keep in memory.
func newOrders(db *database, o Options) (orders, error) {
	s := orders{db, newRecent("orders", order.Order.Clone), newLookups(o.RunLength), newTally(), o.access() == toMake}
	db.remember(s.recent, s.lookups, s.tally)
	if db.write == nil {
		return s, nil // whoever only reads may never ask
	}
	if err := db.view(context.Background(), s.lookups.catchUp); err != nil {
		return s, err
	}
	s.lookups.filter = new(filter)
	db.inBackground(s.fillFilter)
	return s, nil
}

const (
	orderColumns = `id, caller, user_id, status, reason, lines, total_amount, total_currency, payment_method,
		shortfall, restock, history, hold_until, due_at, attempts, fingerprint, rendering`
	selectOrders = `SELECT number, ` + orderColumns + ` FROM orders `
	insertOrder  = `INSERT INTO orders (` + orderColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateOrder = `UPDATE orders SET status = ?, reason = ?, lines = ?, total_amount = ?, total_currency = ?,
		shortfall = ?, restock = ?, history = ?, due_at = ?, attempts = ? WHERE number = ?`
)

func (s orders) Create(ctx context.Context, asked []order.Order) ([]order.Created, error) {
	created := make([]order.Created, len(asked))
	err := s.db.update(ctx, len(asked), func(t *tx) (err error) {
		for i, o := range asked {
			if created[i], err = s.create(t, o); err != nil {
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

// create inserts an order, or finds the one that has its id.
func (s orders) create(t *tx, o order.Order) (order.Created, error) {
	o = asStored(o)
	id := hash(o.OrderID)
	stored, found, err := s.byHash(t.conn, id, o.OrderID)
	if err != nil || found {
		return order.Created{Order: stored}, err
	}
	insert, err := prepare(t.conn, insertOrder)
	if err != nil {
		return order.Created{}, err
	}
	err = insert.text(o.OrderID).text(o.Caller).text(o.UserID).text(string(o.Status)).text(o.Reason).
		json(encodeLines(o.Lines)).money(o.Total).text(o.PaymentMethod).
		json(encodeShortfall(o.Short)).boolean(o.Restock).json(encodeHistory(o.History)).
		integer(o.HoldUntil.UnixMilli()).time(o.Due).integer(int64(o.Attempts)).
		blob(o.Fingerprint[:]).integer(int64(o.Rendering)).run()
	if err != nil {
		return order.Created{}, err
	}
	t.wrote = true
	o.Number = t.conn.LastInsertRowID()
	s.lookups.add(o.Number, id, hash(o.UserID))
	s.recent.put(o.Number, o)
	s.tally.move("", o.Status)
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

func (s orders) apply(t *tx, c order.Change) (event.Written[order.Order], error) {
	o, found, err := s.find(t, c.Ref)
	if err != nil || !found || !slices.Contains(c.From, o.Status) {
		return event.Written[order.Order]{Record: o}, err
	}
	c.At, c.Due, c.ReservedAt = milli(c.At), milli(c.Due), milli(c.ReservedAt)
	c.Lines, c.Short = slices.Clone(c.Lines), slices.Clone(c.Short)
	from := o.Status
	o.Apply(c)
	s.tally.move(from, o.Status)
	return event.Written[order.Order]{Record: o, Changed: true}, s.save(t, o)
}

// save writes what a change may have altered.
func (s orders) save(t *tx, o order.Order) error {
	update, err := prepare(t.conn, updateOrder)
	if err != nil {
		return err
	}
	t.wrote = true
	s.recent.put(o.Number, o)
	return update.text(string(o.Status)).text(o.Reason).json(encodeLines(o.Lines)).money(o.Total).
		json(encodeShortfall(o.Short)).boolean(o.Restock).json(encodeHistory(o.History)).
		time(o.Due).integer(int64(o.Attempts)).integer(o.Number).run()
}

// find finds an order by its number, which is quick, or by its id where the number is
// not known or not this order's.
func (s orders) find(t *tx, ref event.Ref) (order.Order, bool, error) {
	if ref.Number != 0 {
		if o, found, _ := s.recent.get(ref.Number); found && o.OrderID == ref.OrderID {
			return o, true, nil
		}
		o, found, err := orderByNumber(t.conn, ref.Number)
		if err != nil || found && o.OrderID == ref.OrderID {
			return o, found, err
		}
	}
	return s.byHash(t.conn, hash(ref.OrderID), ref.OrderID)
}

func orderByNumber(conn *sqlite.Conn, number int64) (order.Order, bool, error) {
	return firstOrder(queryOrders(conn, "WHERE number = ?", func(s *statement) { s.integer(number) }))
}

// byHash finds an order by its id, whose hash is given too.
func (s orders) byHash(conn *sqlite.Conn, hash int64, id string) (order.Order, bool, error) {
	numbers, err := s.lookups.byID(conn, hash)
	for _, n := range numbers {
		// A number that is taken back is given to another order.
		if o, found, err := orderByNumber(conn, n); err != nil || found && o.OrderID == id {
			return o, found, err
		}
	}
	return order.Order{}, false, err
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
		if err = s.follow(conn); err == nil {
			o, found, err = s.byHash(conn, hash(id), id)
		}
		if err == nil && !found {
			err = event.Errorf(event.NotFound, "no order %q", id)
		}
		return err
	})
	return o, err
}

// follow sees to it that what other processes have written is found.
func (s orders) follow(conn *sqlite.Conn) error {
	if s.alone {
		return nil
	}
	return s.lookups.catchUp(conn)
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
			o, found, err := s.find(t, p.Ref)
			if err != nil {
				return err
			}
			if !found || o.Due.IsZero() || !o.Due.Equal(milli(p.From)) {
				continue
			}
			o.Due, o.Attempts = milli(p.To), p.Attempts
			if err := s.save(t, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// pullBatch is how many orders are pulled in with one commit, so that others'
// orders need not wait for all of them.
const pullBatch = 1024

func (s orders) PullIn(ctx context.Context, to time.Time) (int, error) {
	for total := 0; ; {
		n := 0
		err := s.db.update(ctx, pullBatch, func(t *tx) error {
			late, err := queryOrders(t.conn, "WHERE due_at > ? LIMIT ?", func(s *statement) { s.integer(to.UnixMilli()).integer(pullBatch) })
			n = len(late)
			for _, o := range late {
				o.Due = milli(to)
				if err := s.save(t, o); err != nil {
					return err
				}
			}
			return err
		})
		if total += n; err != nil || n < pullBatch {
			return total, err
		}
	}
}
