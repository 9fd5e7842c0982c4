package aws

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"holdfast/event"
)

// The attributes that every record's item has beside its own.
const (
	keyAttribute      = "id"
	revisionAttribute = "rev" // rises with every write; 1 for the first
	writeAttribute    = "w"   // random: by it a write whose answer was lost knows itself again
)

// recentRecords is how many records a process remembers: an order passes a
// service again within seconds, and a remembered record costs no read. An item
// takes some 3 kB of memory.
const recentRecords = 20_000

// item is an item of a table.
type item = map[string]types.AttributeValue

// revised is a record as one write left it.
type revised[R any] struct {
	record R
	rev    int64 // 0: there is no such record
}

// records keeps one item a record, each written under a condition on its
// revision. R must not share memory after encode and decode.
type records[R any] struct {
	*core
	table  string // full name
	encode func(R) (item, error)
	decode func(item) (R, error)
	recent *lru.Cache[string, item] // as last written or read here; may be out of date
}

func newRecords[R any](c *core, table string, encode func(R) (item, error), decode func(item) (R, error)) *records[R] {
	recent, err := lru.New[string, item](recentRecords)
	if err != nil {
		panic(err) // the size is a constant
	}
	return &records[R]{core: c, table: c.named(table), encode: encode, decode: decode, recent: recent}
}

// remembered is the record as this process last saw it; known is false if it has
// not. What it says may be out of date, so a write on it is conditional and a
// refusal on it is read again.
func (s *records[R]) remembered(id string) (r revised[R], known bool, err error) {
	i, known := s.recent.Get(id)
	if !known {
		return r, false, nil
	}
	r, err = s.open(i)
	return r, true, err
}

// open decodes an item; none is the record that is not there.
func (s *records[R]) open(i item) (r revised[R], err error) {
	if len(i) == 0 {
		return r, nil
	}
	if err := attributevalue.Unmarshal(i[revisionAttribute], &r.rev); err != nil {
		return r, fmt.Errorf("an item of %s without a revision: %w", s.table, err)
	}
	r.record, err = s.decode(i)
	return r, err
}

// get reads records as of now, the one that is not there with revision 0, at most
// 100 a request.
func (s *records[R]) get(ctx context.Context, ids []string) ([]revised[R], error) {
	items, err := s.batchGet(ctx, s.table, keyAttribute, ids)
	if err != nil {
		return nil, err
	}
	found := make([]revised[R], len(ids))
	for i, id := range ids {
		if found[i], err = s.open(items[id]); err != nil {
			return nil, err
		}
		if found[i].rev > 0 {
			s.recent.Add(id, items[id])
		}
	}
	return found, nil
}

// seal makes the item of a record's next revision.
func (s *records[R]) seal(id string, r R, rev int64) (item, error) {
	i, err := s.encode(r)
	if err != nil {
		return nil, err
	}
	i[keyAttribute] = &types.AttributeValueMemberS{Value: id}
	i[revisionAttribute] = &types.AttributeValueMemberN{Value: strconv.FormatInt(rev, 10)}
	i[writeAttribute] = &types.AttributeValueMemberB{Value: newToken()}
	return i, nil
}

// newToken tells one write from every other.
func newToken() []byte {
	token := make([]byte, 8)
	rand.Read(token) // never fails
	return token
}

// sameWrite tells whether two items come from one write.
func sameWrite(a, b item) bool {
	x, ok := a[writeAttribute].(*types.AttributeValueMemberB)
	y, also := b[writeAttribute].(*types.AttributeValueMemberB)
	return ok && also && slices.Equal(x.Value, y.Value)
}

// unlessOwn is what went wrong with a conditional put of the item: nothing if an
// earlier try of this very write came through, and only its answer did not.
func unlessOwn(err error, i item) error {
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) && sameWrite(failed.Item, i) {
		return nil
	}
	return err
}

// onRevision is the condition that the record is still at a revision; 0: that it
// is not there.
func onRevision(rev int64) (condition string, values item) {
	if rev == 0 {
		return "attribute_not_exists(" + keyAttribute + ")", nil
	}
	return revisionAttribute + " = :rev", item{":rev": &types.AttributeValueMemberN{Value: strconv.FormatInt(rev, 10)}}
}

// put writes the record if it is still at the revision it was read at. If it is
// not, ok is false and now is what is there instead.
func (s *records[R]) put(ctx context.Context, id string, next R, read int64) (now revised[R], ok bool, err error) {
	i, err := s.seal(id, next, read+1)
	if err != nil {
		return now, false, err
	}
	condition, values := onRevision(read)
	err = s.write(ctx, func(ctx context.Context) error {
		_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &s.table, Item: i, ConditionExpression: &condition, ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return unlessOwn(err, i)
	})
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		return s.found(id, failed.Item)
	}
	if err != nil {
		s.recent.Remove(id)
		return now, false, translate(ctx, "writing to "+s.table, err)
	}
	s.recent.Add(id, i)
	now, err = s.open(i)
	return now, true, err
}

// found takes up what a failed condition found in place of what was expected.
func (s *records[R]) found(id string, i item) (now revised[R], ok bool, err error) {
	if len(i) > 0 {
		s.recent.Add(id, i)
	} else {
		s.recent.Remove(id)
	}
	now, err = s.open(i)
	return now, false, err
}

// The most that one BatchGetItem reads, and requests in flight for one call.
const (
	batchGetLimit = 100
	inFlight      = 64
)

// batchGet reads items by their partition key, strongly consistent; those that
// are not there are missing from the answer.
func (c *core) batchGet(ctx context.Context, table, key string, ids []string) (map[string]item, error) {
	distinct := slices.Compact(slices.Sorted(slices.Values(ids)))
	chunks := slices.Collect(slices.Chunk(distinct, batchGetLimit))
	answers := make([]map[string]item, len(chunks))
	err := each(ctx, len(chunks), func(ctx context.Context, i int) (err error) {
		answers[i], err = c.batchGetChunk(ctx, table, key, chunks[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make(map[string]item, len(distinct))
	for _, answer := range answers {
		for id, i := range answer {
			all[id] = i
		}
	}
	return all, nil
}

func (c *core) batchGetChunk(ctx context.Context, table, key string, ids []string) (map[string]item, error) {
	consistent := true
	keys := make([]item, len(ids))
	for i, id := range ids {
		keys[i] = item{key: &types.AttributeValueMemberS{Value: id}}
	}
	ask := map[string]types.KeysAndAttributes{table: {Keys: keys, ConsistentRead: &consistent}}
	found := make(map[string]item, len(ids))
	for try := 1; len(ask) > 0; try++ {
		if try > 1 {
			if err := c.pause(ctx, try); err != nil {
				return nil, err
			}
		}
		answer, err := c.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask})
		if err != nil {
			return nil, translate(ctx, "reading "+table, err)
		}
		for _, i := range answer.Responses[table] {
			id, ok := i[key].(*types.AttributeValueMemberS)
			if !ok {
				return nil, fmt.Errorf("an item of %s without %s", table, key)
			}
			found[id.Value] = i
		}
		if ask = answer.UnprocessedKeys; try == maxTries && len(ask) > 0 {
			return nil, event.Errorf(event.Unavailable, "reading %s: DynamoDB throttles the reads", table)
		}
	}
	return found, nil
}

// each runs f for 0 to n-1, many at a time, and returns the first error. The
// others are finished: what they write is whole.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	var g errgroup.Group
	g.SetLimit(inFlight)
	for i := range n {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}
