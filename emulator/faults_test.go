package emulator_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"holdfast/emulator"
)

// stub answers every request as told, and keeps what it was asked.
type stub struct {
	answer func(body string) string // nil: {}
	calls  int
}

func (s *stub) Do(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.calls++
	body := "{}"
	if s.answer != nil {
		body = s.answer(string(text))
	}
	return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// behind is the two services' clients with faults between them and the stub. They
// try everything once.
func behind(s *stub, o emulator.FaultOptions) (*dynamodb.Client, *sqs.Client, *emulator.Faults) {
	config, faults := o.Use(aws.Config{
		Region: emulator.Region, HTTPClient: s, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	return dynamodb.NewFromConfig(config), sqs.NewFromConfig(config), faults
}

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

// put writes an item to a table of the prefix "a".
func put(t *testing.T, db *dynamodb.Client, table string, i item) error {
	t.Helper()
	table = "a-" + table
	_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: i})
	return err
}

// transact takes units of SKUs in one transaction.
func transact(t *testing.T, db *dynamodb.Client, token string, skus ...string) error {
	t.Helper()
	table, expression := "a-stock", "SET available = available - :n"
	input := &dynamodb.TransactWriteItemsInput{}
	if token != "" {
		input.ClientRequestToken = &token
	}
	for _, sku := range skus {
		input.TransactItems = append(input.TransactItems, types.TransactWriteItem{Update: &types.Update{
			TableName: &table, Key: item{"sku": text(sku)}, UpdateExpression: &expression, ExpressionAttributeValues: item{":n": number(1)},
		}})
	}
	_, err := db.TransactWriteItems(t.Context(), input)
	return err
}

// code is the service's name for an error; empty: there is none.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("not an answer of the service: %v", err)
	}
	return api.ErrorCode()
}

// codes are the reasons for which a transaction was cancelled, in its order.
func codes(t *testing.T, err error) string {
	t.Helper()
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		t.Fatalf("not a cancelled transaction: %v", err)
	}
	var all []string
	for _, r := range cancelled.CancellationReasons {
		all = append(all, *r.Code)
	}
	return strings.Join(all, " ")
}

// passes counts how many of n calls are let through before one is throttled.
func passes(t *testing.T, n int, call func(i int) error) int {
	t.Helper()
	for i := range n {
		if err := call(i); err != nil {
			if c := code(t, err); c != "ProvisionedThroughputExceededException" && c != "TransactionCanceledException" {
				t.Fatalf("call %d: %v", i, err)
			}
			return i
		}
	}
	return n
}

func TestAnItemTakesAThousandUnitsASecond(t *testing.T) {
	large := strings.Repeat("x", 1500)
	for name, c := range map[string]struct {
		call func(t *testing.T, db *dynamodb.Client, i int) error
		want int
	}{
		"one item": {func(t *testing.T, db *dynamodb.Client, i int) error {
			return put(t, db, "payments", item{"id": text("a")})
		}, 1000},
		"items of two KiB": {func(t *testing.T, db *dynamodb.Client, i int) error {
			return put(t, db, "payments", item{"id": text("a"), "x": text(large)})
		}, 500},
		"in a transaction": {func(t *testing.T, db *dynamodb.Client, i int) error { return transact(t, db, "", "A") }, 500},
		"items of a batch": {func(t *testing.T, db *dynamodb.Client, i int) error {
			return putBatch(t, db, "payments", item{"id": text("a")})
		}, 1000},
		"deletes": {func(t *testing.T, db *dynamodb.Client, i int) error { return del(t, db, "payments", "a") }, 1000},
		"as many items": {func(t *testing.T, db *dynamodb.Client, i int) error {
			return put(t, db, "payments", item{"id": number(i)})
		}, 1200},
		"items of one box": {func(t *testing.T, db *dynamodb.Client, i int) error {
			return put(t, db, "keys", item{"box": text("b"), "id": number(i)})
		}, 1200},
		"another one's key": {func(t *testing.T, db *dynamodb.Client, i int) error {
			return put(t, db, "order-dead-letters", item{"box": text("b"), "id": number(i % 2)})
		}, 1200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, _, faults := behind(&stub{}, emulator.FaultOptions{Units: 1000})
				call := func(i int) error { return c.call(t, db, i) }
				if n := passes(t, 1200, call); n != c.want {
					t.Errorf("%d calls passed, want %d", n, c.want)
				}
				if c.want < 1200 && faults.Struck(emulator.Throttle) != 1 {
					t.Errorf("%d throttles are counted", faults.Struck(emulator.Throttle))
				}
				time.Sleep(time.Second / 2)
				if n := passes(t, 1200, call); c.want < 1200 && n != c.want/2 {
					t.Errorf("half a second later %d calls passed, want %d", n, c.want/2)
				}
			})
		})
	}
}

