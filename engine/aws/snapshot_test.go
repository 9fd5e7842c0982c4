package aws

import (
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"holdfast/inventory"
)

func TestABalanceSaysWhetherItsSKUHasMoved(t *testing.T) {
	row := func(sku string, version int64) inventory.Stock { return inventory.Stock{SKU: sku, Version: version} }
	before := map[string]inventory.Stock{"moved": row("moved", 4), "still": row("still", 7)}
	after := map[string]inventory.Stock{"moved": row("moved", 5), "still": row("still", 7), "new": row("new", 1)}
	got := balance(before, after, []inventory.LedgerRow{
		{SKU: "still", Delta: 5}, {SKU: "orphan", Delta: 3}, {}, {SKU: "still", Delta: -2}, {SKU: "new", Delta: 1},
	})
	want := []inventory.Balance{
		{Stock: row("moved", 5), Moved: true},
		{Stock: row("new", 1), Ledger: 1, Moved: true},
		{Stock: inventory.Stock{SKU: "orphan"}, Ledger: 3},
		{Stock: row("still", 7), Ledger: 3},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestAnAdjustmentIsInTheLedgerOnce(t *testing.T) {
	entry := bookedItem(inventory.LedgerRow{AdjustmentID: "x", SKU: "A", Delta: 3, Reason: "found", At: benchStart}, 9)
	for i, want := range map[ledgerItem]string{entry: "A", entry.byID(): ""} {
		stored, err := attributevalue.MarshalMap(i)
		if err != nil {
			t.Fatal(err)
		}
		if row, err := readEntry(stored); err != nil || row.SKU != want {
			t.Errorf("the item under %s is read as %+v, %v", i.SKU, row, err)
		}
		if row, _, err := decodeEntry(stored); err != nil || row.SKU != "A" || row.AdjustmentID != "x" {
			t.Errorf("the item under %s says %+v, %v", i.SKU, row, err)
		}
	}
}
