package aws

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"holdfast/event"
	"holdfast/order"
)

// pullBatch is how many orders PullIn takes from the index at a time.
const pullBatch = 1000

// due reads the open orders due from low to high, in milliseconds, the longest
// due first.
func (s *orders) due(low, high int64, about int) *spanReader {
	return s.reader(span{index: byDue, partitions: shardsOf("", dueShards), low: low, high: high}, about)
}

// Due takes what the index names, and leaves out what the order itself says
// otherwise of: the index may still hold where it was due before.
func (s *orders) Due(ctx context.Context, at time.Time, limit int) ([]order.Order, error) {
	entries, err := s.due(math.MinInt64, at.UnixMilli(), limit).take(ctx, limit)
	if err != nil {
		return nil, err
	}
	found, err := s.get(ctx, idsOf(entries))
	if err != nil {
		return nil, err
	}
	var due []order.Order
	for i, f := range found {
		if o := f.record; !o.Due.IsZero() && o.Due.UnixMilli() == entries[i].at {
			due = append(due, o)
		}
	}
	slices.SortFunc(due, func(a, b order.Order) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Number, b.Number))
	})
	return due, nil
}

// Tally counts what the index of due orders has, which are those that are open: 16 read
// units at least, and one more for some 60 orders. By status it counts nothing: that
// would be a write more for each order, all of them to few items.
func (s *orders) Tally(ctx context.Context) (order.Tally, error) {
	if err := ctx.Err(); err != nil {
		return order.Tally{}, err
	}
	var open atomic.Int64
	shards := shardsOf("", dueShards)
	err := each(ctx, len(shards), func(ctx context.Context, i int) error {
		n, err := s.countDue(ctx, shards[i])
		open.Add(n)
		return err
	})
	if err != nil {
		return order.Tally{}, err
	}
	return order.Tally{Open: int(open.Load())}, nil
}

// countDue counts the orders of a shard.
func (s *orders) countDue(ctx context.Context, shard string) (n int64, err error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, IndexName: &byDue.name, Select: types.SelectCount, KeyConditionExpression: awssdk.String("#p = :p"),
		ExpressionAttributeNames: map[string]string{"#p": byDue.partition}, ExpressionAttributeValues: item{":p": textValue(shard)},
	}
	for {
		page, err := s.db.Query(ctx, in)
		if err != nil {
			return 0, translate(ctx, "counting "+byDue.name+" of "+s.table, err)
		}
		n += int64(page.Count)
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(page.LastEvaluatedKey) == 0 {
			return n, nil
		}
	}
}

func (s *orders) Postpone(ctx context.Context, postponements []order.Postponement) error {
	transitions := make([]transition[order.Order], len(postponements))
	for i, p := range postponements {
		from, to := milli(p.From), milli(p.To)
		transitions[i] = transition[order.Order]{p.OrderID, func(o order.Order, _ bool) (order.Order, bool) {
			if o.Due.IsZero() || !o.Due.Equal(from) {
				return o, false
			}
			o.Due, o.Attempts = to, p.Attempts
			return o, true
		}}
	}
	_, err := s.applyKnown(ctx, transitions)
	return err
}

func (s *orders) PullIn(ctx context.Context, to time.Time) (n int, err error) {
	to = milli(to)
	late := s.due(to.UnixMilli()+1, math.MaxInt64, pullBatch)
	for {
		entries, err := late.take(ctx, pullBatch)
		if err != nil || len(entries) == 0 {
			return n, err
		}
		written, err := s.pullIn(ctx, idsOf(entries), to)
		if err != nil {
			return n, err
		}
		for _, w := range written {
			if w.Changed {
				n++
			}
		}
	}
}

// pullIn makes those of the orders due at the time given that are due later.
func (s *orders) pullIn(ctx context.Context, ids []string, to time.Time) ([]event.Written[order.Order], error) {
	transitions := make([]transition[order.Order], len(ids))
	for i, id := range ids {
		transitions[i] = transition[order.Order]{id, func(o order.Order, _ bool) (order.Order, bool) {
			if !o.Due.After(to) {
				return o, false
			}
			o.Due = to
			return o, true
		}}
	}
	return s.apply(ctx, transitions)
}
