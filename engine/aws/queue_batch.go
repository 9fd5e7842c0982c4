package aws

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"holdfast/event"
)

const (
	// batchEntries is how many messages one request sends, deletes or changes, or
	// receives
	// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
	batchEntries = 10

	// maxBody bounds a message, and the messages of one request together, in bytes.
	// It is what every SQS queue takes, whenever it was made; SQS bills each 64 KiB
	// as a request.
	maxBody = 256 << 10

	// requestTime bounds a request with its repeats by the SDK, beside what it is
	// asked to wait: a connection that hangs must not hold a worker up for ever.
	requestTime = 10 * time.Second
)

// newBatcher puts entries into requests of the size that SQS takes.
func newBatcher[E any](request func(context.Context, []E) []error, weigh func(E) int) *batcher[E] {
	return &batcher[E]{
		post: func(ctx context.Context, entries []E) []error {
			bounded, cancel := context.WithTimeout(ctx, requestTime)
			defer cancel()
			return request(bounded, entries)
		},
		entries: batchEntries, bytes: maxBody, weigh: weigh, flights: inFlight,
	}
}

// unfinished is the error of an entry that SQS failed at by no fault of its own.
type unfinished struct{ error }

// handOver has the entries go out, and those that SQS fails at again, until SQS
// has taken each, or refused one, or there have been too many tries.
func handOver[E any](ctx context.Context, q *queue, b *batcher[E], entries []E) error {
	for try := 1; ; try++ {
		errs, err := b.do(ctx, entries)
		if err != nil {
			return err
		}
		var left []E
		for i, e := range errs {
			if again := (unfinished{}); errors.As(e, &again) {
				left, err = append(left, entries[i]), again.error
			} else if e != nil {
				return e
			}
		}
		if len(left) == 0 || try == maxTries {
			return err
		}
		entries = left
		if err := q.pause(ctx, try+1); err != nil {
			return err
		}
	}
}

// allFailed are the errors of n entries whose request failed.
func (q *queue) allFailed(doing string, err error, n int) []error {
	return slices.Repeat([]error{event.Errorf(event.Unavailable, "%s %s: %w", doing, q.name, err)}, n)
}

// blamed are the codes by which SQS says that the message itself is at fault.
var blamed = []string{"InvalidMessageContents", "InvalidParameterValue", "MissingParameter"}

// verdicts are the errors of a request's n entries: of those that failed, an
// unfinished one, or where SQS says that it never will, one of the message's own,
// or an outage where what is wrong is the queue or the right to use it.
func (q *queue) verdicts(doing string, failed []types.BatchResultErrorEntry, n int) []error {
	errs := make([]error, n)
	for _, f := range failed {
		code, words := awssdk.ToString(f.Code), awssdk.ToString(f.Code)+": "+awssdk.ToString(f.Message)
		i, err := strconv.Atoi(awssdk.ToString(f.Id))
		switch {
		case err != nil || i < 0 || i >= n:
			return slices.Repeat([]error{event.Errorf(event.Unavailable, "%s %s: SQS answers of an entry %q that it was not asked for", doing, q.name, awssdk.ToString(f.Id))}, n)
		case !f.SenderFault:
			errs[i] = unfinished{event.Errorf(event.Unavailable, "%s %s: SQS keeps failing with %s", doing, q.name, words)}
		case slices.Contains(blamed, code):
			errs[i] = event.Errorf(event.Invalid, "%s %s: SQS refuses a message with %s", doing, q.name, words)
		default:
			errs[i] = event.Errorf(event.Unavailable, "%s %s: SQS refuses with %s", doing, q.name, words)
		}
	}
	return errs
}

// stale are the codes by which SQS says that a receipt's lease has lapsed: the
// message is deleted, or somebody else's, or ready for anybody.
var stale = []string{"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"}

// unlessStale is those of the failed entries that failed for something else than
// a lapsed lease.
func unlessStale(failed []types.BatchResultErrorEntry) []types.BatchResultErrorEntry {
	return slices.DeleteFunc(failed, func(f types.BatchResultErrorEntry) bool {
		return slices.Contains(stale, awssdk.ToString(f.Code))
	})
}
