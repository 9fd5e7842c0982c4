package sqlite

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// paymentQueues are two handles of one queue, as two processes have them.
func paymentQueues(t *testing.T) (path string, a, b event.Queue) {
	t.Helper()
	dir := t.TempDir()
	a = openQueues(t, QueueOptions{Dir: dir}).Queues[event.Payment]
	b = openQueues(t, QueueOptions{Dir: dir, Shared: true}).Queues[event.Payment]
	return filepath.Join(dir, "payment.queue.db"), a, b
}

func deleteFiles(t *testing.T, path string, suffixes ...string) {
	t.Helper()
	for _, suffix := range suffixes {
		if err := os.Remove(path + suffix); err != nil {
			t.Fatal(err)
		}
	}
}

// eachCall are the ways to use a queue, each of which must notice what has
// become of its file.
func eachCall(t *testing.T, q event.Queue, held event.Delivery) map[string]func() error {
	return map[string]func() error{
		"Send": func() error { return q.Send(t.Context(), reservations(1)) },
		"Receive": func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := q.Receive(ctx, 1, time.Hour)
			return err
		},
		"Ack":    func() error { return q.Ack(t.Context(), held.Receipt) },
		"Retry":  func() error { return q.Retry(t.Context(), event.Return{Receipt: held.Receipt}) },
		"Extend": func() error { return q.Extend(t.Context(), time.Hour, held.Receipt) },
		"Depth": func() error {
			_, err := q.Depth(t.Context())
			return err
		},
	}
}

func TestAQueueFileThatVanishesIsMadeAnew(t *testing.T) {
	for what, suffixes := range map[string][]string{"with its log": {"", "-wal", "-shm"}, "without its log": {""}} {
		for call := range eachCall(t, nil, event.Delivery{}) {
			t.Run(call+" of one deleted "+what, func(t *testing.T) {
				path, a, b := paymentQueues(t)
				sendTo(t, a, 3)
				held := receiveFrom(t, b, 3, time.Hour)[0]
				deleteFiles(t, path, suffixes...)
				wantWords(t, eachCall(t, b, held)[call](), path, "moved, replaced or deleted", "sent again by the sweeper")
				wantDepth(t, b, 0, 0)
				sendTo(t, b, 2)
				wantWords(t, a.Send(t.Context(), reservations(1)), "moved, replaced or deleted")
				wantDepth(t, a, 2, 0)
				ackTo(t, a, receiveFrom(t, a, 2, time.Hour))
				wantDepth(t, b, 0, 0)
				wantIntact(t, a)
			})
		}
	}
}

