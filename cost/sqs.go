package cost

import (
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// sqsRequest is a call to SQS, which bills by the attempt.
type sqsRequest struct {
	operation string
	queue     string // its URL or name; empty where the call names none
	payload   int    // bytes that the request carries
	receives  bool
}

// payloadUnit is how much one billed request carries at most
// (https://aws.amazon.com/sqs/pricing/).
const payloadUnit = 64 << 10

// describeSQS reads a call's input.
func describeSQS(operation string, input any) *sqsRequest {
	r := &sqsRequest{operation: operation}
	switch in := input.(type) {
	case *sqs.SendMessageInput:
		r.queue, r.payload = deref(in.QueueUrl), len(deref(in.MessageBody))+attributesSize(in.MessageAttributes)
	case *sqs.SendMessageBatchInput:
		r.queue = deref(in.QueueUrl)
		for _, e := range in.Entries {
			r.payload += len(deref(e.MessageBody)) + attributesSize(e.MessageAttributes)
		}
	case *sqs.ReceiveMessageInput:
		r.queue, r.receives = deref(in.QueueUrl), true
	case *sqs.DeleteMessageInput:
		r.queue = deref(in.QueueUrl)
	case *sqs.DeleteMessageBatchInput:
		r.queue = deref(in.QueueUrl)
	case *sqs.ChangeMessageVisibilityInput:
		r.queue = deref(in.QueueUrl)
	case *sqs.ChangeMessageVisibilityBatchInput:
		r.queue = deref(in.QueueUrl)
	case *sqs.GetQueueAttributesInput:
		r.queue = deref(in.QueueUrl)
	case *sqs.GetQueueUrlInput:
		r.queue = deref(in.QueueName)
	}
	return r
}

// attributesSize is what a message's attributes add to its size: their names, their
// types and their values.
func attributesSize(attributes map[string]types.MessageAttributeValue) (n int) {
	for name, a := range attributes {
		n += len(name) + len(deref(a.DataType)) + len(deref(a.StringValue)) + len(a.BinaryValue)
	}
	return n
}

func (r *sqsRequest) answered(m *Meter, result any) {
	payload, f := r.payload, figures{}
	if out, ok := result.(*sqs.ReceiveMessageOutput); ok {
		f.messages = float64(len(out.Messages))
		for _, message := range out.Messages {
			payload += len(deref(message.Body)) + attributesSize(message.MessageAttributes)
		}
	}
	r.count(m, f, payload)
}

func (r *sqsRequest) failed(m *Meter, err error) {
	if !reached(err) {
		return
	}
	var f figures
	if isThrottled(err) {
		f.throttles = 1
	}
	r.count(m, f, r.payload)
}

// count counts one attempt that carried so many bytes, there or back.
func (r *sqsRequest) count(m *Meter, f figures, payload int) {
	f.requests = float64(max(1, (payload+payloadUnit-1)/payloadUnit))
	if r.receives {
		f.receives = 1
	}
	m.add(at(r.queue, r.operation), f)
}
