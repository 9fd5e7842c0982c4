package aws

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
)

// pigeonhole keeps dead letters, unless it is out.
type pigeonhole struct {
	event.DeadLetters
	mu      sync.Mutex
	out     int // this many Puts fail
	letters []event.DeadLetter
}

func (b *pigeonhole) Put(_ context.Context, letters []event.DeadLetter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.out--; b.out >= 0 {
		return event.Errorf(event.Unavailable, "the table is out")
	}
	b.letters = append(b.letters, letters...)
	return nil
}

func (b *pigeonhole) kept() []event.DeadLetter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.letters)
}

// deadQueue answers as a dead-letter queue does that holds two messages until
// they are deleted. A message that was received comes again after its lease.
type deadQueue struct {
	t *testing.T
	b *pigeonhole

	mu      sync.Mutex
	away    time.Time
	deleted int
	failing int // this many requests fail
}

func (q *deadQueue) answer(c sqsCall) any {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failing--; q.failing >= 0 {
		return sqsFailure{400, "QueueDoesNotExist", "gone"}
	}
	switch c.op {
	case "GetQueueUrl":
		return map[string]string{"QueueUrl": "https://example.com/1/" + c.QueueName}
	case "DeleteMessageBatch":
		if len(q.b.kept()) == 0 {
			q.t.Error("the messages were deleted before their rows were written")
		}
		q.deleted += len(c.Entries)
		return done(c)
	}
	if q.deleted == 0 && time.Now().After(q.away) {
		q.away = time.Now().Add(time.Duration(c.VisibilityTimeout) * time.Second)
		return stored(q.t, "dead", 2)
	}
	q.mu.Unlock()
	defer q.mu.Lock()
	return slowPoll(map[string]any{})(c)
}

// drained runs a drain for ten minutes and returns its log.
func drained(t *testing.T, q *deadQueue) string {
	var log bytes.Buffer
	f := &fakeSQS{answer: q.answer}
	c := f.core()
	c.log = slog.New(slog.NewTextHandler(&log, nil))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	died := 0
	c.drain(ctx, event.Payment, q.b, func() { died++ })
	if died < len(q.b.kept()) {
		t.Errorf("%d letters were kept, %d heard of", len(q.b.kept()), died)
	}
	if name := f.made()[0].QueueName; name != "shop-payment-dlq" {
		t.Errorf("drained %s", name)
	}
	return log.String()
}

func TestWhatSQSGaveUpOnBecomesDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &deadQueue{t: t, b: &pigeonhole{}}
		log := drained(t, q)
		kept := q.b.kept()
		if len(kept) != 2 || q.deleted != 2 {
			t.Fatalf("%d rows, %d deleted; want 2 and 2", len(kept), q.deleted)
		}
		for i, l := range kept {
			if l.ID != settled(i).ID() || l.Count != 2 || l.DeadAt.IsZero() || !strings.Contains(l.Reason, "received 2 times without an end") {
				t.Errorf("%+v", l)
			}
			if !strings.Contains(log, l.ID) {
				t.Errorf("the log does not name %s:\n%s", l.ID, log)
			}
		}
	})
}

func TestADeadMessageStaysUntilItsRowIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &deadQueue{t: t, b: &pigeonhole{out: 1}}
		log := drained(t, q)
		if len(q.b.kept()) != 2 || q.deleted != 2 {
			t.Errorf("%d rows, %d deleted after an outage; want 2 and 2", len(q.b.kept()), q.deleted)
		}
		if !strings.Contains(log, "the table is out") || !strings.Contains(log, "is drained again") {
			t.Errorf("the log tells of no outage:\n%s", log)
		}
	})
}

func TestADrainOutlivesAnOutageAndSpeaksOfItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &deadQueue{t: t, b: &pigeonhole{}, failing: 50}
		log := drained(t, q)
		if len(q.b.kept()) != 2 {
			t.Errorf("%d rows after the outage", len(q.b.kept()))
		}
		if n := strings.Count(log, "cannot be drained now"); n != 1 || !strings.Contains(log, "shop-payment-dlq") {
			t.Errorf("the outage is told of %d times:\n%s", n, log)
		}
	})
}

func TestADrainEndsWithItsContextAndFinishesWhatItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q := &deadQueue{t: t, b: &pigeonhole{}}
		f := &fakeSQS{answer: func(c sqsCall) any {
			if c.op == "ReceiveMessage" {
				defer cancel()
			}
			return q.answer(c)
		}}
		f.core().drain(ctx, event.Payment, q.b, func() {})
		if !errors.Is(ctx.Err(), context.Canceled) || len(q.b.kept()) != 2 || q.deleted != 2 {
			t.Errorf("%d rows, %d deleted; want what was received to be finished", len(q.b.kept()), q.deleted)
		}
	})
}