func putBatch(t *testing.T, db *dynamodb.Client, table string, i item) error {
	t.Helper()
	_, err := db.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{
		"a-" + table: {{PutRequest: &types.PutRequest{Item: i}}, {DeleteRequest: &types.DeleteRequest{Key: item{"id": text("other")}}}},
	}})
	return err
}

func del(t *testing.T, db *dynamodb.Client, table, id string) error {
	t.Helper()
	table = "a-" + table
	_, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: item{"id": text(id)}})
	return err
}

// placed is an order's item, open on a shard of the sweep's index, if any.
func placed(n int, shard string, due int) item {
	i := item{"id": number(n), "number": number(n), "owner": number(n), "day": number(n)}
	if shard != "" {
		i["shard"], i["due"] = text(shard), number(due)
	}
	return i
}

func TestAnIndexPartitionTakesAThousandUnitsASecond(t *testing.T) {
	for name, c := range map[string]struct {
		item func(i int) item
		want int
	}{
		"orders on one shard":           {func(i int) item { return placed(i, "07", 1) }, 1000},
		"orders on two shards":          {func(i int) item { return placed(i, fmt.Sprint(i%2), 1) }, 1200},
		"orders on no shard":            {func(i int) item { return placed(i, "", 1) }, 1200},
		"one entry written again":       {func(i int) item { return placed(i%5, "07", 1) }, 1200},
		"entries moved within a shard":  {func(i int) item { return placed(i%5, "07", i) }, 503}, // 5 new ones, the others deleted and written
		"entries that come and go":      {func(i int) item { return placed(i%5, []string{"07", ""}[i/5%2], 1) }, 1000},
		"entries moved between shards":  {func(i int) item { return placed(i%5, []string{"07", "08"}[i/5%2], 1) }, 1000},
		"entries without their due":     {func(i int) item { o := placed(i, "07", 1); delete(o, "due"); return o }, 1200},
		"one day for all on by-day too": {func(i int) item { o := placed(i, "", 1); o["day"] = text("today#1"); return o }, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, _, _ := behind(&stub{}, emulator.FaultOptions{Units: 1000})
				if n := passes(t, 1200, func(i int) error { return put(t, db, "orders", c.item(i)) }); n != c.want {
					t.Errorf("%d calls passed, want %d", n, c.want)
				}
			})
		})
	}
}

// An update says what it changes in an expression.
func TestAnUpdateMovesIndexEntries(t *testing.T) {
	for name, c := range map[string]struct {
		expression string
		again      bool // the item is put again before each update
		want       int  // calls
	}{
		"due moves":                     {"SET #d = :d, x = if_not_exists(x, :x)", false, 498},
		"both keys go":                  {"SET x = :x REMOVE shard, #d", false, 1200},
		"both keys go and come":         {"SET x = :x REMOVE shard, #d", true, 1000}, // a unit for each of the five, then for each removal and each return
		"one key goes and comes":        {"REMOVE #d SET x = :x", true, 1000},
		"what is no key goes and comes": {"SET x = :x REMOVE y", true, 1200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, _, _ := behind(&stub{}, emulator.FaultOptions{Units: 1000})
				for i := range 5 {
					if err := put(t, db, "orders", placed(i, "07", -1)); err != nil {
						t.Fatal(err)
					}
				}
				n := passes(t, 1200, func(i int) error {
					if c.again && i%2 == 0 {
						return put(t, db, "orders", placed(i/2%5, "07", -1))
					} else if c.again {
						return updateOrder(t, db, i/2%5, c.expression, i)
					}
					return updateOrder(t, db, i%5, c.expression, i)
				})
				if n != c.want {
					t.Errorf("%d calls passed, want %d", n, c.want)
				}
			})
		})
	}
}

func updateOrder(t *testing.T, db *dynamodb.Client, id int, expression string, due int) error {
	t.Helper()
	table := "a-orders"
	_, err := db.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table, Key: item{"id": number(id)}, UpdateExpression: &expression,
		ExpressionAttributeNames: map[string]string{"#d": "due"}, ExpressionAttributeValues: item{":d": number(due), ":x": number(1)},
	})
	return err
}

func TestATransactionIsThrottledForTheItemThatIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _, _ := behind(&stub{}, emulator.FaultOptions{Units: 1000})
		passes(t, 1000, func(int) error { return transact(t, db, "", "hot") })
		if got := codes(t, transact(t, db, "", "a", "hot", "b")); got != "None ThrottlingError None" {
			t.Errorf("reasons %q", got)
		}
	})
}

