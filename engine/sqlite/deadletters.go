package sqlite

import (
	"context"
	"fmt"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// deadLetters is event.DeadLetters over the dead_letters table of a service's file.
type deadLetters struct{ db *database }

const (
	letterColumns = "id, event, reason, count, dead_at"
	selectLetters = "SELECT " + letterColumns + " FROM dead_letters "
	writeLetter   = "INSERT OR REPLACE INTO dead_letters (" + letterColumns + ") VALUES (?, ?, ?, ?, ?)"
	deleteLetter  = "DELETE FROM dead_letters WHERE id = ? AND dead_at = ?"
)

func (d deadLetters) Put(ctx context.Context, letters []event.DeadLetter) error {
	texts := make([]string, len(letters))
	for i, l := range letters {
		text, err := l.Event.Encode()
		if err != nil {
			return fmt.Errorf("encode event %s: %w", l.ID, err)
		}
		texts[i] = string(text)
	}
	return d.db.update(ctx, len(letters), func(t *tx) error {
		for i, l := range letters {
			err := t.exec(writeLetter, func(s *statement) {
				s.text(l.ID).text(texts[i]).text(l.Reason).integer(int64(l.Count)).integer(l.DeadAt.UnixMilli())
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (d deadLetters) List(ctx context.Context, after string, limit int) ([]event.DeadLetter, error) {
	return d.query(ctx, "WHERE id > ? ORDER BY id LIMIT ?", func(s *statement) { s.text(after).integer(int64(limit)) })
}

func (d deadLetters) Get(ctx context.Context, id string) (event.DeadLetter, error) {
	found, err := d.query(ctx, "WHERE id = ?", func(s *statement) { s.text(id) })
	if err != nil {
		return event.DeadLetter{}, err
	}
	if len(found) == 0 {
		return event.DeadLetter{}, event.Errorf(event.NotFound, "no dead letter %q", id)
	}
	return found[0], nil
}

// query reads the letters that the SQL after FROM selects.
func (d deadLetters) query(ctx context.Context, where string, bind func(*statement)) ([]event.DeadLetter, error) {
	var found []event.DeadLetter
	err := d.db.view(ctx, func(conn *sqlite.Conn) error {
		s, err := prepare(conn, selectLetters+where)
		if err != nil {
			return err
		}
		bind(s)
		return s.rows(func(r *row) error {
			l := event.DeadLetter{ID: r.text()}
			text := r.text()
			l.Reason, l.Count, l.DeadAt = r.text(), int(r.integer()), r.time()
			l.Event = event.Decode([]byte(text))
			found = append(found, l)
			return nil
		})
	})
	return found, err
}

func (d deadLetters) Delete(ctx context.Context, letters []event.DeadLetter) (n int, err error) {
	err = d.db.update(ctx, len(letters), func(t *tx) error {
		n = 0
		for _, l := range letters {
			if err := t.exec(deleteLetter, func(s *statement) { s.text(l.ID).integer(l.DeadAt.UnixMilli()) }); err != nil {
				return err
			}
			n += t.conn.Changes()
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (d deadLetters) Count(ctx context.Context) (int, error) {
	var n int64
	err := d.db.view(ctx, func(conn *sqlite.Conn) (err error) {
		n, err = number(conn, "SELECT count(*) FROM dead_letters")
		return err
	})
	return int(n), err
}
