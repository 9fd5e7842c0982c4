package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// fakeDynamo is as much of DynamoDB as group commit meets, in memory: what it
// costs in time is next to nothing, and a test says what goes wrong with which
// request.
type fakeDynamo struct {
	script func(c *fakeCall) // may set the call's fate; nil: all goes well, and no call is kept

	mu     sync.Mutex
	tables map[string]map[string]fakeItem // by name without prefix, and key
	tokens map[string]string              // the actions that went through under a token
	counts map[string]int                 // of requests, by operation
	calls  []*fakeCall
}

type fakeItem = map[string]map[string]any

// fate is what becomes of a request.
type fate int

const (
	well    fate = iota
	lost         // it is carried out, but not answered
	dropped      // it is neither carried out nor answered
	refused      // it is answered with the problem in place of being carried out
)

// fakeCall is a request.
type fakeCall struct {
	op    string
	nth   int // of its op, from 1
	token string
	acts  []fakeAction
	body  string // of a transaction: its actions, without the token

	fate    fate
	problem string   // of a refused one
	reasons []string // of a refused transaction: the code of each action
	status  int      // of its answer; 0: there was none
}

type fakeAction struct {
	TableName                           string
	Item, Key                           fakeItem
	ConditionExpression                 string
	UpdateExpression                    string
	ExpressionAttributeValues           fakeItem
	ReturnValuesOnConditionCheckFailure string
}

func newFakeDynamo() *fakeDynamo {
	return &fakeDynamo{tables: make(map[string]map[string]fakeItem), tokens: make(map[string]string), counts: make(map[string]int)}
}

// store is an inventory store of its own over a client of the fake, as a process has it.
func (f *fakeDynamo) store(client awssdk.HTTPClient, now func() time.Time) *stock {
	return newStock(&core{
		prefix: "t", now: now, log: slog.New(slog.DiscardHandler),
		db: dynamodb.NewFromConfig(awssdk.Config{
			Region: "us-east-1", HTTPClient: client, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		}),
	})
}

// made are the requests so far of an operation.
func (f *fakeDynamo) made(op string) (calls []*fakeCall) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.op == op {
			calls = append(calls, c)
		}
	}
	return calls
}

// Do makes the fake a client's transport.
func (f *fakeDynamo) Do(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.record(op)
	var answer any
	switch op {
	case "BatchGetItem":
		answer = f.batchGet(text)
	case "PutItem":
		answer = f.putItem(c, text)
	case "TransactWriteItems":
		answer = f.transact(c, text)
	default:
		return nil, fmt.Errorf("the fake has no %s", op)
	}
	if c.fate == lost || c.fate == dropped {
		return nil, io.ErrUnexpectedEOF
	}
	return f.respond(r, c, answer)
}

func (f *fakeDynamo) record(op string) *fakeCall {
	f.counts[op]++
	c := &fakeCall{op: op, nth: f.counts[op]}
	if f.script != nil {
		f.calls = append(f.calls, c)
	}
	return c
}

func (f *fakeDynamo) respond(r *http.Request, c *fakeCall, answer any) (*http.Response, error) {
	c.status = http.StatusOK
	if p, ok := answer.(fakeProblem); ok {
		c.status = http.StatusBadRequest
		if p.Type == "InternalServerError" {
			c.status = http.StatusInternalServerError
		}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: c.status, Request: r, Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)),
		Header: http.Header{
			"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Crc32": {strconv.FormatUint(uint64(crc32.ChecksumIEEE(text)), 10)},
		},
	}, nil
}

// fakeProblem is an exception.
type fakeProblem struct {
	Type    string       `json:"__type"`
	Message string       `json:"message"`
	Item    fakeItem     `json:",omitempty"`
	Reasons []fakeReason `json:"CancellationReasons,omitempty"`
}

type fakeReason struct {
	Code string
	Item fakeItem `json:",omitempty"`
}

func (f *fakeDynamo) batchGet(text []byte) any {
	var ask struct {
		RequestItems map[string]struct{ Keys []fakeItem }
	}
	if err := json.Unmarshal(text, &ask); err != nil {
		return fakeProblem{Type: "SerializationException", Message: err.Error()}
	}
	found := make(map[string][]fakeItem)
	for table, t := range ask.RequestItems {
		for _, key := range t.Keys {
			if i, ok := f.table(table)[keyOf(table, key)]; ok {
				found[table] = append(found[table], i)
			}
		}
	}
	return map[string]any{"Responses": found, "UnprocessedKeys": struct{}{}}
}

func (f *fakeDynamo) table(name string) map[string]fakeItem {
	t := f.tables[name]
	if t == nil {
		t = make(map[string]fakeItem)
		f.tables[name] = t
	}
	return t
}

// keyOf is an item's key as one string.
func keyOf(table string, i fakeItem) string {
	switch {
	case strings.HasSuffix(table, "-ledger"):
		return fmt.Sprint(i["sku"]["S"], "/", i["seq"]["N"])
	case strings.HasSuffix(table, "-stock"):
		return i["sku"]["S"].(string)
	}
	return i["id"]["S"].(string)
}

