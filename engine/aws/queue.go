package aws

import (
	"context"
	"errors"
	"strconv"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"holdfast/event"
)

// queue is event.Queue over an SQS standard queue. SQS counts in whole seconds: a
// lease or a delay is rounded up to them.
type queue struct {
	*core
	name, url string

	// What is called at the same time goes out together.
	sends *batcher[string]       // bodies
	acks  *batcher[string]       // receipts
	aways *batcher[event.Return] // those that are to stay away, given back or extended
}

// longestAway is the longest that SQS keeps a message from being received
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html).
const longestAway = 12 * time.Hour

// openQueues finds the queues of all services: each sends to the others'.
func openQueues(ctx context.Context, c *core) (event.Queues, error) {
	queues := make(event.Queues, len(event.Services))
	for _, s := range event.Services {
		q, err := c.findQueue(ctx, c.named(string(s)))
		if err != nil {
			return nil, err
		}
		queues[s] = q
	}
	return queues, nil
}

// findQueue asks SQS for a queue's address. The error is one line that names the
// queue and what to do.
func (c *core) findQueue(ctx context.Context, name string) (*queue, error) {
	bounded, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	found, err := c.sqs.GetQueueUrl(bounded, &sqs.GetQueueUrlInput{QueueName: &name})
	if missing := (*types.QueueDoesNotExist)(nil); errors.As(err, &missing) {
		return nil, event.Errorf(event.Unavailable, "there is no queue %s in this account in %s; run holdfast setup --engine aws there, or say another --prefix, region or account", name, c.sqs.Options().Region)
	}
	if isDenied(err) {
		return nil, event.Errorf(event.Unavailable, "these credentials may not use queue %s: %w; give them the role that holdfast setup --engine aws makes for the service", name, err)
	}
	if err != nil {
		return nil, translate(ctx, "looking for queue "+name, err)
	}
	return newQueue(c, name, *found.QueueUrl), nil
}

// newQueue is the queue at an address.
func newQueue(c *core, name, url string) *queue {
	q := &queue{core: c, name: name, url: url}
	q.sends = newBatcher(q.sendBodies, func(body string) int { return len(body) })
	q.acks = newBatcher(q.deleteReceipts, func(string) int { return 0 })
	q.aways = newBatcher(q.keepAway, func(event.Return) int { return 0 })
	return q
}

// wholeSeconds is d as SQS takes it: rounded up, and within what it allows.
func wholeSeconds(d time.Duration) int32 {
	return int32((min(max(d, 0), longestAway) + time.Second - 1) / time.Second)
}

// Send is event.Queue's. SQS has room for all.
func (q *queue) Send(ctx context.Context, events []event.Event) error {
	bodies, err := encodeBodies(events)
	if err != nil {
		return err
	}
	return handOver(ctx, q, q.sends, bodies)
}

func (q *queue) sendBodies(ctx context.Context, bodies []string) []error {
	entries := make([]types.SendMessageBatchRequestEntry, len(bodies))
	for i := range bodies {
		entries[i] = types.SendMessageBatchRequestEntry{Id: entryID(i), MessageBody: &bodies[i]}
	}
	answer, err := q.sqs.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return q.allFailed("sending to", err, len(bodies))
	}
	return q.verdicts("sending to", answer.Failed, len(bodies))
}

// Ack is event.Queue's.
func (q *queue) Ack(ctx context.Context, receipts ...string) error {
	return handOver(ctx, q, q.acks, receipts)
}

func (q *queue) deleteReceipts(ctx context.Context, receipts []string) []error {
	entries := make([]types.DeleteMessageBatchRequestEntry, len(receipts))
	for i := range receipts {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: entryID(i), ReceiptHandle: &receipts[i]}
	}
	answer, err := q.sqs.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return q.allFailed("acknowledging in", err, len(receipts))
	}
	return q.verdicts("acknowledging in", unlessStale(answer.Failed), len(receipts))
}

// Retry is event.Queue's.
func (q *queue) Retry(ctx context.Context, returns ...event.Return) error {
	return handOver(ctx, q, q.aways, returns)
}

// Extend is event.Queue's.
func (q *queue) Extend(ctx context.Context, lease time.Duration, receipts ...string) error {
	aways := make([]event.Return, len(receipts))
	for i, r := range receipts {
		aways[i] = event.Return{Receipt: r, After: lease}
	}
	return handOver(ctx, q, q.aways, aways)
}

// keepAway has each message be received no earlier than so long from now. To SQS
// a lease that goes on and a delay are the same.
func (q *queue) keepAway(ctx context.Context, aways []event.Return) []error {
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(aways))
	for i := range aways {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
			Id: entryID(i), ReceiptHandle: &aways[i].Receipt, VisibilityTimeout: wholeSeconds(aways[i].After),
		}
	}
	answer, err := q.sqs.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return q.allFailed("changing leases in", err, len(aways))
	}
	return q.verdicts("changing leases in", unlessStale(answer.Failed), len(aways))
}

// entryID names an entry by its place in its request.
func entryID(place int) *string { return awssdk.String(strconv.Itoa(place)) }

// depthFigures are the attributes that Depth is made of. SQS does not tell a
// message that was given back from one in flight: Delayed counts only what was
// sent with a delay, which Holdfast never does.
var depthFigures = []types.QueueAttributeName{
	types.QueueAttributeNameApproximateNumberOfMessages,
	types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
}

// Depth is event.Queue's. The age of the oldest message is known to CloudWatch
// alone (ApproximateAgeOfOldestMessage).
func (q *queue) Depth(ctx context.Context) (event.Depth, error) {
	bounded, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	answer, err := q.sqs.GetQueueAttributes(bounded, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: depthFigures})
	if err != nil {
		return event.Depth{}, translate(ctx, "asking for the depth of "+q.name, err)
	}
	var figures [3]int
	for i, name := range depthFigures {
		if figures[i], err = strconv.Atoi(answer.Attributes[string(name)]); err != nil {
			return event.Depth{}, event.Errorf(event.Unavailable, "SQS says %s of %s as %q", name, q.name, answer.Attributes[string(name)])
		}
	}
	return event.Depth{Ready: figures[0], Delayed: figures[1], InFlight: figures[2], Oldest: event.UnknownAge}, nil
}
