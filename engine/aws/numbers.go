package aws

import (
	"context"
	"fmt"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// An order's Number is the time at which it was placed, the node that placed it
// and a sequence within the millisecond:
//
//	milliseconds since 2025 (41 bits) │ node (10) │ sequence (12)
//
// so that processes number their orders without asking one another, and Numbers
// rise with time as far as the processes' clocks agree. 41 bits last until 2094.
const (
	sequenceBits = 12
	nodeBits     = 10
	timeShift    = sequenceBits + nodeBits
)

var numberEpoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// numberedAt is when the order of this Number was placed.
func numberedAt(number int64) time.Time { return time.UnixMilli(numberEpoch + number>>timeShift).UTC() }

// dayOf is the date of a Number, by which all orders are listed.
func dayOf(number int64) string { return numberedAt(number).Format(time.DateOnly) }

// startOf is the least Number of a day, as dayOf writes it.
func startOf(day string) (int64, error) {
	midnight, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0, fmt.Errorf("%q is listed as a day with orders: %w", day, err)
	}
	return (midnight.UnixMilli() - numberEpoch) << timeShift, nil
}

// Two items of the orders table are no orders. No order's id has a # in it.
const (
	nodeItem      = "#node" // counts the processes that have numbered orders
	nodeAttribute = "nodes"
	daysItem      = "#days" // names the days that have orders
	daysAttribute = "days"
)

// numbering gives orders their Numbers. What it writes comes before the orders'
// own write, which is the one that a Fault strikes.
type numbering struct {
	*core
	table string

	turn chan struct{}   // holds one token while what follows is in use
	node int64           // -1: not claimed yet
	last int64           // the Number given out last
	days map[string]bool // those that this process has named
}

func newNumbering(c *core, table string) *numbering {
	return &numbering{core: c, table: table, turn: make(chan struct{}, 1), node: -1, days: make(map[string]bool)}
}

// next returns n Numbers, each greater than all before, whose days can be listed.
func (s *numbering) next(ctx context.Context, n int) ([]int64, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.claim(ctx); err != nil {
		return nil, err
	}
	numbers := s.draw(n)
	for _, number := range numbers {
		if err := s.name(ctx, dayOf(number)); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// draw takes the next n Numbers. Where the clock stands, or has gone back, or a
// millisecond's sequence is used up, they go on from the last one.
func (s *numbering) draw(n int) []int64 {
	ms := max(s.now().UnixMilli()-numberEpoch, 1)
	least := ms<<timeShift | s.node<<sequenceBits
	numbers := make([]int64, n)
	for i := range numbers {
		s.last = max(least, s.following(s.last))
		numbers[i] = s.last
	}
	return numbers
}

// following is the node's Number after the one given.
func (s *numbering) following(number int64) int64 {
	const lastOfSequence = 1<<sequenceBits - 1
	if number&lastOfSequence < lastOfSequence {
		return number + 1
	}
	return (number>>timeShift+1)<<timeShift | s.node<<sequenceBits
}

// claim gives the process a node before its first order; one that only reads
// takes none. Nodes are handed out in turn: two processes have the same one only
// if 1,023 others began to place orders between them and both are at work still.
func (s *numbering) claim(ctx context.Context) error {
	if s.node >= 0 {
		return nil
	}
	answer, err := s.add(ctx, nodeItem, nodeAttribute, numberValue(1))
	if err != nil {
		return err
	}
	var nodes int64
	if err := attributevalue.Unmarshal(answer.Attributes[nodeAttribute], &nodes); err != nil {
		return fmt.Errorf("%s: the count of nodes cannot be read: %w", s.table, err)
	}
	s.node = nodes % (1 << nodeBits)
	return nil
}

// name makes sure that a day is among those with orders.
func (s *numbering) name(ctx context.Context, day string) error {
	if s.days[day] {
		return nil
	}
	_, err := s.add(ctx, daysItem, daysAttribute, &types.AttributeValueMemberSS{Value: []string{day}})
	s.days[day] = err == nil
	return err
}

// add adds to an attribute of an item, a count or a set. Repeated after a lost
// answer it skips a node, and adds no day twice.
func (s *numbering) add(ctx context.Context, id, attribute string, value types.AttributeValue) (*dynamodb.UpdateItemOutput, error) {
	answer, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: item{keyAttribute: textValue(id)},
		UpdateExpression:          awssdk.String("ADD #a :v"),
		ExpressionAttributeNames:  map[string]string{"#a": attribute},
		ExpressionAttributeValues: item{":v": value},
		ReturnValues:              types.ReturnValueUpdatedNew,
	})
	return answer, translate(ctx, "writing to "+s.table, err)
}

// dated are the days on which orders were placed, in ascending order.
func (s *numbering) dated(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found, err := s.batchGet(ctx, s.table, keyAttribute, []string{daysItem})
	if err != nil {
		return nil, err
	}
	days, ok := found[daysItem][daysAttribute].(*types.AttributeValueMemberSS)
	if !ok {
		return nil, nil // no order was ever placed
	}
	return slices.Sorted(slices.Values(days.Value)), nil
}
