package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/engine/enginetest"
	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// openQueues opens queues for the length of the test.
func openQueues(tb testing.TB, o QueueOptions) *Queues {
	tb.Helper()
	if o.Capacity == 0 {
		o.Capacity = 1000
	}
	q, err := OpenQueues(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := q.Close(); err != nil {
			tb.Error(err)
		}
	})
	return q
}

func TestQueue(t *testing.T) {
	enginetest.RunQueue(t, func(t *testing.T) event.Queue {
		return openQueues(t, QueueOptions{Dir: t.TempDir()}).Queues[event.Payment]
	})
}

// Two of Queues over one folder stand for two processes.
func TestSharedQueue(t *testing.T) {
	enginetest.RunSharedQueue(t, func(t *testing.T) (a, b event.Queue) {
		dir := t.TempDir()
		a = openQueues(t, QueueOptions{Dir: dir}).Queues[event.Payment]
		b = openQueues(t, QueueOptions{Dir: dir, Shared: true}).Queues[event.Payment]
		return a, b
	})
}

// reserved is the nth StockReserved of a test.
func reserved(n int) event.Event {
	e := event.New(event.StockReserved, event.Ref{OrderID: fmt.Sprintf("order-%08d", n), Number: int64(n + 1)}, start)
	e.Lines, e.Total, e.ReservedAt = []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}, price, start
	return e
}

func reservations(n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = reserved(i)
	}
	return events
}

// sendTo sends n events to a queue.
func sendTo(tb testing.TB, q event.Queue, n int) {
	tb.Helper()
	if err := q.Send(context.Background(), reservations(n)); err != nil {
		tb.Fatal(err)
	}
}

// receiveFrom receives what is ready, which must be n events.
func receiveFrom(tb testing.TB, q event.Queue, n int, lease time.Duration) []event.Delivery {
	tb.Helper()
	d, err := q.Receive(context.Background(), n+1, lease)
	if err != nil || len(d) != n {
		tb.Fatalf("received %d, %v; want %d", len(d), err, n)
	}
	return d
}

func ackTo(tb testing.TB, q event.Queue, deliveries []event.Delivery) {
	tb.Helper()
	receipts := make([]string, len(deliveries))
	for i, d := range deliveries {
		receipts[i] = d.Receipt
	}
	if err := q.Ack(context.Background(), receipts...); err != nil {
		tb.Fatal(err)
	}
}

func wantDepth(tb testing.TB, q event.Queue, ready, inFlight int) {
	tb.Helper()
	d, err := q.Depth(context.Background())
	if err != nil || d.Ready != ready || d.InFlight != inFlight {
		tb.Errorf("depth %+v, %v; want %d ready, %d in flight", d, err, ready, inFlight)
	}
}

