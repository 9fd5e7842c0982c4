package aws

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// index is one of the orders table's: KEYS_ONLY, and eventually consistent, as
// DynamoDB's global secondary indexes are. What it says is where to look; the
// record that is then read says what is so.
type index struct{ name, partition, sort string }

var (
	byUser = index{"by-user", "owner", "number"}
	byDay  = index{"by-day", "day", "number"}
	byDue  = index{"by-due", "shard", "due"}
)

// Into how many partitions a day's orders and the open orders are spread: one
// partition key takes 1,000 write units a second, and an index that is throttled
// throttles its table.
const (
	dayShards = 16
	dueShards = 32
)

// shard is which of n partitions an order is in, for ever: as two digits.
func shard(id string, n uint32) string {
	return fmt.Sprintf("%02d", crc32.ChecksumIEEE([]byte(id))%n)
}

// shardsOf are the partitions that begin with a prefix.
func shardsOf(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s%02d", prefix, i)
	}
	return all
}

// indexEntry is what an index has of one order.
type indexEntry struct {
	id string
	at int64 // the sort key: the order's Number, or when it is due
}

// span is a stretch of an index: the entries of some partitions with a sort key
// of low to high, both included, in ascending or descending order of it.
type span struct {
	index
	partitions []string
	low, high  int64
	descending bool
}

// leastPage is how many entries fit into the least that a query is charged for:
// half a read unit, 4 KiB.
const leastPage = 32

// reader reads a span; about is how many entries will be wanted of it.
func (s *orders) reader(x span, about int) *spanReader {
	r := &spanReader{core: s.core, span: x}
	if x.low > x.high {
		return r // DynamoDB refuses to look between them
	}
	page := int32(max(leastPage, 2*about/len(x.partitions)))
	for _, p := range x.partitions {
		r.parts = append(r.parts, &spanPart{ask: dynamodb.QueryInput{
			TableName: &s.table, IndexName: &x.name, Limit: &page, ScanIndexForward: awssdk.Bool(!x.descending),
			KeyConditionExpression:   awssdk.String("#p = :p AND #s BETWEEN :low AND :high"),
			ExpressionAttributeNames: map[string]string{"#p": x.partition, "#s": x.sort},
			ExpressionAttributeValues: item{
				":p": textValue(p), ":low": numberValue(x.low), ":high": numberValue(x.high),
			},
		}})
	}
	return r
}

// spanReader reads a span, its partitions at once, page by page.
type spanReader struct {
	*core
	span
	parts []*spanPart
}

// spanPart is one partition of a span.
type spanPart struct {
	ask   dynamodb.QueryInput // what comes behind ready
	ready []indexEntry        // read, and not yet taken
	ended bool                // nothing comes behind ready
}

// take returns the next entries, n of them unless the span ends before.
func (r *spanReader) take(ctx context.Context, n int) ([]indexEntry, error) {
	var taken []indexEntry
	for len(taken) < n {
		p, err := r.first(ctx)
		if err != nil || p == nil {
			return taken, err
		}
		taken = append(taken, p.ready[0])
		p.ready = p.ready[1:]
	}
	return taken, nil
}

// more tells whether take would return anything.
func (r *spanReader) more(ctx context.Context) (bool, error) {
	p, err := r.first(ctx)
	return p != nil, err
}

// first is the partition whose entry comes next, nil at the span's end.
func (r *spanReader) first(ctx context.Context) (*spanPart, error) {
	if err := r.fill(ctx); err != nil {
		return nil, err
	}
	var first *spanPart
	for _, p := range r.parts {
		if len(p.ready) > 0 && (first == nil || r.before(p.ready[0], first.ready[0])) {
			first = p
		}
	}
	return first, nil
}

func (r *spanReader) before(a, b indexEntry) bool {
	if r.descending {
		a, b = b, a
	}
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) < 0
}

// fill sees to it that each partition that has not ended has an entry ready.
func (r *spanReader) fill(ctx context.Context) error {
	dry := make([]*spanPart, 0, len(r.parts))
	for _, p := range r.parts {
		if len(p.ready) == 0 && !p.ended {
			dry = append(dry, p)
		}
	}
	return each(ctx, len(dry), func(ctx context.Context, i int) error {
		for len(dry[i].ready) == 0 && !dry[i].ended {
			if err := r.read(ctx, dry[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// read reads the next page of a partition, which may be empty without being the
// last.
func (r *spanReader) read(ctx context.Context, p *spanPart) error {
	page, err := r.db.Query(ctx, &p.ask)
	if err != nil {
		return translate(ctx, "reading "+r.name+" of "+*p.ask.TableName, err)
	}
	for _, i := range page.Items {
		var e indexEntry
		if err := cmp.Or(attributevalue.Unmarshal(i[keyAttribute], &e.id), attributevalue.Unmarshal(i[r.sort], &e.at)); err != nil {
			return fmt.Errorf("an entry of %s of %s: %w", r.name, *p.ask.TableName, err)
		}
		p.ready = append(p.ready, e)
	}
	p.ask.ExclusiveStartKey = page.LastEvaluatedKey
	p.ended = len(page.LastEvaluatedKey) == 0
	return nil
}

// idsOf are the orders that index entries are of.
func idsOf(entries []indexEntry) []string {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.id
	}
	return ids
}
