package cost

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// answered counts the capacity that the answer tells of, and the items written.
func (r *dynamoDB) answered(m *Meter, result any) {
	consumed, undone := r.read(result)
	if len(consumed) == 0 {
		r.untold(m, result)
	}
	repeated := false
	for i := range consumed {
		repeated = r.capacity(m, &consumed[i]) || repeated
	}
	if repeated {
		return
	}
	items := make(map[string]int)
	for _, w := range r.writes {
		if !w.check {
			items[w.table]++
		}
	}
	for table, n := range undone {
		items[table] -= n
		m.add(at(table, r.operation), figures{throttles: 1})
	}
	for table, n := range items {
		if n > 0 {
			m.add(at(table, r.operation), figures{itemWrites: float64(n)})
		}
	}
}

// untold counts an answer that does not tell of capacity, as AWS's do and not every
// emulator's: writes by what they carry, a batch of reads by what it brought.
func (r *dynamoDB) untold(m *Meter, result any) {
	r.each(m, figures{})
	out, ok := result.(*dynamodb.BatchGetItemOutput)
	if !ok {
		return
	}
	for table, ask := range r.reads {
		found := out.Responses[table]
		pages := ask.keys - len(found) - len(out.UnprocessedKeys[table].Keys) // for those that are not there
		for _, i := range found {
			pages += max(1, (itemSize(i)+4095)/4096)
		}
		m.add(at(table, r.operation), figures{read: float64(pages) * ask.rate})
	}
}

// read takes the capacity out of an answer, and by table how many writes a batch
// left undone, 0 where it left reads. It does so where it would be throttled.
func (r *dynamoDB) read(result any) (consumed []types.ConsumedCapacity, undone map[string]int) {
	undone = make(map[string]int)
	switch out := result.(type) {
	case *dynamodb.TransactGetItemsOutput:
		consumed = out.ConsumedCapacity
	case *dynamodb.TransactWriteItemsOutput:
		consumed = out.ConsumedCapacity
	case *dynamodb.BatchGetItemOutput:
		consumed = out.ConsumedCapacity
		for table := range out.UnprocessedKeys {
			undone[table] = 0
		}
	case *dynamodb.BatchWriteItemOutput:
		consumed = out.ConsumedCapacity
		for table, entries := range out.UnprocessedItems {
			undone[table] = len(entries)
		}
	default:
		if c := readOne(result); c != nil {
			consumed = []types.ConsumedCapacity{*c}
		}
	}
	return consumed, undone
}

func readOne(result any) *types.ConsumedCapacity {
	switch out := result.(type) {
	case *dynamodb.GetItemOutput:
		return out.ConsumedCapacity
	case *dynamodb.QueryOutput:
		return out.ConsumedCapacity
	case *dynamodb.ScanOutput:
		return out.ConsumedCapacity
	case *dynamodb.PutItemOutput:
		return out.ConsumedCapacity
	case *dynamodb.UpdateItemOutput:
		return out.ConsumedCapacity
	case *dynamodb.DeleteItemOutput:
		return out.ConsumedCapacity
	}
	return nil
}

// capacity counts what an answer says of one table: to each index its part, to the
// table itself the rest. It reports whether the call was a transaction repeated
// under its token: that writes nothing, and reads the items that it wrote before.
func (r *dynamoDB) capacity(m *Meter, c *types.ConsumedCapacity) (repeated bool) {
	rest := deref(c.CapacityUnits)
	repeated = r.transactional && len(r.writes) > 0 && deref(c.ReadCapacityUnits) > 0
	reads := repeated || len(r.writes) == 0
	count := func(index string, units float64) {
		l := at(deref(c.TableName), r.operation)
		l.index = index
		if reads {
			m.add(l, figures{read: units})
		} else {
			m.add(l, figures{write: units})
		}
	}
	for _, indexes := range []map[string]types.Capacity{c.GlobalSecondaryIndexes, c.LocalSecondaryIndexes} {
		for index, part := range indexes {
			units := deref(part.CapacityUnits)
			count(index, units)
			rest -= units
		}
	}
	if rest > 0 {
		count("", rest)
	}
	return repeated
}
