package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"holdfast/event"
)

// sqsCall is a request to SQS: its operation, and what of its parameters the
// tests look at.
type sqsCall struct {
	op      string
	request *http.Request

	QueueName           string
	MaxNumberOfMessages int
	VisibilityTimeout   int
	WaitTimeSeconds     *int // nil: as the queue's attribute says
	Entries             []sqsEntry
}

type sqsEntry struct {
	ID                string `json:"Id"`
	MessageBody       string
	ReceiptHandle     string
	VisibilityTimeout *int
}

// sqsFailure is the answer of a request that fails.
type sqsFailure struct {
	status        int
	code, message string
}

// entryFailure is an entry of an answer's Failed.
type entryFailure struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

// fakeSQS is a transport that notes each request and answers it as the test says:
// with a sqsFailure, an error, or what JSON makes of anything else.
type fakeSQS struct {
	answer func(sqsCall) any

	mu    sync.Mutex
	calls []sqsCall
}

// RoundTrip is http.RoundTripper's.
func (f *fakeSQS) RoundTrip(r *http.Request) (*http.Response, error) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	call := sqsCall{op: op, request: r}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.calls = append(f.calls, call)
	f.mu.Unlock()
	answer, status := f.answer(call), http.StatusOK
	switch a := answer.(type) {
	case error:
		return nil, a
	case sqsFailure:
		answer, status = map[string]string{"__type": "com.amazonaws.sqs#" + a.code, "message": a.message}, a.status
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)), Request: r,
	}, nil
}

// made are the requests so far.
func (f *fakeSQS) made() []sqsCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// core is a core whose SQS this is.
func (f *fakeSQS) core() *core {
	return &core{
		sqs: sqs.NewFromConfig(awssdk.Config{
			Region: "eu-north-1", HTTPClient: &http.Client{Transport: f},
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		}),
		prefix: "shop", now: time.Now, log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// queueWith is a queue whose SQS answers so.
func queueWith(answer func(sqsCall) any) (*queue, *fakeSQS) {
	f := &fakeSQS{answer: answer}
	return newQueue(f.core(), "shop-payment", "https://sqs.eu-north-1.amazonaws.com/1/shop-payment"), f
}

// done answers that every entry was done but those that failed.
func done(c sqsCall, failed ...entryFailure) any {
	successful := []map[string]string{}
	for _, e := range c.Entries {
		if !slices.ContainsFunc(failed, func(f entryFailure) bool { return f.ID == e.ID }) {
			successful = append(successful, map[string]string{"Id": e.ID, "MessageId": "m" + e.ID})
		}
	}
	return map[string]any{"Successful": successful, "Failed": failed}
}

// failing answers that each entry failed so.
func failing(c sqsCall, code string, senderFault bool) any {
	failed := make([]entryFailure, len(c.Entries))
	for i, e := range c.Entries {
		failed[i] = entryFailure{ID: e.ID, Code: code, Message: "so it says", SenderFault: senderFault}
	}
	return done(c, failed...)
}

// fakeMessage is a message of ReceiveMessage's answer.
type fakeMessage struct {
	Body, ReceiptHandle string
	Attributes          map[string]string
}

// stored answers with n messages, whose receipts begin with a word.
func stored(t *testing.T, word string, n int) any {
	t.Helper()
	all := make([]fakeMessage, n)
	for i := range all {
		all[i] = fakeMessage{Body: bodyOf(t, settled(i)), ReceiptHandle: fmt.Sprintf("%s-%d", word, i), Attributes: map[string]string{"ApproximateReceiveCount": "3"}}
	}
	return map[string]any{"Messages": all}
}

// settled is the nth StockSettled of a test.
func settled(n int) event.Event {
	return event.New(event.StockSettled, event.Ref{OrderID: fmt.Sprintf("order-%04d", n), Number: int64(n + 1)}, time.UnixMilli(1_800_000_000_000))
}

func settlements(n int) []event.Event {
	all := make([]event.Event, n)
	for i := range all {
		all[i] = settled(i)
	}
	return all
}

// bulky is an event that takes so many bytes in its queue.
func bulky(bytes int) event.Event {
	return event.Decode([]byte(strings.Repeat("x", bytes)))
}

func bodyOf(t *testing.T, e event.Event) string {
	t.Helper()
	bodies, err := encodeBodies([]event.Event{e})
	if err != nil {
		t.Fatal(err)
	}
	return bodies[0]
}