func (f *fakeDynamo) putItem(c *fakeCall, text []byte) any {
	var a fakeAction
	if err := json.Unmarshal(text, &a); err != nil {
		return fakeProblem{Type: "SerializationException", Message: err.Error()}
	}
	c.acts = []fakeAction{a}
	if f.script != nil {
		f.script(c)
	}
	if c.fate == refused {
		return fakeProblem{Type: c.problem}
	}
	if old := f.old(a); !holds(a, old) {
		return fakeProblem{Type: "ConditionalCheckFailedException", Item: old}
	}
	if c.fate != dropped {
		f.carryOut(a)
	}
	return struct{}{}
}

func (f *fakeDynamo) transact(c *fakeCall, text []byte) any {
	var ask struct {
		ClientRequestToken string
		TransactItems      []struct{ Put, Update *fakeAction }
	}
	if err := json.Unmarshal(text, &ask); err != nil {
		return fakeProblem{Type: "SerializationException", Message: err.Error()}
	}
	for _, i := range ask.TransactItems {
		if i.Put == nil {
			i.Put = i.Update
		}
		c.acts = append(c.acts, *i.Put)
	}
	c.token = ask.ClientRequestToken
	if f.script != nil {
		f.script(c)
		sorted, _ := json.Marshal(c.acts)
		c.body = string(sorted)
	}
	if c.fate == refused && c.reasons == nil {
		return fakeProblem{Type: c.problem}
	}
	if body, through := f.tokens[c.token]; through {
		if body != c.body {
			return fakeProblem{Type: "IdempotentParameterMismatchException"}
		}
		return struct{}{}
	}
	if reasons := f.reasons(c); reasons != nil {
		return fakeProblem{Type: "TransactionCanceledException", Reasons: reasons}
	}
	if c.fate == dropped {
		return nil
	}
	for _, a := range c.acts {
		f.carryOut(a)
	}
	if f.script != nil {
		f.tokens[c.token] = c.body
	}
	return struct{}{}
}

// reasons are why a transaction is cancelled, nil if it is not.
func (f *fakeDynamo) reasons(c *fakeCall) (reasons []fakeReason) {
	failed := len(c.acts) > maxActions
	for i, a := range c.acts {
		r := fakeReason{Code: "None"}
		if old := f.old(a); !holds(a, old) {
			r.Code = "ConditionalCheckFailed"
			if a.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
				r.Item = old
			}
		}
		if c.reasons != nil {
			r = fakeReason{Code: c.reasons[i]}
		}
		failed = failed || r.Code != "None"
		reasons = append(reasons, r)
	}
	if !failed {
		return nil
	}
	return reasons
}

func (f *fakeDynamo) old(a fakeAction) fakeItem {
	if a.Key != nil {
		return f.table(a.TableName)[keyOf(a.TableName, a.Key)]
	}
	return f.table(a.TableName)[keyOf(a.TableName, a.Item)]
}

// holds tells whether an action's condition holds on an item.
func holds(a fakeAction, old fakeItem) bool {
	if a.ConditionExpression == "" {
		return true
	}
	for _, c := range strings.Split(a.ConditionExpression, " AND ") {
		if name, is := strings.CutPrefix(c, "attribute_not_exists("); is {
			if old[strings.TrimSuffix(name, ")")] != nil {
				return false
			}
		} else if name, is := strings.CutPrefix(c, "attribute_exists("); is {
			if old[strings.TrimSuffix(name, ")")] == nil {
				return false
			}
		} else {
			var name, op, value string
			if _, err := fmt.Sscan(c, &name, &op, &value); err != nil {
				panic(c)
			}
			have, want := numberOf(old[name]), numberOf(a.ExpressionAttributeValues[value])
			if old[name] == nil || op == "=" && have != want || op == ">=" && have < want {
				return false
			}
		}
	}
	return true
}

func numberOf(v map[string]any) int64 {
	text, _ := v["N"].(string)
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// carryOut puts an item, or updates it by "SET a = :x, b = :y ADD c :z, d :w".
func (f *fakeDynamo) carryOut(a fakeAction) {
	if a.Key == nil {
		f.table(a.TableName)[keyOf(a.TableName, a.Item)] = a.Item
		return
	}
	i := maps.Clone(f.old(a))
	set, add, _ := strings.Cut(strings.TrimPrefix(a.UpdateExpression, "SET "), " ADD ")
	for _, part := range strings.Split(set, ", ") {
		name, value, _ := strings.Cut(part, " = ")
		i[name] = a.ExpressionAttributeValues[value]
	}
	for _, part := range strings.Split(add, ", ") {
		name, value, _ := strings.Cut(part, " ")
		sum := numberOf(i[name]) + numberOf(a.ExpressionAttributeValues[value])
		i[name] = map[string]any{"N": strconv.FormatInt(sum, 10)}
	}
	f.table(a.TableName)[keyOf(a.TableName, a.Key)] = i
}

// actionsOn counts a call's actions on a table, named without its prefix.
func (c *fakeCall) actionsOn(table string) int {
	return len(slices.DeleteFunc(slices.Clone(c.acts), func(a fakeAction) bool { return a.TableName != "t-"+table }))
}
