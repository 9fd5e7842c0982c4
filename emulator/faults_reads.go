package emulator

import (
	"encoding/json"
	"net/http"
)

// message is one message of a receive, word for word.
type message = json.RawMessage

// received is the answer to a receive.
type received struct {
	Messages []message `json:",omitempty"`
}

// duplicates answers a receive with what this queue has given before, if there
// is something to give again.
func (f *Faults) duplicates(c *call) *answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	again := f.again[c.body.QueueUrl]
	if c.op != "ReceiveMessage" || len(again) == 0 {
		return nil
	}
	delete(f.again, c.body.QueueUrl)
	a := &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}}
	return a.say(received{again})
}

// receive shuffles what a receive has brought, and keeps one message to give it
// again at the next. f.mu is held.
func (f *Faults) receive(c *call, a *answer) error {
	if c.op != "ReceiveMessage" {
		return nil
	}
	var got received
	if err := json.Unmarshal(a.body, &got); err != nil || len(got.Messages) == 0 {
		return err
	}
	if f.strikes(f.options.Duplicated, Duplicate) {
		one := got.Messages[f.random.IntN(len(got.Messages))]
		f.again[c.body.QueueUrl] = append(f.again[c.body.QueueUrl], one)
	}
	if len(got.Messages) > 1 && f.strikes(f.options.Reordered, Reorder) {
		f.random.Shuffle(len(got.Messages), func(i, j int) {
			got.Messages[i], got.Messages[j] = got.Messages[j], got.Messages[i]
		})
	}
	a.say(got)
	return nil
}

// batch is the answer to a BatchGetItem.
type batch struct {
	Responses        map[string][]attributes
	UnprocessedKeys  map[string]keys
	ConsumedCapacity json.RawMessage `json:",omitempty"`
}

// keys are those of one table in a BatchGetItem, and how they are to be read.
type keys struct {
	Keys                     []attributes
	ConsistentRead           bool              `json:",omitempty"`
	ProjectionExpression     string            `json:",omitempty"`
	ExpressionAttributeNames map[string]string `json:",omitempty"`
}

// leaveItem takes an item out of the answer to a BatchGetItem, and its key back
// into what is unprocessed. f.mu is held.
func (f *Faults) leaveItem(c *call, a *answer) error {
	if c.op != "BatchGetItem" {
		return nil
	}
	var got batch
	if err := json.Unmarshal(a.body, &got); err != nil {
		return err
	}
	for table, items := range got.Responses {
		if len(items) == 0 || !f.strikes(f.options.Unprocessed, Unprocessed) {
			continue
		}
		schema, err := schemaOf(table)
		if err != nil {
			return err
		}
		var asked keys
		if err := json.Unmarshal(c.body.RequestItems[table], &asked); err != nil {
			return err
		}
		last := items[len(items)-1]
		asked.Keys = []attributes{{schema.Key.Partition: last[schema.Key.Partition]}}
		if schema.Key.Sort != "" {
			asked.Keys[0][schema.Key.Sort] = last[schema.Key.Sort]
		}
		got.Responses[table], got.UnprocessedKeys = items[:len(items)-1], map[string]keys{table: asked}
		a.say(got)
		return nil
	}
	return nil
}

// say makes v the body.
func (a *answer) say(v any) *answer {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was read from JSON
	}
	a.body = text
	return a
}
