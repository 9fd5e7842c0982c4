package event

// Op is what is asked of the payment gateway.
type Op string

// The operations.
const (
	Capture Op = "capture"
	Void    Op = "void"
	Refund  Op = "refund"
)

// Ops lists the operations.
var Ops = []Op{Capture, Void, Refund}

// Call is a request to the payment gateway. A service never makes it: it hands
// the call out with its result, once the intent is durable, and the worker
// brings the answer back as an event of the types below.
type Call struct {
	Op Op
	Ref
	Amount        Money
	PaymentMethod string
}

// The gateway's answers, as payment's table reads them. They are handed from
// the worker to the service and never sent to a queue.
const (
	GatewayCaptured Type = "gateway: captured"
	GatewayDeclined Type = "gateway: declined"
	GatewayVoided   Type = "gateway: voided"
	GatewayRefunded Type = "gateway: refunded"
	GatewayUnknown  Type = "gateway: unknown"
)

// Result is what a service makes of one message.
type Result struct {
	Send  Event // to be sent before the message is acknowledged; none if Type is empty
	Call  Call  // to be made before the message is acknowledged; none if Op is empty
	Retry bool  // the message is to come back later
	Dead  error // the message can never be handled: dead-letter it with this reason
}

// ResultOf is the result of a verdict; send builds the event of the type that
// the verdict's cell names.
func ResultOf[S ~string, R any](v Verdict[S, R], send func(Type) Event) Result {
	r := Result{Retry: v.Retry, Dead: v.Err}
	if v.Send != "" {
		r.Send = send(v.Send)
	}
	return r
}
