package aws

import (
	"cmp"
	"context"
	"slices"
	"sync"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"holdfast/event"
)

// A table is scanned in so many parts at once, so many items a request: less than
// the 1 MB that a request may bring, so that each is answered in its time over a
// slow line too.
const (
	scanSegments = 4
	scanPage     = 1000
)

// gathered pages through a table in ascending Number, for which it has no index:
// a walk's first page scans the table and sorts its orders' refs in memory, some
// 100 MB a million; the pages behind it are cut from those. It is for an audit,
// once in a while.
type gathered struct {
	*core
	table string

	mu   sync.Mutex
	refs []event.Ref // of the walk under way, in ascending Number; nil: there is none
}

// page is at most limit of the refs after a Number. It scans the table anew from
// the first Number and where no walk is under way; the empty page ends the walk.
func (g *gathered) page(ctx context.Context, after int64, limit int) ([]event.Ref, error) {
	refs := g.underWay()
	if after <= 0 || refs == nil {
		var err error
		if refs, err = g.scan(ctx); err != nil {
			return nil, err
		}
	}
	begin, _ := slices.BinarySearchFunc(refs, after+1, func(r event.Ref, n int64) int { return cmp.Compare(r.Number, n) })
	page := refs[begin:min(begin+limit, len(refs))]
	if len(page) == 0 {
		refs = nil
	}
	g.mu.Lock()
	g.refs = refs
	g.mu.Unlock()
	return page, nil
}

func (g *gathered) underWay() []event.Ref {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refs
}

// scan reads the refs of all of the table's items, strongly consistent, in
// ascending Number. An item that is no order's has none, and so comes before the
// first page.
func (g *gathered) scan(ctx context.Context) ([]event.Ref, error) {
	segments := make([][]event.Ref, scanSegments)
	err := each(ctx, scanSegments, func(ctx context.Context, i int) (err error) {
		segments[i], err = g.segment(ctx, int32(i))
		return err
	})
	all := slices.Concat(segments...)
	slices.SortFunc(all, func(a, b event.Ref) int { return cmp.Compare(a.Number, b.Number) })
	return all, err
}

func (g *gathered) segment(ctx context.Context, i int32) (refs []event.Ref, err error) {
	pages := dynamodb.NewScanPaginator(g.db, &dynamodb.ScanInput{
		TableName: &g.table, ConsistentRead: awssdk.Bool(true), Limit: awssdk.Int32(scanPage), Segment: &i, TotalSegments: awssdk.Int32(scanSegments),
		ProjectionExpression: awssdk.String("#k, #n"), ExpressionAttributeNames: map[string]string{"#k": keyAttribute, "#n": numberAttribute},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, translate(ctx, "reading "+g.table, err)
		}
		for _, i := range page.Items {
			var r event.Ref
			if err := cmp.Or(attributevalue.Unmarshal(i[keyAttribute], &r.OrderID), attributevalue.Unmarshal(i[numberAttribute], &r.Number)); err != nil {
				return nil, err
			}
			refs = append(refs, r)
		}
	}
	return refs, nil
}

// orderIDs are the keys of the orders' records.
func orderIDs(refs []event.Ref) []string {
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = r.OrderID
	}
	return ids
}