// inFlight runs a call that takes a second, and the others meanwhile.
func inFlight(t *testing.T, first func(t *testing.T, db *dynamodb.Client) error, meanwhile func(t *testing.T, db *dynamodb.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stub{}
		db, _, _ := behind(s, emulator.FaultOptions{Conflicts: true, MinLatency: time.Second})
		ended := make(chan error)
		go func() { ended <- first(t, db) }()
		synctest.Wait()
		meanwhile(t, db)
		if err := <-ended; err != nil {
			t.Errorf("the first: %v", err)
		}
		if err := first(t, db); err != nil {
			t.Errorf("the first again, alone: %v", err)
		}
	})
}

func TestATransactionInFlightIsMet(t *testing.T) {
	first := func(t *testing.T, db *dynamodb.Client) error { return transact(t, db, "token", "A", "B") }
	inFlight(t, first, func(t *testing.T, db *dynamodb.Client) {
		if got := codes(t, transact(t, db, "", "X", "B", "Y")); got != "None TransactionConflict None" {
			t.Errorf("a transaction with one of its items: %q", got)
		}
	})
	inFlight(t, first, func(t *testing.T, db *dynamodb.Client) {
		if got := code(t, put(t, db, "stock", item{"sku": text("A")})); got != "TransactionConflictException" {
			t.Errorf("a write of one of its items: %q", got)
		}
	})
	inFlight(t, first, func(t *testing.T, db *dynamodb.Client) {
		if got := code(t, transact(t, db, "token", "A", "B")); got != "TransactionInProgressException" {
			t.Errorf("the same again: %q", got)
		}
	})
	inFlight(t, first, func(t *testing.T, db *dynamodb.Client) {
		if err := transact(t, db, "", "C"); err != nil {
			t.Errorf("a transaction of other items: %v", err)
		}
	})
}

func TestAWriteInFlightIsMet(t *testing.T) {
	first := func(t *testing.T, db *dynamodb.Client) error { return put(t, db, "stock", item{"sku": text("A")}) }
	inFlight(t, first, func(t *testing.T, db *dynamodb.Client) {
		if got := codes(t, transact(t, db, "", "A", "B")); got != "TransactionConflict None" {
			t.Errorf("a transaction with its item: %q", got)
		}
	})
	inFlight(t, first, func(t *testing.T, db *dynamodb.Client) {
		if err := put(t, db, "stock", item{"sku": text("A")}); err != nil {
			t.Errorf("another write of its item: %v", err)
		}
	})
}

func TestAFailureComesBeforeTheWriteAndALostAnswerAfter(t *testing.T) {
	s := &stub{}
	db, queue, faults := behind(s, emulator.FaultOptions{Failed: 1})
	if got := code(t, put(t, db, "keys", item{})); got != "InternalServerError" || s.calls != 0 {
		t.Errorf("%q after %d calls", got, s.calls)
	}
	url := "http://queue"
	_, err := queue.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &url})
	if got := code(t, err); got != "InternalError" || s.calls != 0 || faults.Struck(emulator.Failure) != 2 {
		t.Errorf("%q after %d calls, %d counted", got, s.calls, faults.Struck(emulator.Failure))
	}
	db, _, faults = behind(s, emulator.FaultOptions{Lost: 1})
	broken := 0
	for range 20 {
		if err := put(t, db, "keys", item{}); errors.Is(err, syscall.ECONNRESET) {
			broken++
		} else if got := code(t, err); got != "InternalServerError" {
			t.Errorf("a lost answer is %q", got)
		}
	}
	if s.calls != 20 || broken == 0 || broken == 20 || faults.Struck(emulator.LostAnswer) != 20 {
		t.Errorf("%d calls, %d broken connections, %d counted", s.calls, broken, faults.Struck(emulator.LostAnswer))
	}
}

func TestRefusedAndThrottledForNoReason(t *testing.T) {
	s := &stub{}
	url := "http://queue"
	db, queue, _ := behind(s, emulator.FaultOptions{Refused: 1})
	if got := codes(t, transact(t, db, "", "A", "B")); strings.Count(got, "TransactionConflict") != 1 || strings.Count(got, "None") != 1 {
		t.Errorf("a refused transaction: %q", got)
	}
	if _, err := queue.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &url}); err != nil || s.calls != 1 {
		t.Errorf("a queue knows no transactions: %v", err)
	}
	db, queue, _ = behind(s, emulator.FaultOptions{Throttled: 1})
	_, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &url, Key: item{}})
	_, errQueue := queue.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &url})
	if code(t, err) != "ThrottlingException" || code(t, errQueue) != "RequestThrottled" || s.calls != 1 {
		t.Errorf("%v; %v; %d calls", err, errQueue, s.calls)
	}
}
