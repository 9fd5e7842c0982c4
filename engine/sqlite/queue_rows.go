package sqlite

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

const (
	selectTotal   = "SELECT messages FROM total"
	addToTotal    = "UPDATE total SET messages = messages + ?"
	insertMessage = "INSERT INTO messages (ready_at, count, sent_at, body) VALUES (?1, 0, ?1, ?2)"
	selectReady   = "SELECT EXISTS (SELECT 1 FROM messages WHERE ready_at <= ?)"
	// SQLite would compile a query anew for each value of a bare LIMIT ?.
	selectClaimable = "SELECT id, count, body FROM messages WHERE ready_at <= ? ORDER BY ready_at, id LIMIT ? + 0"
	claimMessage    = "UPDATE messages SET ready_at = ?, claim = ?, count = ? WHERE id = ?"
	deleteMessage   = "DELETE FROM messages WHERE id = ? AND claim = ?"
	returnMessage   = "UPDATE messages SET ready_at = ?, claim = NULL WHERE id = ? AND claim = ?"
	extendLease     = "UPDATE messages SET ready_at = ? WHERE id = ? AND claim = ?"
	readyAll        = "UPDATE messages SET ready_at = ?1, claim = NULL WHERE ready_at > ?1"
	selectDepth     = `SELECT (SELECT messages FROM total), count(*), count(claim), (SELECT sent_at FROM messages ORDER BY id LIMIT 1)
		FROM messages WHERE ready_at > ?`
)

// receipt names one delivery: a row, and the random number of the receive that
// claimed it. A row of the same id, in this file or one made anew, never has the
// same number.
type receipt struct{ id, claim int64 }

func (r receipt) String() string {
	return strconv.FormatInt(r.id, 36) + "-" + strconv.FormatInt(r.claim, 36)
}

// parseReceipt returns the zero receipt, which names nothing, for a text that no
// receive gave out.
func parseReceipt(text string) receipt {
	first, second, _ := strings.Cut(text, "-")
	id, errID := strconv.ParseInt(first, 36, 64)
	claim, errClaim := strconv.ParseInt(second, 36, 64)
	if errID != nil || errClaim != nil {
		return receipt{}
	}
	return receipt{id, claim}
}

func parseReceipts(texts []string) []receipt {
	all := make([]receipt, len(texts))
	for i, text := range texts {
		all[i] = parseReceipt(text)
	}
	return all
}

// message is a row as it is received.
type message struct {
	receipt
	count int
	body  []byte
}

// later is the first millisecond that is d or more after now.
func later(now time.Time, d time.Duration) int64 {
	return now.Add(d + time.Millisecond - 1).UnixMilli()
}

// insertMessages adds as many as there is room for, and returns how many.
func insertMessages(t *tx, bodies [][]byte, capacity int64, now time.Time) (int, error) {
	total, err := readTotal(t.conn)
	if err != nil {
		return 0, err
	}
	bodies = bodies[:min(len(bodies), int(max(capacity-total, 0)))]
	for _, body := range bodies {
		if err := t.exec(insertMessage, func(s *statement) { s.integer(now.UnixMilli()).blob(body) }); err != nil {
			return 0, err
		}
	}
	return len(bodies), count(t, len(bodies))
}

func readTotal(conn *sqlite.Conn) (total int64, err error) {
	s, err := prepare(conn, selectTotal)
	if err != nil {
		return 0, err
	}
	_, err = s.one(func(r *row) error {
		total = r.integer()
		return nil
	})
	return total, err
}

// count adds to the number of messages.
func count(t *tx, n int) error {
	if n == 0 {
		return nil
	}
	return t.exec(addToTotal, func(s *statement) { s.integer(int64(n)) })
}

func anyReady(conn *sqlite.Conn, now time.Time) (ready bool, err error) {
	s, err := prepare(conn, selectReady)
	if err != nil {
		return false, err
	}
	s.integer(now.UnixMilli())
	_, err = s.one(func(r *row) error {
		ready = r.boolean()
		return nil
	})
	return ready, err
}

// claimMessages leases up to limit messages that are ready, the longest-waiting
// first. Updating them row by row costs less than an UPDATE that returns them, and
// keeps their order.
func claimMessages(t *tx, now time.Time, limit int, lease time.Duration) ([]message, error) {
	claim, until := rand.Int64(), later(now, lease)
	claimed, err := claimable(t.conn, now, limit, claim)
	if err != nil {
		return nil, err
	}
	for _, m := range claimed {
		err := t.exec(claimMessage, func(s *statement) { s.integer(until).integer(claim).integer(int64(m.count)).integer(m.id) })
		if err != nil {
			return nil, err
		}
	}
	return claimed, nil
}

func claimable(conn *sqlite.Conn, now time.Time, limit int, claim int64) (found []message, err error) {
	s, err := prepare(conn, selectClaimable)
	if err != nil {
		return nil, err
	}
	err = s.integer(now.UnixMilli()).integer(int64(limit)).rows(func(r *row) error {
		found = append(found, message{receipt: receipt{r.integer(), claim}, count: int(r.integer()) + 1, body: r.bytes()})
		return nil
	})
	return found, err
}

// deleteMessages removes those whose receipts are good.
func deleteMessages(t *tx, receipts []receipt) error {
	deleted := 0
	for _, r := range receipts {
		if err := t.exec(deleteMessage, func(s *statement) { s.integer(r.id).integer(r.claim) }); err != nil {
			return err
		}
		deleted += t.conn.Changes()
	}
	return count(t, -deleted)
}

// returnMessages gives back those whose receipts are good.
func returnMessages(t *tx, returns []event.Return, now time.Time) error {
	for _, back := range returns {
		r := parseReceipt(back.Receipt)
		err := t.exec(returnMessage, func(s *statement) { s.integer(later(now, back.After)).integer(r.id).integer(r.claim) })
		if err != nil {
			return err
		}
	}
	return nil
}

// extendLeases has those whose receipts are good end at a time in Unix milliseconds.
func extendLeases(t *tx, receipts []receipt, end int64) error {
	for _, r := range receipts {
		if err := t.exec(extendLease, func(s *statement) { s.integer(end).integer(r.id).integer(r.claim) }); err != nil {
			return err
		}
	}
	return nil
}

// voidLeases makes ready what is leased or delayed.
func voidLeases(t *tx) error {
	return t.exec(readyAll, func(s *statement) { s.integer(time.Now().UnixMilli()) })
}

// depth counts what the file holds. It reads the messages that are leased or
// delayed, and the oldest.
func depth(conn *sqlite.Conn, now time.Time) (d event.Depth, err error) {
	s, err := prepare(conn, selectDepth)
	if err != nil {
		return d, err
	}
	_, err = s.integer(now.UnixMilli()).one(func(r *row) error {
		total, away := int(r.integer()), int(r.integer())
		d.InFlight = int(r.integer())
		d.Delayed, d.Ready = away-d.InFlight, max(total-away, 0)
		if oldest := r.time(); !oldest.IsZero() {
			d.Oldest = max(now.Sub(oldest), 0)
		}
		return nil
	})
	return d, err
}
