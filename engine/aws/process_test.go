package aws

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"holdfast/emulator"
	"holdfast/event"
	"holdfast/order"
)

// wire stands between one process and the emulator, and counts what passes.
type wire struct {
	next awssdk.HTTPClient

	mu     sync.Mutex
	passed map[string]int    // requests by operation
	lose   map[string]int    // answers still to be lost, by operation
	kept   map[string][]byte // answers by what was asked; nil: none are kept
	stale  bool              // what was asked before is answered as it was then
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if op == "Query" && w.kept != nil {
		return w.query(r)
	}
	answer, err := w.next.Do(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed[op]++
	if err == nil && w.lose[op] > 0 {
		w.lose[op]--
		answer.Body.Close()
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return answer, err
}

// query keeps the answer to a query, or gives the one that was kept, as an index
// does that has not caught up with its table.
func (w *wire) query(r *http.Request) (*http.Response, error) {
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(asked))
	question, err := canonical(asked)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	body, known := w.kept[question]
	known = known && w.stale
	w.mu.Unlock()
	if known {
		return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
	}
	answer, err := w.next.Do(r)
	if err != nil {
		return nil, err
	}
	if body, err = io.ReadAll(answer.Body); err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept[question] = body
	return answer, nil
}

// canonical is a JSON text with its names in order, in which the SDK has none.
func canonical(text []byte) (string, error) {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return "", err
	}
	sorted, err := json.Marshal(v)
	return string(sorted), err
}

// count counts the requests of an operation since the last count of it.
func (w *wire) count(op string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.passed[op]
	w.passed[op] = 0
	return n
}

// loseNext loses the answer to the next request of an operation.
func (w *wire) loseNext(op string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose[op]++
}

// process is what a process has of the tables under a prefix: a memory and a wire
// of its own.
func process(t *testing.T, m *emulator.MiniStack, prefix string) (*core, *wire) {
	t.Helper()
	config := m.Config()
	w := &wire{next: config.HTTPClient, passed: make(map[string]int), lose: make(map[string]int)}
	config.HTTPClient = w
	return &core{db: dynamodb.NewFromConfig(config, repeatConflicts), prefix: prefix, now: time.Now, log: slog.New(slog.DiscardHandler)}, w
}

// alone is the only process of fresh tables.
func alone(t *testing.T) (*core, *wire) {
	t.Helper()
	t.Parallel()
	m := emulator.ForTest(t)
	return process(t, m, m.Fresh(t))
}

// two are two processes of fresh tables.
func two(t *testing.T) (a, b *core) {
	t.Helper()
	t.Parallel()
	m := emulator.ForTest(t)
	prefix := m.Fresh(t)
	a, _ = process(t, m, prefix)
	b, _ = process(t, m, prefix)
	return a, b
}

// must returns what a call returned, or ends the test if the call failed.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

// placed is an order as a client's request makes it, with fields of the usual
// lengths: a UUID, a user id of 30 characters.
func placed(id string) order.Order {
	at := time.Date(2026, 11, 23, 9, 0, 0, 123_000_000, time.UTC)
	return order.Order{
		Ref: event.Ref{OrderID: id}, Caller: "web-shop", UserID: "01jd3x7k2q9v5w8z4y6t0r1s2p3n4m",
		Lines: []event.Line{{SKU: "A123", Qty: 1}}, Fingerprint: [16]byte{1, 2, 3}, Rendering: order.Rendering,
		HoldUntil: at.Add(15 * time.Minute), Status: order.Pending, Due: at.Add(30 * time.Second),
		History: []order.Entry{{Status: order.Pending, At: at}},
	}
}

// createOrders stores orders, which must be new.
func createOrders(t testing.TB, s order.Store, all ...order.Order) []order.Order {
	t.Helper()
	stored := make([]order.Order, len(all))
	for i, c := range must(s.Create(t.Context(), all))(t) {
		if !c.New {
			t.Fatalf("order %s is there already", c.Order.OrderID)
		}
		stored[i] = c.Order
	}
	return stored
}

// applyOrder makes one change.
func applyOrder(t testing.TB, s order.Store, id string, to order.Status, from ...order.Status) event.Written[order.Order] {
	t.Helper()
	c := order.Change{Ref: event.Ref{OrderID: id}, From: from, To: to, At: time.Date(2026, 11, 23, 9, 0, 5, 0, time.UTC)}
	if !to.Ended() {
		c.Due = c.At.Add(time.Minute)
	}
	return must(s.Apply(t.Context(), []order.Change{c}))(t)[0]
}
