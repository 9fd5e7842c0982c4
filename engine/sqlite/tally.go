package sqlite

import (
	"context"

	"holdfast/order"

	"zombiezen.com/go/sqlite"
)

// tally counts by how many orders each status gains in the writer's transaction, or
// loses. That is written once, with the orders; and as differences, for other
// processes may write to the file too.
type tally struct {
	gained map[order.Status]int64
}

func newTally() *tally { return &tally{make(map[order.Status]int64)} }

// move counts an order that comes from one status, empty if it is new, to another.
func (c *tally) move(from, to order.Status) {
	if from != "" {
		c.gained[from]--
	}
	c.gained[to]++
}

func (c *tally) begin(*sqlite.Conn, bool) error {
	clear(c.gained)
	return nil
}

func (c *tally) flush(t *tx) error {
	for status, n := range c.gained {
		if n == 0 {
			continue
		}
		err := t.exec("INSERT INTO tally (status, orders) VALUES (?, ?) ON CONFLICT DO UPDATE SET orders = orders + excluded.orders", func(s *statement) {
			s.text(string(status)).integer(n)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *tally) end(bool) {}

// Tally reads what the orders' own transactions have counted.
func (s orders) Tally(ctx context.Context) (order.Tally, error) {
	t := order.Tally{ByStatus: make(map[order.Status]int)}
	err := s.db.view(ctx, func(conn *sqlite.Conn) error {
		q, err := prepare(conn, "SELECT status, orders FROM tally")
		if err != nil {
			return err
		}
		return q.rows(func(r *row) error {
			status, n := order.Status(r.text()), int(r.integer())
			if t.ByStatus[status] = n; !status.Ended() {
				t.Open += n
			}
			return nil
		})
	})
	if err != nil {
		return order.Tally{}, err
	}
	return t, nil
}