func wantIntact(t *testing.T, q event.Queue) {
	t.Helper()
	err := q.(*queue).use(func(db *database) error {
		return db.view(t.Context(), func(conn *sqlite.Conn) error { return intact(t, conn, db.path) })
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAReceiveThatWaitsNoticesThatTheFileVanished(t *testing.T) {
	path, a, b := paymentQueues(t)
	failed := make(chan error)
	go func() {
		_, err := b.Receive(t.Context(), 1, time.Hour)
		failed <- err
	}()
	deleteFiles(t, path, "", "-wal", "-shm")
	wantWords(t, <-failed, "moved, replaced or deleted")
	wantWords(t, a.Send(t.Context(), reservations(1)), "moved, replaced or deleted")
	sendTo(t, a, 1)
	receiveFrom(t, b, 1, time.Hour)
}

func TestAReceiptOfAVanishedFileNamesNothingInTheNext(t *testing.T) {
	path, q, _ := paymentQueues(t)
	sendTo(t, q, 3)
	old := receiveFrom(t, q, 3, time.Hour)
	deleteFiles(t, path, "")
	wantWords(t, q.Send(t.Context(), reservations(3)))
	sendTo(t, q, 3)
	again := receiveFrom(t, q, 3, time.Hour)
	ackTo(t, q, old)
	if err := q.Retry(t.Context(), event.Return{Receipt: old[0].Receipt}); err != nil {
		t.Error(err)
	}
	wantDepth(t, q, 0, 3)
	ackTo(t, q, again)
	wantDepth(t, q, 0, 0)
}

// A row's id comes again once the queue was empty.
func TestAReceiptOfAReusedRowNamesNothing(t *testing.T) {
	_, q, _ := paymentQueues(t)
	var old []event.Delivery
	for range 3 {
		sendTo(t, q, 1)
		now := receiveFrom(t, q, 1, time.Hour)
		ackTo(t, q, old)
		wantDepth(t, q, 0, 1)
		ackTo(t, q, now)
		old = append(old, now...)
	}
}

// damaged is a folder with a queue whose file has had its pages after the first
// n bytes overwritten.
func damaged(t *testing.T, n int) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	q, err := OpenQueues(QueueOptions{Dir: dir, Capacity: 1000})
	if err != nil {
		t.Fatal(err)
	}
	sendTo(t, q.Queues[event.Payment], 500)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "payment.queue.db")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(content[n:], bytes.Repeat([]byte{0xa5}, len(content)))
	writeFile(t, path, content)
	return dir, path
}

func TestADamagedQueueSaysThatItMayBeDeleted(t *testing.T) {
	for name, keep := range map[string]int{"in its header": 0, "in its rows": 4096} {
		for mode, shared := range map[string]bool{"": false, " shared": true} {
			t.Run(name+mode, func(t *testing.T) {
				dir, path := damaged(t, keep)
				q, err := OpenQueues(QueueOptions{Dir: dir, Shared: shared, Capacity: 1000})
				if err == nil {
					defer q.Close()
					_, err = q.Queues[event.Payment].Receive(t.Context(), 1, time.Hour)
				}
				wantWords(t, err, path, "damaged", "delete it", "no order is lost")
			})
		}
	}
}

func TestADamagedQueueThatWasDeletedIsMadeAnewWhileInUse(t *testing.T) {
	dir, path := damaged(t, 4096)
	q := openQueues(t, QueueOptions{Dir: dir, Shared: true}).Queues[event.Payment]
	for range 2 {
		wantWords(t, q.Send(t.Context(), reservations(1)), "damaged")
	}
	deleteFiles(t, path, "")
	wantWords(t, q.Send(t.Context(), reservations(1)), "moved, replaced or deleted")
	sendTo(t, q, 1)
	ackTo(t, q, receiveFrom(t, q, 1, time.Hour))
	wantIntact(t, q)
}

func TestAQueueOfAnotherServiceOrANewerBuildIsRefused(t *testing.T) {
	path, _, _ := paymentQueues(t)
	dir := filepath.Dir(path)
	script(t, path, "PRAGMA user_version = 99")
	for _, o := range []QueueOptions{{Dir: dir}, {Dir: dir, Shared: true}} {
		_, err := OpenQueues(o)
		wantWords(t, err, path, "run the newer holdfast")
	}
	script(t, path, "PRAGMA user_version = 1; PRAGMA application_id = 0x4846716f")
	_, err := OpenQueues(QueueOptions{Dir: dir})
	wantWords(t, err, path, "not Holdfast's payment.queue.db")
}

func TestAFileThatCannotBeUsedInPlaceOfAQueueIsRefusedUntilItIsGone(t *testing.T) {
	path, q, _ := paymentQueues(t)
	deleteFiles(t, path, "", "-wal", "-shm")
	script(t, path, "CREATE TABLE later (x); PRAGMA application_id = 0x48467170; PRAGMA user_version = 99")
	wantWords(t, q.Send(t.Context(), reservations(1)), "moved, replaced or deleted")
	for range 2 {
		wantWords(t, q.Send(t.Context(), reservations(1)), path, "run the newer holdfast")
	}
	deleteFiles(t, path, "")
	sendTo(t, q, 1)
	ackTo(t, q, receiveFrom(t, q, 1, time.Hour))
}
