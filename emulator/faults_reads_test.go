package emulator_test

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"holdfast/emulator"
)

func TestABatchLeavesItems(t *testing.T) {
	s := &stub{answer: func(string) string {
		return `{"Responses":{"a-keys":[{"box":{"S":"b"},"id":{"S":"1"},"x":{"N":"1"}},{"box":{"S":"b"},"id":{"S":"2"},"x":{"N":"2"}}]},"UnprocessedKeys":{}}`
	}}
	db, _, _ := behind(s, emulator.FaultOptions{Unprocessed: 1})
	strong := true
	got, err := db.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		"a-keys": {Keys: []item{{"box": text("b"), "id": text("1")}, {"box": text("b"), "id": text("2")}}, ConsistentRead: &strong},
	}})
	if err != nil {
		t.Fatal(err)
	}
	left := got.UnprocessedKeys["a-keys"]
	if len(got.Responses["a-keys"]) != 1 || len(left.Keys) != 1 || len(left.Keys[0]) != 2 || left.ConsistentRead == nil || !*left.ConsistentRead {
		t.Errorf("found %v, left %v", got.Responses, left)
	}
	if id, ok := left.Keys[0]["id"].(*types.AttributeValueMemberS); !ok || id.Value != "2" {
		t.Errorf("left %v", left.Keys)
	}
}

// brought are the bodies that a receive brings.
func brought(t *testing.T, c *sqs.Client, url string) (bodies []string) {
	t.Helper()
	got, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range got.Messages {
		bodies = append(bodies, *m.Body)
	}
	return bodies
}

// tenMessages answers a receive with messages 0 to 9.
func tenMessages(string) string {
	var got struct{ Messages []map[string]string }
	for i := range 10 {
		got.Messages = append(got.Messages, map[string]string{"Body": fmt.Sprint(i), "ReceiptHandle": fmt.Sprint(i)})
	}
	text, _ := json.Marshal(got)
	return string(text)
}

func TestAReceiveBringsADuplicate(t *testing.T) {
	s := &stub{answer: tenMessages}
	_, queue, _ := behind(s, emulator.FaultOptions{Duplicated: 1})
	if got := strings.Join(brought(t, queue, "http://one"), ""); got != "0123456789" {
		t.Errorf("first %s", got)
	}
	if got := brought(t, queue, "http://other"); len(got) != 10 {
		t.Errorf("another queue brings %v", got)
	}
	if got := brought(t, queue, "http://one"); len(got) != 1 || s.calls != 2 {
		t.Errorf("again %v, after %d calls", got, s.calls)
	}
	if got := brought(t, queue, "http://one"); len(got) != 10 {
		t.Errorf("then %v", got)
	}
}

func TestAReceiveBringsMessagesInAnyOrder(t *testing.T) {
	_, queue, _ := behind(&stub{answer: tenMessages}, emulator.FaultOptions{Reordered: 1})
	got := strings.Join(brought(t, queue, "http://one"), "")
	if len(got) != 10 || got == "0123456789" || strings.Trim(got, "0123456789") != "" {
		t.Errorf("brought %s", got)
	}
}

// DynamoDB's clients may hold an answer against its checksum.
func TestAnswersHaveTheirChecksum(t *testing.T) {
	for name, o := range map[string]emulator.FaultOptions{"changed": {Unprocessed: 1}, "refused": {Failed: 1}} {
		s := &stub{answer: func(string) string { return `{"Responses":{"a-payments":[{"id":{"S":"1"}}]}}` }}
		body := strings.NewReader(`{"RequestItems":{"a-payments":{"Keys":[{"id":{"S":"1"}}]}}}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://dynamodb", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.BatchGetItem")
		got, err := emulator.NewFaults(s, o).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		if sum := fmt.Sprint(crc32.ChecksumIEEE(text)); got.Header.Get("X-Amz-Crc32") != sum || got.ContentLength != int64(len(text)) {
			t.Errorf("%s: %v of %q, want %s", name, got.Header, text, sum)
		}
	}
}
