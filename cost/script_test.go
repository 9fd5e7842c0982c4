package cost

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"holdfast/emulator"
)

// script makes known calls, of which the test below knows by hand what they cost.
type script struct {
	*testing.T
	prefix string
	db     *dynamodb.Client
	queues *sqs.Client
	url    *string // of the inventory queue
}

func newScript(t *testing.T) (*script, *Meter) {
	emulated := emulator.ForTest(t)
	s, m := &script{T: t, prefix: emulated.Fresh(t)}, NewMeter()
	queue, err := sqs.NewFromConfig(emulated.Config()).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: s.name("inventory")})
	s.must(err)
	s.url = queue.QueueUrl
	config := emulated.Config()
	m.Watch(&config)
	s.db, s.queues = dynamodb.NewFromConfig(config), sqs.NewFromConfig(config)
	return s, m
}

func (s *script) name(short string) *string { return aws.String(s.prefix + "-" + short) }

func (s *script) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *script) mustFail(err error) {
	s.Helper()
	if err == nil {
		s.Fatal("a call that was to be refused came through")
	}
}

func number(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }

func (s *script) put(table string, i item, condition string, old types.ReturnValuesOnConditionCheckFailure) error {
	in := &dynamodb.PutItemInput{TableName: s.name(table), Item: i, ReturnValuesOnConditionCheckFailure: old}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	_, err := s.db.PutItem(context.Background(), in)
	return err
}

func (s *script) update(table string, key item, expression string, values item) {
	s.Helper()
	_, err := s.db.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
		TableName: s.name(table), Key: key, UpdateExpression: &expression, ExpressionAttributeValues: values,
	})
	s.must(err)
}

// hold is a transaction of two reservations and the stock that they take.
func (s *script) hold(token string, ids ...string) error {
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: &token}
	for _, id := range ids {
		in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Put: &types.Put{
			TableName: s.name("reservations"), Item: item{"id": text(id)}, ConditionExpression: aws.String(absent),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}})
	}
	in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Update: &types.Update{
		TableName: s.name("stock"), Key: item{"sku": text("S")}, UpdateExpression: aws.String("ADD available :n"),
		ExpressionAttributeValues: item{":n": number("-1")},
	}})
	_, err := s.db.TransactWriteItems(context.Background(), in)
	return err
}

func (s *script) orders() {
	order := item{
		"id": text("o-1"), "owner": text("local\x1falice"), "day": text("2026-11-23#07"), "shard": text("03"),
		"number": number("7"), "due": number("1000"),
	}
	s.must(s.put("orders", order, absent, ""))
	s.mustFail(s.put("orders", order, absent, types.ReturnValuesOnConditionCheckFailureAllOld))
	s.update("orders", item{"id": text("o-1")}, "SET due = :d", item{":d": number("2000")})
	s.update("orders", item{"id": text("o-1")}, "REMOVE due", nil)
	_, err := s.db.BatchGetItem(context.Background(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		*s.name("orders"): {ConsistentRead: aws.Bool(true), Keys: []item{{"id": text("o-1")}, {"id": text("o-2")}}},
	}})
	s.must(err)
	_, err = s.db.Query(context.Background(), &dynamodb.QueryInput{
		TableName: s.name("orders"), IndexName: aws.String("by-user"),
		KeyConditionExpression: aws.String("#o = :o"), ExpressionAttributeNames: map[string]string{"#o": "owner"},
		ExpressionAttributeValues: item{":o": text("local\x1falice")},
	})
	s.must(err)
}

func (s *script) stock() {
	s.must(s.put("stock", item{"sku": text("S"), "available": number("10")}, "", ""))
	s.must(s.hold("token-1", "o-1", "o-2"))
	s.must(s.hold("token-1", "o-1", "o-2"))
	s.mustFail(s.hold("token-2", "o-1", "o-3"))
}

func (s *script) payments() {
	s.must(s.put("payments", item{"id": text("p"), "note": text(strings.Repeat("x", 2500))}, "", ""))
	s.mustFail(s.put("payments", item{"id": text("p")}, absent, types.ReturnValuesOnConditionCheckFailureAllOld))
	s.mustFail(s.put("payments", item{"id": text("p")}, absent, ""))
	s.must(s.put("gateway", item{"id": text("p")}, "", ""))
	_, err := s.db.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: s.name("keys"), Key: item{"box": text("k"), "id": text("none")}})
	s.must(err)
}

func (s *script) messages() {
	half := strings.Repeat("x", 65<<10)
	_, err := s.queues.SendMessageBatch(context.Background(), &sqs.SendMessageBatchInput{QueueUrl: s.url, Entries: []sqstypes.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: &half}, {Id: aws.String("b"), MessageBody: &half},
	}})
	s.must(err)
	got, err := s.queues.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: s.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 5})
	s.must(err)
	_, err = s.queues.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: s.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
	s.must(err)
	var done []sqstypes.DeleteMessageBatchRequestEntry
	for _, m := range got.Messages {
		done = append(done, sqstypes.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle})
	}
	_, err = s.queues.DeleteMessageBatch(context.Background(), &sqs.DeleteMessageBatchInput{QueueUrl: s.url, Entries: done})
	s.must(err)
}

func TestTheMeterAgreesWithACountByHand(t *testing.T) {
	s, m := newScript(t)
	s.orders()
	s.stock()
	s.payments()
	s.messages()

	want := tally{
		// The first write brings three index entries; a refused one costs the item there.
		{"order", "orders", "", "PutItem"}:        {write: 1 + 1, itemWrites: 1, conditions: 1},
		{"order", "orders", "by-user", "PutItem"}: {write: 1},
		{"order", "orders", "by-day", "PutItem"}:  {write: 1},
		{"order", "orders", "by-due", "PutItem"}:  {write: 1},
		// A key of an index that changes is taken out and put in; one that goes is taken out.
		{"order", "orders", "", "UpdateItem"}:       {write: 1 + 1, itemWrites: 2},
		{"order", "orders", "by-due", "UpdateItem"}: {write: 2 + 1},
		// An item that is not there costs a read too.
		{"order", "orders", "", "BatchGetItem"}: {read: 2},
		{"order", "orders", "by-user", "Query"}: {read: 0.5},

		{"inventory", "stock", "", "PutItem"}: {write: 1, itemWrites: 1},
		// Two units an item; its repeat under one token reads at two units an item; the
		// cancelled one is counted as carried out.
		{"inventory", "reservations", "", "TransactWriteItems"}: {write: 4 + 4, read: 4, itemWrites: 2, conditions: 1},
		{"inventory", "stock", "", "TransactWriteItems"}:        {write: 2 + 2, read: 2, itemWrites: 1},

		// 2,506 bytes are three units, to write and to be refused by; unless they were
		// not asked for.
		{"payment", "payments", "", "PutItem"}: {write: 3 + 3 + 1, itemWrites: 1, conditions: 2},
		{Shared, "keys", "", "GetItem"}:        {read: 0.5},

		// 130 KiB are three requests, sent and received.
		{"inventory", "inventory", "", "SendMessageBatch"}:   {requests: 3},
		{"inventory", "inventory", "", "ReceiveMessage"}:     {requests: 3 + 1, receives: 2, messages: 2},
		{"inventory", "inventory", "", "DeleteMessageBatch"}: {requests: 1},
	}
	compare(t, m.tally, want)
	if len(m.leftOut) != 1 || m.leftOut[*s.name("gateway")] != 1 {
		t.Errorf("left out: %v, want one unit of the gateway's table", m.leftOut)
	}
}
