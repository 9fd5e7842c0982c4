package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"holdfast/event"
)

// longestPoll is the longest that SQS lets a request wait for a message
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html).
const longestPoll = 20 * time.Second

// fetches is how many requests at a time, at most, fetch what more there is, once
// one has come back full.
const fetches = 10

// Receive is event.Queue's. An idle queue costs a request every 20 seconds; a busy
// one is emptied up to the limit, ten messages a request. A message that is on its
// way when ctx is cancelled comes again once its lease has lapsed; if it is a
// deadline that ctx has, SQS keeps to that, in whole seconds, and none is lost.
func (q *queue) Receive(ctx context.Context, limit int, lease time.Duration) ([]event.Delivery, error) {
	for ctx.Err() == nil {
		wait := pollTime(ctx)
		found, err := q.listen(ctx, wait, min(limit, batchEntries), lease)
		switch {
		case len(found) > 0:
			return deliveries(q.fetchMore(ctx, found, limit, lease)), nil
		case ctx.Err() != nil:
		case err != nil:
			return nil, translate(ctx, "receiving from "+q.name, err)
		case wait == 0:
			<-ctx.Done() // in less than a second
		}
	}
	return nil, nil
}

// pollTime is how long a request may wait for a message: whole seconds, none if
// ctx ends within one.
func pollTime(ctx context.Context) time.Duration {
	wait := longestPoll
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, max(time.Until(end), 0))
	}
	return wait.Truncate(time.Second)
}

// listen makes the one request that waits. When ctx is cancelled it is broken
// off, but not when ctx's deadline passes: an answer may be on its way.
func (q *queue) listen(ctx context.Context, wait time.Duration, limit int, lease time.Duration) ([]types.Message, error) {
	request, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait+requestTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel()
		}
	})()
	return q.poll(request, wait, limit, lease)
}

// fetchMore adds to what a first request found what else is ready, up to limit in
// all. It goes on as long as every request comes back full, and asks each time for
// as much as it has: a queue of a thousand is emptied in a dozen rounds, and one
// of a dozen does not cost as many requests. A request that fails is passed over:
// if SQS is out, the next Receive says so.
func (q *queue) fetchMore(ctx context.Context, found []types.Message, limit int, lease time.Duration) []types.Message {
	request, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	full := len(found) == batchEntries
	for full && len(found) < limit {
		asked := min(limit-len(found), len(found), fetches*batchEntries)
		more := make([][]types.Message, (asked+batchEntries-1)/batchEntries)
		_ = each(request, len(more), func(ctx context.Context, i int) (err error) {
			more[i], err = q.poll(ctx, 0, min(batchEntries, asked-i*batchEntries), lease)
			return err
		})
		before := len(found)
		for _, m := range more {
			found = append(found, m...)
		}
		full = len(found)-before == asked
	}
	return found
}

// poll makes one request for at most limit messages, 1 to 10.
func (q *queue) poll(ctx context.Context, wait time.Duration, limit int, lease time.Duration) ([]types.Message, error) {
	var options []func(*sqs.Options)
	if wait == 0 {
		options = append(options, sqs.WithAPIOptions(sayNoWait))
	}
	answer, err := q.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: int32(limit),
		WaitTimeSeconds: int32(wait / time.Second), VisibilityTimeout: max(wholeSeconds(lease), 1),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	}, options...)
	if err != nil {
		return nil, err
	}
	return answer.Messages, nil
}

// sayNoWait has a request say that it waits for nothing. The SDK leaves a zero
// out, and then the request would wait as long as the queue's own attribute says
// (https://github.com/aws/aws-sdk-go-v2/issues/1704).
func sayNoWait(stack *middleware.Stack) error {
	return stack.Serialize.Add(middleware.SerializeMiddlewareFunc("SayNoWait", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (out middleware.SerializeOutput, meta middleware.Metadata, err error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return out, meta, fmt.Errorf("a request of type %T", in.Request)
		}
		body, err := io.ReadAll(request.GetStream())
		if err != nil {
			return out, meta, err
		}
		body = append(bytes.TrimSuffix(body, []byte("}")), `,"WaitTimeSeconds":0}`...)
		if in.Request, err = request.SetStream(bytes.NewReader(body)); err != nil {
			return out, meta, err
		}
		return next.HandleSerialize(ctx, in)
	}), middleware.After)
}

// deliveries are the messages as received.
func deliveries(found []types.Message) []event.Delivery {
	all := make([]event.Delivery, len(found))
	for i, m := range found {
		count, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
		if err != nil {
			count = 1 // it has been received now, whatever else
		}
		all[i] = event.Delivery{Event: event.Decode(unwrap(awssdk.ToString(m.Body))), Receipt: awssdk.ToString(m.ReceiptHandle), Count: count}
	}
	return all
}
