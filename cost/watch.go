package cost

import (
	"context"

	"github.com/aws/smithy-go/middleware"
)

// request is what the meter knows of a call: enough to count each attempt of it.
type request interface {
	// answered counts an attempt that AWS carried out.
	answered(m *Meter, result any)
	// failed counts one that it refused, or did not answer.
	failed(m *Meter, err error)
}

// callKey is where a call's request stands among the values of its stack.
type callKey struct{}

// watch adds the meter to a client's stack.
func (m *Meter) watch(stack *middleware.Stack) error {
	if err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("HoldfastCostAsk", ask), middleware.Before); err != nil {
		return err
	}
	// The Deserialize step lies within the SDK's retries, and its first place sees
	// the answer in the types of the API.
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("HoldfastCostCount", m.count), middleware.Before)
}

// ask has the call ask for the capacity that it consumes, in a copy of its input,
// which is the caller's.
func ask(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	if r, asking := describeDynamoDB(middleware.GetOperationName(ctx), in.Parameters); r != nil {
		in.Parameters = asking
		ctx = middleware.WithStackValue(ctx, callKey{}, request(r))
	} else if middleware.GetServiceID(ctx) == "SQS" {
		ctx = middleware.WithStackValue(ctx, callKey{}, request(describeSQS(middleware.GetOperationName(ctx), in.Parameters)))
	}
	return next.HandleInitialize(ctx, in)
}

// count counts one attempt.
func (m *Meter) count(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if r, ok := middleware.GetStackValue(ctx, callKey{}).(request); ok {
		if err == nil {
			r.answered(m, out.Result)
		} else {
			r.failed(m, err)
		}
	}
	return out, metadata, err
}
