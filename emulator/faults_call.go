package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"holdfast/deploy"
)

// What begins the X-Amz-Target of the two services.
const (
	dynamoTarget = "DynamoDB_20120810."
	sqsTarget    = "AmazonSQS."
)

// call is a request to DynamoDB or SQS as far as faults are concerned.
type call struct {
	dynamo bool
	op     string
	body   body
	// touches are the items that are written, or that a transaction checks, in the
	// order of the request.
	touches []touch
}

// touch is what a call does to one item.
type touch struct {
	action
	kind   kind
	schema deploy.Table
	table  string
	item   string // table and key
}

type kind int

const (
	put kind = iota
	update
	remove
	check // written not at all
)

// attributes are an item as DynamoDB's JSON has it.
type attributes map[string]map[string]any

// action is what a call says of one item.
type action struct {
	TableName                 string
	Item, Key                 attributes
	UpdateExpression          string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues attributes
}

// body is what is read of a request.
type body struct {
	action
	ClientRequestToken string
	TransactItems      []struct{ Put, Update, Delete, ConditionCheck *action }
	RequestItems       map[string]json.RawMessage // of a batch, by table

	QueueUrl string
}

// schemas are the tables of the template under no prefix.
var schemas = deploy.Tables("")

// readCall reads a request, and leaves it to be read again. It is not known where
// it is to neither service.
func readCall(r *http.Request) (c *call, known bool, err error) {
	target := r.Header.Get("X-Amz-Target")
	op, dynamo := strings.CutPrefix(target, dynamoTarget)
	if !dynamo {
		if op, known = strings.CutPrefix(target, sqsTarget); !known {
			return nil, false, nil
		}
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, false, err
	}
	r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(text))
	c = &call{dynamo: dynamo, op: op}
	if err := json.Unmarshal(text, &c.body); err != nil {
		return nil, false, err
	}
	return c, true, c.readTouches()
}

func (c *call) transacts() bool { return c.op == "TransactWriteItems" }

func (c *call) readTouches() error {
	switch c.op {
	case "PutItem":
		return c.touch(put, c.body.action)
	case "UpdateItem":
		return c.touch(update, c.body.action)
	case "DeleteItem":
		return c.touch(remove, c.body.action)
	case "BatchWriteItem":
		return c.readBatch()
	case "TransactWriteItems":
		for _, i := range c.body.TransactItems {
			for k, a := range map[kind]*action{put: i.Put, update: i.Update, remove: i.Delete, check: i.ConditionCheck} {
				if a == nil {
					continue
				}
				if err := c.touch(k, *a); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *call) readBatch() error {
	for _, table := range slices.Sorted(maps.Keys(c.body.RequestItems)) {
		var writes []struct{ PutRequest, DeleteRequest *action }
		if err := json.Unmarshal(c.body.RequestItems[table], &writes); err != nil {
			return err
		}
		for _, w := range writes {
			k, a := put, w.PutRequest
			if a == nil {
				k, a = remove, w.DeleteRequest
			}
			a.TableName = table
			if err := c.touch(k, *a); err != nil {
				return err
			}
		}
	}
	return nil
}

// touch adds an item. Its table must be one of the template's, under any prefix.
func (c *call) touch(k kind, a action) error {
	schema, err := schemaOf(a.TableName)
	if err != nil {
		return err
	}
	key := a.Key
	if k == put {
		key = a.Item
	}
	name := a.TableName + "/" + value(key[schema.Key.Partition])
	if schema.Key.Sort != "" {
		name += "/" + value(key[schema.Key.Sort])
	}
	c.touches = append(c.touches, touch{action: a, kind: k, schema: schema, table: a.TableName, item: name})
	return nil
}

// schemaOf is the template's table of that name, whatever the prefix.
func schemaOf(table string) (deploy.Table, error) {
	i := slices.IndexFunc(schemas, func(t deploy.Table) bool { return strings.HasSuffix(table, t.Name) })
	if i < 0 {
		return deploy.Table{}, fmt.Errorf("faults: the template has no table %s", table)
	}
	return schemas[i], nil
}

// value is an attribute's value and type as one string; empty: there is none.
func value(a map[string]any) string {
	for t, v := range a {
		return fmt.Sprint(t, ":", v)
	}
	return ""
}

// units is how many write units the touch costs in its table: one each started
// KiB, twice that in a transaction. What the request does not say, the rest of an
// updated or deleted item, is taken to fit the first.
func (t touch) units(transacts bool) float64 {
	n := float64(max(1, (itemSize(t.Item)+1023)/1024))
	if transacts {
		return 2 * n
	}
	return n
}

// itemSize is about an item's size in bytes: that of its JSON without what JSON
// adds to each attribute.
func itemSize(i attributes) (n int) {
	for name, v := range i {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // it was read from JSON
		}
		n += len(name) + max(1, len(text)-len(`{"S":""}`))
	}
	return n
}