// wantWords fails unless err is Unavailable and says all of that.
func wantWords(tb testing.TB, err error, words ...string) {
	tb.Helper()
	if !errors.Is(err, event.Unavailable) {
		tb.Errorf("got %v, want Unavailable", err)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			tb.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestAQueueOutlivesItsProcessesAndLeasesTheirHolders(t *testing.T) {
	dir := t.TempDir()
	q, err := OpenQueues(QueueOptions{Dir: filepath.Join(dir, "made"), Capacity: 10})
	if err != nil {
		t.Fatal(err)
	}
	sendTo(t, q.Queues[event.Payment], 3)
	held, err := q.Queues[event.Payment].Receive(t.Context(), 1, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if logs, _ := filepath.Glob(filepath.Join(dir, "made", "*-wal")); len(logs) > 0 {
		t.Errorf("Close left %v behind", logs)
	}
	beside := openQueues(t, QueueOptions{Dir: filepath.Join(dir, "made"), Shared: true}).Queues[event.Payment]
	wantDepth(t, beside, 2, 1)
	alone := openQueues(t, QueueOptions{Dir: filepath.Join(dir, "made")}).Queues[event.Payment]
	wantDepth(t, alone, 3, 0)
	ackTo(t, alone, held)
	receiveFrom(t, alone, 3, time.Hour)
}

func TestSharedQueuesMustBeThere(t *testing.T) {
	for name, dir := range map[string]string{"empty": t.TempDir(), "missing": filepath.Join(t.TempDir(), "none")} {
		t.Run(name, func(t *testing.T) {
			_, err := OpenQueues(QueueOptions{Dir: dir, Shared: true})
			wantWords(t, err, "order.queue.db", "holdfast setup --data "+dir)
			if made, _ := filepath.Glob(filepath.Join(dir, "*.db")); len(made) > 0 {
				t.Errorf("%v were made", made)
			}
		})
	}
}

func TestQueuesOpenToReadAreOnlyCounted(t *testing.T) {
	dir := t.TempDir()
	audit := openQueues(t, QueueOptions{Dir: dir, ReadOnly: true}).Queues[event.Order]
	wantDepth(t, audit, 0, 0)
	if made, _ := os.ReadDir(dir); len(made) > 0 {
		t.Errorf("made %v", made)
	}
	live := openQueues(t, QueueOptions{Dir: dir}).Queues[event.Order]
	sendTo(t, live, 3)
	wantDepth(t, audit, 3, 0)
	_, errReceive := audit.Receive(t.Context(), 1, time.Hour)
	for _, err := range []error{
		audit.Send(t.Context(), reservations(1)), errReceive, audit.Ack(t.Context(), "1-1"),
		audit.Retry(t.Context(), event.Return{Receipt: "1-1"}), audit.Extend(t.Context(), time.Hour, "1-1"),
	} {
		wantWords(t, err, "read only")
	}
	wantDepth(t, live, 3, 0)
}

func TestATextThatIsNoReceiptNamesNothing(t *testing.T) {
	q := openQueues(t, QueueOptions{Dir: t.TempDir()}).Queues[event.Order]
	sendTo(t, q, 1)
	for _, text := range []string{"", "-", "1", "1-", "1-0", "x y-z", receiveFrom(t, q, 1, time.Hour)[0].Receipt + "0"} {
		ackTo(t, q, []event.Delivery{{Receipt: text}})
	}
	wantDepth(t, q, 0, 1)
}

func TestAFullDiskFailsTheSendAndLosesNothing(t *testing.T) {
	q := openQueues(t, QueueOptions{Dir: t.TempDir()}).Queues[event.Payment]
	sendTo(t, q, 2)
	limit := func(pages string) {
		t.Helper()
		err := q.(*queue).update(t.Context(), maxRows, func(t *tx) error {
			_, err := number(t.conn, "PRAGMA max_page_count = "+pages)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // SQLite takes it as: not one page more
	wantWords(t, q.Send(t.Context(), reservations(500)), "free some space")
	held := receiveFrom(t, q, 2, time.Hour)
	ackTo(t, q, held[:1])
	wantDepth(t, q, 0, 1)
	limit("1073741823")
	sendTo(t, q, 500)
	wantDepth(t, q, 500, 1)
}

// What has piled up while its reader was away must not stay in the files for
// good, nor make them larger when it happens again.
func TestAQueueThatPiledUpStaysBounded(t *testing.T) {
	dir := t.TempDir()
	q := openQueues(t, QueueOptions{Dir: dir, Capacity: 100_000}).Queues[event.Payment]
	pileUp(t, q, 100_000)
	sendTo(t, q, 5)
	if d, err := q.Depth(t.Context()); err != nil || d.Ready != 100_000 || d.Dropped != 5 {
		t.Errorf("depth %+v, %v", d, err)
	}
	drain(t, q, 100_000)
	first := size(t, dir, "payment.queue.db")
	pileUp(t, q, 20_000)
	drain(t, q, 20_000)
	if again := size(t, dir, "payment.queue.db"); again > first+first/20 {
		t.Errorf("the file has grown from %d to %d bytes", first, again)
	}
	if log := size(t, dir, "payment.queue.db-wal"); log > 32<<20 {
		t.Errorf("the log has %d bytes", log)
	}
	if rows := rowsIn(t, q); rows != 0 {
		t.Errorf("%d rows are left", rows)
	}
}

func pileUp(t *testing.T, q event.Queue, n int) {
	t.Helper()
	for ; n > 0; n -= 5000 {
		sendTo(t, q, 5000)
	}
}

func drain(t *testing.T, q event.Queue, n int) {
	t.Helper()
	for n > 0 {
		d, err := q.Receive(t.Context(), 5000, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		ackTo(t, q, d)
		n -= len(d)
	}
	wantDepth(t, q, 0, 0)
}

func size(t *testing.T, dir, file string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func rowsIn(t *testing.T, q event.Queue) (rows int64) {
	t.Helper()
	err := q.(*queue).use(func(db *database) error {
		return db.view(t.Context(), func(conn *sqlite.Conn) (err error) {
			rows, err = number(conn, "SELECT count(*) FROM messages")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// seenAfter is how long it takes an idle reader to receive what is sent after
// that time.
func seenAfter(t *testing.T, reader, sender event.Queue, idle time.Duration) time.Duration {
	t.Helper()
	sent := make(chan time.Time, 1)
	go func() {
		time.Sleep(idle)
		sent <- time.Now()
		if err := sender.Send(t.Context(), reservations(1)); err != nil {
			t.Error(err)
		}
	}()
	ackTo(t, reader, receiveFrom(t, reader, 1, time.Hour))
	return time.Since(<-sent)
}

func TestALookIsTheSoonerTheMoreAProcessHasToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		here, there := openQueues(t, QueueOptions{Dir: dir}), openQueues(t, QueueOptions{Dir: dir, Shared: true})
		mine, theirs := here.Queues[event.Payment], there.Queues[event.Payment]
		sendTo(t, here.Queues[event.Order], 1) // an answer is likely
		for _, test := range []struct{ idle, within time.Duration }{
			{5 * time.Millisecond, shortestWait}, {time.Second + 7*time.Millisecond, pauseWait}, {time.Minute, longestWait},
		} {
			if took := seenAfter(t, mine, theirs, test.idle); took > test.within {
				t.Errorf("after %v a look took %v to come, want at most %v", test.idle, took, test.within)
			}
		}
		time.Sleep(time.Minute)
		if took := seenAfter(t, mine, mine, time.Minute); took != 0 {
			t.Errorf("what the process itself sent was seen after %v", took)
		}
	})
}

// A Receive that waits leaves it to the system, once the queue is idle.
func TestAnIdleQueueIsToldOfWhatAnotherProcessSends(t *testing.T) {
	dir := t.TempDir()
	here := openQueues(t, QueueOptions{Dir: dir, Watch: true})
	mine, theirs := here.Queues[event.Payment].(*queue), openQueues(t, QueueOptions{Dir: dir, Shared: true}).Queues[event.Payment]
	for range 3 {
		here.busyAt.Store(0) // as after a long time without a message
		if watched, asOfNow := here.watcher.watch(mine); !watched || !asOfNow {
			t.Fatalf("watched %v, as of now %v", watched, asOfNow)
		}
		select {
		case <-mine.wake: // of the Receive before
		default:
		}
		waited := make(chan struct{})
		go func() {
			mine.wait(t.Context())
			close(waited)
		}()
		sendTo(t, theirs, 1)
		<-waited
		if p := here.pause(); p != shortestWait {
			t.Fatalf("the next look is due after %v: the queue waited in vain", p)
		}
		ackTo(t, mine, receiveFrom(t, mine, 1, time.Hour))
	}
}

// A process that idles must cost nothing, and hold up nobody.
func TestAReceiveThatFindsNothingWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		q := openQueues(t, QueueOptions{Dir: dir}).Queues[event.Payment]
		sendTo(t, q, 1)
		receiveFrom(t, q, 1, time.Hour)
		before := size(t, dir, "payment.queue.db-wal")
		defer begin(t, q.(*queue).db).Close()
		ctx, leave := context.WithTimeout(t.Context(), time.Minute)
		defer leave()
		if d, err := q.Receive(ctx, 1, time.Hour); err != nil || len(d) > 0 {
			t.Errorf("received %v, %v", d, err)
		}
		if after := size(t, dir, "payment.queue.db-wal"); after != before {
			t.Errorf("the log has grown from %d to %d bytes", before, after)
		}
	})
}
