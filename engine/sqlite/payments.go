package sqlite

import (
	"cmp"
	"context"
	"slices"

	"holdfast/event"
	"holdfast/payment"

	"zombiezen.com/go/sqlite"
)

// payments is payment.Store over payment.db.
type payments struct {
	db     *database
	recent *recent[payment.Payment]
}

func newPayments(db *database) payments {
	s := payments{db, newRecent("payments", func(p payment.Payment) payment.Payment { return p })}
	db.remember(s.recent)
	return s
}

const (
	paymentColumns = "number, order_id, state, amount, currency, method, restock, reserved_at, updated_at"
	selectPayments = "SELECT " + paymentColumns + " FROM payments "
	writePayment   = "INSERT OR REPLACE INTO payments (" + paymentColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

func (s payments) Apply(ctx context.Context, changes []payment.Change) ([]event.Written[payment.Payment], error) {
	written := make([]event.Written[payment.Payment], len(changes))
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

func (s payments) apply(t *tx, c payment.Change) (event.Written[payment.Payment], error) {
	p, err := s.find(t, c.Ref)
	if err != nil || !slices.Contains(c.From, p.State) {
		return event.Written[payment.Payment]{Record: p}, err
	}
	c.At, c.ReservedAt = milli(c.At), milli(c.ReservedAt)
	p.Apply(c)
	s.recent.put(p.Number, p)
	err = t.exec(writePayment, func(s *statement) {
		s.integer(p.Number).text(p.OrderID).text(string(p.State)).money(p.Amount).text(p.Method).
			boolean(p.Restock).time(p.ReservedAt).integer(p.UpdatedAt.UnixMilli())
	})
	return event.Written[payment.Payment]{Record: p, Changed: true}, err
}

// find is findPayment, from memory if that can tell.
func (s payments) find(t *tx, ref event.Ref) (payment.Payment, error) {
	p, found, sure := s.recent.get(ref.Number)
	switch {
	case !sure:
		return findPayment(t.conn, ref)
	case found && p.OrderID != ref.OrderID:
		return payment.Payment{}, otherOrder("payment.db", ref, p.OrderID)
	}
	return p, nil
}

func (s payments) Get(ctx context.Context, refs []event.Ref) ([]payment.Payment, error) {
	found := make([]payment.Payment, len(refs))
	err := s.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		for i, ref := range refs {
			if found[i], err = findPayment(conn, ref); err != nil {
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

// findPayment returns the order's payment, the zero one if there is none.
func findPayment(conn *sqlite.Conn, ref event.Ref) (p payment.Payment, err error) {
	s, err := prepare(conn, selectPayments+"WHERE number = ?")
	if err != nil {
		return p, err
	}
	found, err := s.integer(ref.Number).one(func(r *row) error {
		p = scanPayment(r)
		return nil
	})
	if err != nil || found && p.OrderID != ref.OrderID {
		return payment.Payment{}, cmp.Or(err, otherOrder("payment.db", ref, p.OrderID))
	}
	return p, nil
}

func (s payments) Scan(ctx context.Context, after int64, limit int) ([]payment.Payment, error) {
	var found []payment.Payment
	err := s.db.view(ctx, func(conn *sqlite.Conn) error {
		s, err := prepare(conn, selectPayments+"WHERE number > ? ORDER BY number LIMIT ?")
		if err != nil {
			return err
		}
		return s.integer(after).integer(int64(limit)).rows(func(r *row) error {
			found = append(found, scanPayment(r))
			return nil
		})
	})
	return found, err
}

func scanPayment(r *row) payment.Payment {
	return payment.Payment{
		Ref: event.Ref{Number: r.integer(), OrderID: r.text()}, State: payment.State(r.text()), Amount: r.money(), Method: r.text(),
		Restock: r.boolean(), ReservedAt: r.time(), UpdatedAt: r.time(),
	}
}
