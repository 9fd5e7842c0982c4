package crash_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	embedded "holdfast/engine/sqlite"
	"holdfast/event"
)

const (
	queueFile = "payment.queue.db"
	messages  = 60
)

// TestPowerCutOfAQueue cuts the power at every request of a queue that is sent to
// and received from. It may lose messages, and bring back some that were done
// with; it may not be damaged, nor deliver what nobody sent.
func TestPowerCutOfAQueue(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	d := recordDisk(t, dir)
	useQueue(t, dir)
	d.cutEverywhere(t, func(left string, _ int) error { return usable(left) })
}

// message is the nth, counted from 1.
func message(n int) event.Event { return event.New(event.CancelRequestedClient, ref(n), noon) }

// useQueue sends messages one by one and is done with two of three. In between it
// moves the log into the file, or closes the file, which does that too.
func useQueue(t *testing.T, dir string) {
	t.Helper()
	for n := 1; n <= messages; n += messages / 6 {
		files, err := embedded.OpenQueues(embedded.QueueOptions{Dir: dir, Capacity: messages})
		if err != nil {
			t.Fatal(err)
		}
		for i := range messages / 6 {
			if i == messages/12 {
				checkpoint(t, dir, queueFile)
			}
			if err := handOver(files.Queues[event.Payment], n+i); err != nil {
				t.Fatal(err)
			}
		}
		if err := files.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// handOver sends a message and receives one.
func handOver(q event.Queue, n int) error {
	ctx := context.Background()
	if err := q.Send(ctx, []event.Event{message(n)}); err != nil {
		return err
	}
	got, err := q.Receive(ctx, 1, time.Hour)
	if err != nil {
		return err
	}
	if n%3 == 0 {
		return q.Retry(ctx, event.Return{Receipt: got[0].Receipt, After: time.Hour})
	}
	return q.Ack(ctx, got[0].Receipt)
}

// usable opens the queue that a power cut left, empties it, and uses it.
func usable(dir string) (err error) {
	files, err := embedded.OpenQueues(embedded.QueueOptions{Dir: dir, Capacity: 2 * messages})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	q, ctx := files.Queues[event.Payment], context.Background()
	if err := q.Send(ctx, []event.Event{message(messages + 1)}); err != nil {
		return err
	}
	if err := errors.Join(intact(dir), counts(dir)); err != nil {
		return err
	}
	last := event.Event{}
	for last.Number != messages+1 {
		got, err := q.Receive(ctx, 1, time.Hour)
		if err != nil {
			return err
		}
		if last = got[0].Event; !reflect.DeepEqual(last, message(int(last.Number))) {
			return fmt.Errorf("received %+v, which nobody sent", last)
		}
		if err := q.Ack(ctx, got[0].Receipt); err != nil {
			return err
		}
	}
	if d, err := q.Depth(ctx); err != nil || d.Ready+d.Delayed+d.InFlight != 0 {
		return fmt.Errorf("emptied, the queue holds %+v, %v", d, err)
	}
	return nil
}

// counts compares the file's own count of its messages with their number.
func counts(dir string) error {
	conn, err := sqlite.OpenConn(filepath.Join(dir, queueFile), sqlite.OpenReadOnly)
	if err != nil {
		return err
	}
	defer conn.Close()
	return sqlitex.ExecuteTransient(conn, "SELECT messages, (SELECT count(*) FROM messages) FROM total", &sqlitex.ExecOptions{
		ResultFunc: func(s *sqlite.Stmt) error {
			if counted, there := s.ColumnInt(0), s.ColumnInt(1); counted != there {
				return fmt.Errorf("the queue counts %d messages and holds %d", counted, there)
			}
			return nil
		}})
}
