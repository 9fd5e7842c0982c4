package aws

import (
	"context"
	"errors"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// boxPage is how many items one request reads: most lists want fewer.
const boxPage = 100

// box is a small table that is listed as a whole, in ascending id: all its items
// are in one partition.
type box struct {
	*core
	table string // full name
	name  string // of the partition
}

// boxAttribute is the partition key of a box's table; its sort key is id.
const boxAttribute = "box"

func (b box) key(id string) item {
	return item{boxAttribute: textValue(b.name), keyAttribute: textValue(id)}
}

// maxSortKey is the most bytes that DynamoDB takes for a sort key.
const maxSortKey = 1024

// get reads an item as of now; none if it is not there.
func (b box) get(ctx context.Context, id string) (item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if id == "" || len(id) > maxSortKey {
		return nil, nil // DynamoDB refuses such a key
	}
	answer, err := b.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &b.table, Key: b.key(id), ConsistentRead: awssdk.Bool(true)})
	if err != nil {
		return nil, translate(ctx, "reading "+b.table, err)
	}
	return answer.Item, nil
}

// write makes one durable write. A transaction that other requests stood in the
// way of is tried again.
func (b box) write(ctx context.Context, op func(context.Context) error) error {
	for try := 1; ; try++ {
		err := b.core.write(ctx, op)
		cancelled := (*types.TransactionCanceledException)(nil)
		if !errors.As(err, &cancelled) || isRefused(cancelled) || try == maxRaces {
			return err
		}
		if err := b.pause(ctx, try+1); err != nil {
			return err
		}
	}
}

// isRefused tells whether a condition of the transaction failed.
func isRefused(cancelled *types.TransactionCanceledException) bool {
	return slices.ContainsFunc(cancelled.CancellationReasons, func(r types.CancellationReason) bool {
		return awssdk.ToString(r.Code) == "ConditionalCheckFailed"
	})
}

// list reads the items behind an id (empty: from the first) as of now, and hands
// them to each until it says no.
func (b box) list(ctx context.Context, after string, each func(item) (goOn bool, err error)) error {
	ask := b.query(after)
	for {
		page, err := b.db.Query(ctx, ask)
		if err != nil {
			return translate(ctx, "reading "+b.table, err)
		}
		for _, i := range page.Items {
			if goOn, err := each(i); err != nil || !goOn {
				return err
			}
		}
		if ask.ExclusiveStartKey = page.LastEvaluatedKey; len(page.LastEvaluatedKey) == 0 {
			return nil
		}
	}
}

// count counts the items as of now.
func (b box) count(ctx context.Context) (n int, err error) {
	ask := b.query("")
	ask.Select, ask.Limit = types.SelectCount, nil
	for {
		page, err := b.db.Query(ctx, ask)
		if err != nil {
			return 0, translate(ctx, "reading "+b.table, err)
		}
		n += int(page.Count)
		if ask.ExclusiveStartKey = page.LastEvaluatedKey; len(page.LastEvaluatedKey) == 0 {
			return n, nil
		}
	}
}

func (b box) query(after string) *dynamodb.QueryInput {
	q := &dynamodb.QueryInput{
		TableName: &b.table, ConsistentRead: awssdk.Bool(true), Limit: awssdk.Int32(boxPage),
		KeyConditionExpression:    awssdk.String("#box = :box"),
		ExpressionAttributeNames:  map[string]string{"#box": boxAttribute},
		ExpressionAttributeValues: item{":box": textValue(b.name)},
	}
	if after != "" {
		q.ExclusiveStartKey = b.key(after)
	}
	return q
}
