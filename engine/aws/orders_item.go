package aws

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"holdfast/event"
	"holdfast/order"
)

// orderItem is an order as its item holds it. A started KiB is a write unit, so
// names are short: an order of one line stays within one unit all its life. Owner,
// Day, Shard, Number and Due are the indexes' keys; an order that has ended has
// left by-due, for which it drops Shard and Due.
type orderItem struct {
	ID          string       `dynamodbav:"id"`
	Number      int64        `dynamodbav:"number"`
	Owner       string       `dynamodbav:"owner"` // see ownerOf
	Day         string       `dynamodbav:"day"`   // the Number's date, #, one of dayShards
	Shard       string       `dynamodbav:"shard,omitempty"`
	Due         int64        `dynamodbav:"due,omitempty"`
	Attempts    int          `dynamodbav:"asked,omitempty"`
	Status      order.Status `dynamodbav:"status"`
	Reason      string       `dynamodbav:"reason,omitempty"`
	Lines       []lineItem   `dynamodbav:"lines,omitempty"`
	Short       []shortItem  `dynamodbav:"short,omitempty"`
	Total       int64        `dynamodbav:"total,omitempty"`
	Currency    string       `dynamodbav:"cur,omitempty"`
	Method      string       `dynamodbav:"method,omitempty"`
	Restock     bool         `dynamodbav:"restock,omitempty"`
	Hold        int64        `dynamodbav:"hold,omitempty"` // HoldUntil
	History     []stepItem   `dynamodbav:"steps"`
	Fingerprint []byte       `dynamodbav:"fp"`
	Rendering   int          `dynamodbav:"form"`
}

// lineItem is an event.Line; an amount stands for nothing without its currency.
type lineItem struct {
	SKU      string `dynamodbav:"sku"`
	Qty      int64  `dynamodbav:"qty"`
	Price    int64  `dynamodbav:"price,omitempty"`
	Currency string `dynamodbav:"cur,omitempty"`
}

// shortItem is an event.Shortfall.
type shortItem struct {
	SKU       string `dynamodbav:"sku"`
	Qty       int64  `dynamodbav:"qty"`
	Available int64  `dynamodbav:"left"`
}

// stepItem is an order.Entry.
type stepItem struct {
	Status order.Status `dynamodbav:"s"`
	At     int64        `dynamodbav:"at"`
	Reason string       `dynamodbav:"why,omitempty"`
}

// ownerSeparator stands between an order's caller and its user. No user id has it:
// it cannot be printed.
const ownerSeparator = "\x1f"

// ownerOf is by whom an order is listed: a caller's users are the caller's own.
func ownerOf(caller, user string) string { return caller + ownerSeparator + user }

func encodeOrder(o order.Order) (item, error) {
	i := orderItem{
		ID: o.OrderID, Number: o.Number, Owner: ownerOf(o.Caller, o.UserID), Day: dayOf(o.Number) + "#" + shard(o.OrderID, dayShards),
		Due: unixMilli(o.Due), Attempts: o.Attempts, Status: o.Status, Reason: o.Reason, Total: o.Total.Amount, Currency: o.Total.Currency,
		Method: o.PaymentMethod, Restock: o.Restock, Hold: unixMilli(o.HoldUntil), Fingerprint: o.Fingerprint[:], Rendering: o.Rendering,
	}
	if i.Due != 0 {
		i.Shard = shard(o.OrderID, dueShards)
	}
	for _, l := range o.Lines {
		i.Lines = append(i.Lines, lineItem{l.SKU, l.Qty, l.UnitPrice.Amount, l.UnitPrice.Currency})
	}
	for _, s := range o.Short {
		i.Short = append(i.Short, shortItem(s))
	}
	for _, e := range o.History {
		i.History = append(i.History, stepItem{e.Status, e.At.UnixMilli(), e.Reason})
	}
	return attributevalue.MarshalMap(i)
}

func decodeOrder(stored item) (order.Order, error) {
	var i orderItem
	if err := attributevalue.UnmarshalMap(stored, &i); err != nil {
		return order.Order{}, err
	}
	o := order.Order{
		Ref: event.Ref{OrderID: i.ID, Number: i.Number}, PaymentMethod: i.Method, Rendering: i.Rendering, HoldUntil: fromMilli(i.Hold),
		Status: i.Status, Reason: i.Reason, Total: event.Money{Amount: i.Total, Currency: i.Currency}, Restock: i.Restock,
		Due: fromMilli(i.Due), Attempts: i.Attempts,
	}
	if at := strings.LastIndex(i.Owner, ownerSeparator); at >= 0 {
		o.Caller, o.UserID = i.Owner[:at], i.Owner[at+len(ownerSeparator):]
	}
	copy(o.Fingerprint[:], i.Fingerprint)
	for _, l := range i.Lines {
		o.Lines = append(o.Lines, event.Line{SKU: l.SKU, Qty: l.Qty, UnitPrice: event.Money{Amount: l.Price, Currency: l.Currency}})
	}
	for _, s := range i.Short {
		o.Short = append(o.Short, event.Shortfall(s))
	}
	for _, e := range i.History {
		o.History = append(o.History, order.Entry{Status: e.Status, At: time.UnixMilli(e.At).UTC(), Reason: e.Reason})
	}
	return o, nil
}
