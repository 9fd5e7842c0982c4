package aws

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"holdfast/event"
)

// deadLetters is event.DeadLetters over the dead-letter table of a service. An
// item takes up to 400 KB, so that any message fits that a queue of ours takes,
// 256 KiB, with the reason why it died.
type deadLetters struct{ box }

func newDeadLetters(c *core, s event.Service) event.DeadLetters {
	return deadLetters{box{core: c, table: c.named(string(s) + "-dead-letters"), name: "dead"}}
}

// letterItem is a dead letter as its item holds it; the message stands in it word
// for word.
type letterItem struct {
	Box    string `dynamodbav:"box"`
	ID     string `dynamodbav:"id"`
	Event  []byte `dynamodbav:"event"`
	Reason string `dynamodbav:"reason"`
	Count  int    `dynamodbav:"count"`
	DeadAt int64  `dynamodbav:"dead"`
}

func (d deadLetters) Put(ctx context.Context, letters []event.DeadLetter) error {
	var items []item
	at := make(map[string]int, len(letters))
	for _, l := range letters {
		i, err := d.encode(l)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", l.ID, err)
		}
		if k, seen := at[l.ID]; seen {
			items[k] = i // the later one takes its place
			continue
		}
		at[l.ID] = len(items)
		items = append(items, i)
	}
	return each(ctx, len(items), func(ctx context.Context, i int) error {
		err := d.write(ctx, func(ctx context.Context) error {
			_, err := d.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &d.table, Item: items[i]})
			return err
		})
		return translate(ctx, "writing to "+d.table, err)
	})
}

func (d deadLetters) encode(l event.DeadLetter) (item, error) {
	message, err := l.Event.Encode()
	if err != nil {
		return nil, err
	}
	return attributevalue.MarshalMap(letterItem{d.name, l.ID, message, l.Reason, l.Count, unixMilli(l.DeadAt)})
}

func decodeLetter(stored item) (event.DeadLetter, error) {
	var i letterItem
	if err := attributevalue.UnmarshalMap(stored, &i); err != nil {
		return event.DeadLetter{}, err
	}
	return event.DeadLetter{ID: i.ID, Event: event.Decode(i.Event), Reason: i.Reason, Count: i.Count, DeadAt: fromMilli(i.DeadAt)}, nil
}

func (d deadLetters) List(ctx context.Context, after string, limit int) ([]event.DeadLetter, error) {
	var letters []event.DeadLetter
	err := d.list(ctx, after, func(i item) (bool, error) {
		l, err := decodeLetter(i)
		letters = append(letters, l)
		return len(letters) < limit, err
	})
	if err != nil {
		return nil, err
	}
	return letters, nil
}

func (d deadLetters) Get(ctx context.Context, id string) (event.DeadLetter, error) {
	i, err := d.get(ctx, id)
	if err != nil {
		return event.DeadLetter{}, err
	}
	if len(i) == 0 {
		return event.DeadLetter{}, event.Errorf(event.NotFound, "no dead letter %q", id)
	}
	return decodeLetter(i)
}

func (d deadLetters) Delete(ctx context.Context, letters []event.DeadLetter) (int, error) {
	var removed atomic.Int64
	err := each(ctx, len(letters), func(ctx context.Context, i int) error {
		gone, err := d.remove(ctx, letters[i])
		if gone {
			removed.Add(1)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(removed.Load()), nil
}

// remove removes a letter that is still there as given. It does so in a
// transaction of its own, whose tries have one token: a deletion whose answer was
// lost is known again, and counted.
func (d deadLetters) remove(ctx context.Context, l event.DeadLetter) (gone bool, err error) {
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: awssdk.String(rand.Text()), TransactItems: []types.TransactWriteItem{{Delete: &types.Delete{
		TableName: &d.table, Key: d.key(l.ID), ConditionExpression: awssdk.String("dead = :dead"),
		ExpressionAttributeValues: item{":dead": numberValue(unixMilli(l.DeadAt))},
	}}}}
	err = d.write(ctx, func(ctx context.Context) error {
		_, err := d.db.TransactWriteItems(ctx, in)
		return err
	})
	if cancelled := (*types.TransactionCanceledException)(nil); errors.As(err, &cancelled) && isRefused(cancelled) {
		return false, nil
	}
	return err == nil, translate(ctx, "writing to "+d.table, err)
}

func (d deadLetters) Count(ctx context.Context) (int, error) { return d.count(ctx) }
