package cost

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// dynamoDB is a call that reads or writes items.
type dynamoDB struct {
	operation     string
	tables        []string // that it reads
	reads         map[string]batchRead
	writes        []write // none: it reads
	transactional bool
}

// batchRead is what a BatchGetItem reads of one table.
type batchRead struct {
	keys int
	rate float64 // read units for each started 4 KiB
}

// write is what a call writes to one item, or would.
type write struct {
	table string
	size  int  // bytes of what the request carries of the item
	check bool // it only asks for a condition
	old   bool // a refusal brings the item that is there
}

const indexes = types.ReturnConsumedCapacityIndexes

// describeDynamoDB reads a call's input, and returns with it a copy that asks for
// the capacity consumed; nil for a call that consumes none.
func describeDynamoDB(operation string, input any) (*dynamoDB, any) {
	if r, asking := describeWrite(operation, input); r != nil {
		return r, asking
	}
	r := &dynamoDB{operation: operation}
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		asking := *in
		asking.ReturnConsumedCapacity, r.tables = indexes, []string{deref(in.TableName)}
		return r, &asking
	case *dynamodb.QueryInput:
		asking := *in
		asking.ReturnConsumedCapacity, r.tables = indexes, []string{deref(in.TableName)}
		return r, &asking
	case *dynamodb.ScanInput:
		asking := *in
		asking.ReturnConsumedCapacity, r.tables = indexes, []string{deref(in.TableName)}
		return r, &asking
	case *dynamodb.BatchGetItemInput:
		asking := *in
		asking.ReturnConsumedCapacity = indexes
		r.reads, r.tables = batchReads(in.RequestItems), slices.Sorted(maps.Keys(in.RequestItems))
		return r, &asking
	case *dynamodb.TransactGetItemsInput:
		asking := *in
		asking.ReturnConsumedCapacity = indexes
		for _, i := range in.TransactItems {
			r.tables = append(r.tables, deref(i.Get.TableName))
		}
		return r, &asking
	}
	return nil, nil
}

func describeWrite(operation string, input any) (*dynamoDB, any) {
	r := &dynamoDB{operation: operation}
	switch in := input.(type) {
	case *dynamodb.PutItemInput:
		asking := *in
		asking.ReturnConsumedCapacity = indexes
		r.writes = []write{{table: deref(in.TableName), size: itemSize(in.Item), old: returned(in.ReturnValuesOnConditionCheckFailure)}}
		return r, &asking
	case *dynamodb.UpdateItemInput:
		asking := *in
		asking.ReturnConsumedCapacity = indexes
		r.writes = []write{{table: deref(in.TableName), size: itemSize(in.Key) + itemSize(in.ExpressionAttributeValues), old: returned(in.ReturnValuesOnConditionCheckFailure)}}
		return r, &asking
	case *dynamodb.DeleteItemInput:
		asking := *in
		asking.ReturnConsumedCapacity = indexes
		r.writes = []write{{table: deref(in.TableName), size: itemSize(in.Key), old: returned(in.ReturnValuesOnConditionCheckFailure)}}
		return r, &asking
	case *dynamodb.BatchWriteItemInput:
		asking := *in
		asking.ReturnConsumedCapacity, r.writes = indexes, batchWrites(in.RequestItems)
		return r, &asking
	case *dynamodb.TransactWriteItemsInput:
		asking := *in
		asking.ReturnConsumedCapacity, r.transactional = indexes, true
		for _, i := range in.TransactItems {
			r.writes = append(r.writes, transactWrite(i))
		}
		return r, &asking
	}
	return nil, nil
}

func batchReads(requests map[string]types.KeysAndAttributes) map[string]batchRead {
	reads := make(map[string]batchRead, len(requests))
	for table, ask := range requests {
		rate := 0.5
		if deref(ask.ConsistentRead) {
			rate = 1
		}
		reads[table] = batchRead{len(ask.Keys), rate}
	}
	return reads
}

func batchWrites(requests map[string][]types.WriteRequest) (writes []write) {
	for table, entries := range requests {
		for _, e := range entries {
			w := write{table: table}
			if e.PutRequest != nil {
				w.size = itemSize(e.PutRequest.Item)
			}
			if e.DeleteRequest != nil {
				w.size = itemSize(e.DeleteRequest.Key)
			}
			writes = append(writes, w)
		}
	}
	return writes
}

func transactWrite(i types.TransactWriteItem) write {
	switch {
	case i.Put != nil:
		return write{table: deref(i.Put.TableName), size: itemSize(i.Put.Item), old: returned(i.Put.ReturnValuesOnConditionCheckFailure)}
	case i.Update != nil:
		return write{
			table: deref(i.Update.TableName), old: returned(i.Update.ReturnValuesOnConditionCheckFailure),
			size: itemSize(i.Update.Key) + itemSize(i.Update.ExpressionAttributeValues),
		}
	case i.Delete != nil:
		return write{table: deref(i.Delete.TableName), size: itemSize(i.Delete.Key), old: returned(i.Delete.ReturnValuesOnConditionCheckFailure)}
	case i.ConditionCheck != nil:
		c := i.ConditionCheck
		return write{table: deref(c.TableName), size: itemSize(c.Key), check: true, old: returned(c.ReturnValuesOnConditionCheckFailure)}
	}
	return write{}
}

func returned(r types.ReturnValuesOnConditionCheckFailure) bool {
	return r == types.ReturnValuesOnConditionCheckFailureAllOld
}

// deref is what p points to, or nothing.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
