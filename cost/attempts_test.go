package cost

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// answer is what the wire says to one attempt.
type answer struct {
	status int
	body   string
	err    error
}

// wire answers attempts one after another, and keeps what they asked.
type wire struct {
	answers []answer
	asked   []string
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.asked = append(w.asked, string(asked))
	if len(w.answers) == 0 {
		return nil, errors.New("one attempt too many")
	}
	a := w.answers[0]
	w.answers = w.answers[1:]
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		StatusCode: a.status, Request: r, Body: io.NopCloser(bytes.NewBufferString(a.body)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
	}, nil
}

// metered is a configuration whose attempts get these answers, without a pause.
func metered(answers ...answer) (aws.Config, *Meter, *wire) {
	w, m := &wire{answers: answers}, NewMeter()
	c := aws.Config{
		Region: "us-east-1", HTTPClient: w, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Backoff, o.RateLimiter = retry.BackoffDelayerFunc(noPause), ratelimit.None
			})
		},
	}
	m.Watch(&c)
	return c, m, w
}

// refusal is an error of AWS, with more of its body.
func refusal(status int, code string, more string) answer {
	return answer{status: status, body: `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"no"` + more + `}`}
}

var (
	done     = answer{status: 200, body: `{"ConsumedCapacity":{"TableName":"h-payments","CapacityUnits":1,"Table":{"CapacityUnits":1}}}`}
	lost     = answer{err: errors.New("connection reset by peer")}
	offline  = answer{err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}
	throttle = refusal(400, "ProvisionedThroughputExceededException", "")
	broken   = refusal(500, "InternalServerError", "")
	strange  = refusal(503, "ServiceUnavailable", "")
	underWay = refusal(400, "TransactionInProgressException", "")
	denied   = refusal(400, "AccessDeniedException", "")
)

func put(size int) func(aws.Config) {
	return func(c aws.Config) {
		dynamodb.NewFromConfig(c).PutItem(context.Background(), &dynamodb.PutItemInput{
			TableName: aws.String("h-payments"), Item: item{"id": text(strings.Repeat("x", size-2))},
		})
	}
}

func transact(c aws.Config) {
	all := types.ReturnValuesOnConditionCheckFailureAllOld
	dynamodb.NewFromConfig(c).TransactWriteItems(context.Background(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: aws.String("h-reservations"), Item: item{"id": text(strings.Repeat("x", 1500))}}},
			{Update: &types.Update{TableName: aws.String("h-stock"), Key: item{"sku": text("S")}, UpdateExpression: aws.String("ADD a :n"), ReturnValuesOnConditionCheckFailure: all}},
			{ConditionCheck: &types.ConditionCheck{TableName: aws.String("h-stock"), Key: item{"sku": text("T")}, ConditionExpression: aws.String(absent)}},
			{Delete: &types.Delete{TableName: aws.String("h-reservations"), Key: item{"id": text("y")}}},
		},
	})
}

func reasons(codes ...string) answer {
	var all []string
	for _, code := range codes {
		all = append(all, `{"Code":"`+code+`"}`)
	}
	return refusal(400, "TransactionCanceledException", `,"CancellationReasons":[`+strings.Join(all, ",")+`]`)
}

func batch(c aws.Config) {
	dynamodb.NewFromConfig(c).BatchWriteItem(context.Background(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{
		"h-keys": {{PutRequest: &types.PutRequest{Item: item{"id": text("a")}}}, {DeleteRequest: &types.DeleteRequest{Key: item{"id": text("b")}}}},
	}})
}

func read(c aws.Config) {
	dynamodb.NewFromConfig(c).BatchGetItem(context.Background(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		"h-orders": {ConsistentRead: aws.Bool(true), Keys: []item{{"id": text("a")}, {"id": text("b")}, {"id": text("c")}}},
	}})
}

func send(c aws.Config) {
	sqs.NewFromConfig(c).SendMessage(context.Background(), &sqs.SendMessageInput{
		QueueUrl: aws.String("https://sqs.us-east-1.amazonaws.com/1/h-a-payment-dlq"), MessageBody: aws.String(strings.Repeat("x", 64<<10+1)),
	})
}

var (
	putLine     = line{"payment", "payments", "", "PutItem"}
	holdLine    = line{"inventory", "reservations", "", "TransactWriteItems"}
	stockLine   = line{"inventory", "stock", "", "TransactWriteItems"}
	sendLine    = line{"payment", "payment-dlq", "", "SendMessage"}
	readLine    = line{"order", "orders", "", "BatchGetItem"}
	sharedBatch = line{Shared, "keys", "", "BatchWriteItem"}
)

