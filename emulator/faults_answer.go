package emulator

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
)

// answer is what a client is told.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// readAnswer reads what came back, to its end.
func readAnswer(r *http.Response) (*answer, error) {
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return &answer{status: r.StatusCode, header: r.Header, body: text}, nil
}

// response makes it the response to a request. DynamoDB's clients hold the body
// against the checksum in its header.
func (a *answer) response(r *http.Request) *http.Response {
	a.header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(a.body)), 10))
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}
}

// problem is an exception of a service.
type problem struct {
	Type    string   `json:"__type"`
	Message string   `json:"message"`
	Reasons []reason `json:"CancellationReasons,omitempty"`
}

// reason is why a transaction was cancelled, one for each of its items.
type reason struct {
	Code    string
	Message string `json:",omitempty"`
}

func (p problem) answer(status int) *answer {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // it is strings
	}
	return &answer{status: status, header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, body: text}
}

// exception is a problem of DynamoDB.
func exception(name, message string) problem {
	return problem{Type: "com.amazonaws.dynamodb.v20120810#" + name, Message: message}
}

// failed is an error inside the service: it may have done what it was asked, or not.
func (c *call) failed() *answer {
	if !c.dynamo {
		return problem{Type: "com.amazonaws.sqs#InternalError", Message: "We encountered an internal error. Please try again."}.answer(http.StatusInternalServerError)
	}
	return exception("InternalServerError", "Internal server error").answer(http.StatusInternalServerError)
}

// throttled refuses a call for some of its items.
func (c *call) throttled(items map[int]bool) *answer {
	const tooMuch = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly."
	switch {
	case !c.dynamo:
		return problem{Type: "com.amazonaws.sqs#RequestThrottled", Message: "Rate exceeded"}.answer(http.StatusBadRequest)
	case c.transacts():
		return c.cancelled(items, reason{"ThrottlingError", tooMuch})
	case len(c.touches) > 0:
		return exception("ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table or index was exceeded. Consider increasing your provisioning level.").answer(http.StatusBadRequest)
	}
	return exception("ThrottlingException", tooMuch).answer(http.StatusBadRequest)
}

// refused refuses a call because others have some of its items.
func (c *call) refused(items map[int]bool) *answer {
	if c.transacts() {
		return c.cancelled(items, reason{"TransactionConflict", "Transaction is ongoing for the item"})
	}
	return exception("TransactionConflictException", "Transaction is ongoing for the item").answer(http.StatusBadRequest)
}

// cancelled is a transaction that some of its items are the reason to cancel.
func (c *call) cancelled(items map[int]bool, why reason) *answer {
	reasons, codes := make([]reason, len(c.touches)), ""
	for i := range c.touches {
		if reasons[i] = (reason{Code: "None"}); items[i] {
			reasons[i] = why
		}
		if i > 0 {
			codes += ", "
		}
		codes += reasons[i].Code
	}
	p := exception("TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons ["+codes+"]")
	p.Reasons = reasons
	return p.answer(http.StatusBadRequest)
}

// inProgress refuses to start a transaction again that is in flight.
func (c *call) inProgress() *answer {
	return exception("TransactionInProgressException", "The transaction with the given request token is already in progress.").answer(http.StatusBadRequest)
}
