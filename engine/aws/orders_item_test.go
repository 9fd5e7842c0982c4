package aws

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"holdfast/event"
	"holdfast/order"
)

// sizeOf is what DynamoDB takes an attribute's value to be, in bytes ("DynamoDB
// item sizes and formats", Amazon DynamoDB Developer Guide).
func sizeOf(v types.AttributeValue) (n int) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return len(strings.Trim(v.Value, "-0"))/2 + 2
	case *types.AttributeValueMemberBOOL:
		return 1
	case *types.AttributeValueMemberL:
		for _, e := range v.Value {
			n += 1 + sizeOf(e)
		}
		return n + 3
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + itemBytes(v.Value)
	}
	panic(reflect.TypeOf(v))
}

func itemBytes(i item) (n int) {
	for name, v := range i {
		n += len(name) + sizeOf(v)
	}
	return n
}

// longest is the changes of the longest life of an order.
func longest(o order.Order) []order.Change {
	at := o.CreatedAt()
	price := event.Money{Amount: 1_234_567, Currency: "USD"}
	priced := []event.Line{{SKU: o.Lines[0].SKU, Qty: 1, UnitPrice: price}}
	return []order.Change{
		{Ref: o.Ref, To: order.Reserved, At: at.Add(time.Second), Due: at.Add(time.Hour), Lines: priced, Total: price},
		{Ref: o.Ref, To: order.Completed, At: at.Add(2 * time.Second), ReservedAt: at, Lines: priced, Total: price},
		{Ref: o.Ref, To: order.Refunding, At: at.Add(time.Minute), Due: at.Add(time.Hour), Restock: true},
		{Ref: o.Ref, To: order.Refunded, At: at.Add(time.Hour)},
	}
}

func TestAOneLineOrderIsOneWriteUnitAllItsLife(t *testing.T) {
	o := placed("01934f2a-7c3e-7b1a-9f00-3a5c7e9b1d24")
	o.Number, o.PaymentMethod, o.Attempts = 1<<62, "sim_approve", 12
	o.Lines[0].SKU = "A-RATHER-LONG-SKU.1234567890"
	s := newRecords(&core{}, "orders", encodeOrder, decodeOrder)
	for rev, c := range append([]order.Change{{}}, longest(o)...) {
		if c.To != "" {
			o.Apply(c)
		}
		i := must(s.seal(o.OrderID, o, int64(1000+rev)))(t)
		if n := itemBytes(i); n > 900 { // a KiB, and room for longer names
			t.Errorf("%s is %d bytes", o.Status, n)
		}
		if got := must(decodeOrder(i))(t); !reflect.DeepEqual(got, o) {
			t.Errorf("%s is read as\n%+v, want\n%+v", o.Status, got, o)
		}
	}
}

func TestAnEndedOrderHasLeftTheIndexOfDueOrders(t *testing.T) {
	o := placed("o")
	for _, c := range longest(o) {
		o.Apply(c)
		i := must(encodeOrder(o))(t)
		_, shard := i[byDue.partition]
		_, due := i[byDue.sort]
		if open := !o.Status.Ended(); shard != open || due != open {
			t.Errorf("%s is in by-due: %t, %t", o.Status, shard, due)
		}
		for _, x := range []index{byUser, byDay} {
			if i[x.partition] == nil || i[x.sort] == nil {
				t.Errorf("%s is not in %s", o.Status, x.name)
			}
		}
	}
}

func TestShardsNeverChangeAndTakeTheirShare(t *testing.T) {
	for id, want := range map[string][2]string{"o": {"04", "04"}, "01934f2a-7c3e-7b1a-9f00-3a5c7e9b1d24": {"07", "23"}} {
		if got := [2]string{shard(id, dayShards), shard(id, dueShards)}; got != want {
			t.Errorf("%s is in the shards %v; orders stored before are in %v", id, got, want)
		}
	}
	orders := make(map[string]int)
	for i := range 100 * dueShards {
		orders[shard(fmt.Sprintf("order-%06d", i), dueShards)]++
	}
	for _, name := range shardsOf("", dueShards) {
		if n := orders[name]; n < 50 || n > 150 {
			t.Errorf("shard %s has %d orders of %d", name, n, 100*dueShards)
		}
	}
}