// attempts are what calls cost of which the answer does not tell.
var attempts = []struct {
	name    string
	call    func(aws.Config)
	answers []answer
	want    tally
}{
	{"one that is repeated for a lost answer may have been carried out twice", put(2000), []answer{lost, done}, tally{putLine: {write: 2 + 1, itemWrites: 1}}},
	{"one that fails for a fault of AWS's may have been carried out", put(1024), []answer{broken, broken, broken}, tally{putLine: {write: 3}}},
	{"so one that fails for a fault that has no type", put(1025), []answer{strange, done}, tally{putLine: {write: 2 + 1, itemWrites: 1}}},
	{"one that reached nobody costs nothing", put(9), []answer{offline, offline, offline}, tally{}},
	{"a throttled one costs nothing", put(3000), []answer{throttle, throttle, done}, tally{putLine: {write: 1, itemWrites: 1, throttles: 2}}},
	{"a forbidden one costs nothing", put(3000), []answer{denied}, tally{}},
	{"a write in the way of a transaction is counted", put(1025), []answer{refusal(400, "TransactionConflictException", "")}, tally{putLine: {write: 2, conflicts: 1}}},
	{
		"a refused one costs the item that is there", put(9),
		[]answer{refusal(400, "ConditionalCheckFailedException", `,"Item":{"id":{"S":"`+strings.Repeat("x", 2047)+`"}}`)},
		tally{putLine: {write: 3, conditions: 1}},
	},
	{
		"a transaction that meets another is counted whole", transact, []answer{reasons("None", "TransactionConflict", "None", "TransactionConflict")},
		tally{holdLine: {write: 4 + 2}, stockLine: {write: 2 + 2, conflicts: 1}},
	},
	{
		"what a transaction did not get to for its rate costs nothing", transact, []answer{reasons("ThrottlingError", "None", "None", "ValidationError")},
		tally{holdLine: {throttles: 1}, stockLine: {write: 2 + 2}},
	},
	{
		"a transaction refused by an item costs that item", transact,
		[]answer{refusal(400, "TransactionCanceledException", `,"CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":{"sku":{"S":"`+strings.Repeat("x", 1024)+`"}}},{"Code":"None"},{"Code":"None"}]`)},
		tally{holdLine: {write: 4 + 2}, stockLine: {write: 4 + 2, conditions: 1}},
	},
	{
		"a transaction under way is paid for by the one before", transact, []answer{underWay, underWay, underWay},
		tally{holdLine: {conflicts: 3}},
	},
	{
		"a transaction whose answer is lost and whose repeat reads", transact,
		[]answer{lost, {status: 200, body: `{"ConsumedCapacity":[{"TableName":"h-stock","CapacityUnits":4,"ReadCapacityUnits":4}]}`}},
		tally{holdLine: {write: 4 + 2}, stockLine: {write: 2 + 2, read: 4}},
	},
	{
		"a condition that is asked for beside writes is billed, and writes nothing", transact,
		[]answer{{status: 200, body: `{"ConsumedCapacity":[{"TableName":"h-stock","CapacityUnits":4},{"TableName":"h-reservations","CapacityUnits":6}]}`}},
		tally{holdLine: {write: 6, itemWrites: 2}, stockLine: {write: 4, itemWrites: 1}},
	},
	{
		"the part of a batch that was not done costs nothing", batch,
		[]answer{{status: 200, body: `{"UnprocessedItems":{"h-keys":[{"DeleteRequest":{"Key":{"id":{"S":"b"}}}}]},"ConsumedCapacity":[{"TableName":"h-keys","CapacityUnits":1}]}`}},
		tally{sharedBatch: {write: 1, itemWrites: 1, throttles: 1}},
	},
	{
		"a batch of reads whose answer does not tell is counted by what it brought", read,
		[]answer{{status: 200, body: `{"Responses":{"h-orders":[{"id":{"S":"` + strings.Repeat("x", 4095) + `"}}]},"UnprocessedKeys":{"h-orders":{"Keys":[{"id":{"S":"c"}}]}}}`}},
		tally{readLine: {read: 2 + 1, throttles: 1}},
	},
	{"SQS bills each attempt by its size", send, []answer{lost, {status: 200, body: `{}`}}, tally{sendLine: {requests: 4}}},
	{"SQS bills the throttled", send, []answer{refusal(400, "RequestThrottled", ""), {status: 200, body: `{}`}}, tally{sendLine: {requests: 4, throttles: 1}}},
	{"SQS does not bill what did not reach it", send, []answer{offline, {status: 200, body: `{}`}}, tally{sendLine: {requests: 2}}},
}

func TestEveryAttemptIsCounted(t *testing.T) {
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			c, m, w := metered(a.answers...)
			a.call(c)
			if len(w.answers) > 0 {
				t.Fatalf("%d answers were not asked for", len(w.answers))
			}
			compare(t, m.tally, a.want)
		})
	}
}

func TestACallersInputStaysAsItIs(t *testing.T) {
	c, _, w := metered(done)
	in := &dynamodb.PutItemInput{TableName: aws.String("h-payments"), Item: item{"id": text("p")}}
	if _, err := dynamodb.NewFromConfig(c).PutItem(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if in.ReturnConsumedCapacity != "" {
		t.Error("the caller's input was changed")
	}
	if !strings.Contains(w.asked[0], `"ReturnConsumedCapacity":"INDEXES"`) {
		t.Errorf("the call did not ask for its capacity: %s", w.asked[0])
	}
}

// noPause is a backoff.
func noPause(int, error) (time.Duration, error) { return 0, nil }

func TestSharedTablesAreCountedToTheProcess(t *testing.T) {
	c, m, _ := metered(answer{status: 200, body: `{}`})
	m.Process = "order"
	batch(c)
	compare(t, m.tally, tally{{"order", "keys", "", "BatchWriteItem"}: {write: 2, itemWrites: 2}})
}

// compare holds two tallies against each other, line by line.
func compare(t *testing.T, got, want tally) {
	t.Helper()
	for l, w := range want {
		if g := got[l]; g == nil {
			t.Errorf("%+v: nothing counted, want %+v", l, *w)
		} else if *g != *w {
			t.Errorf("%+v:\n got %+v\nwant %+v", l, *g, *w)
		}
	}
	for l, g := range got {
		if want[l] == nil {
			t.Errorf("%+v: counted %+v, want nothing", l, *g)
		}
	}
}

func text(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }

const absent = "attribute_not_exists(id)"
