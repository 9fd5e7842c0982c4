package cost

import (
	"errors"
	"net"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http"
)

// throttled are the codes of requests refused for their rate, on DynamoDB and SQS.
var throttled = []string{
	"ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded", "RequestLimitExceeded",
	"ThrottlingException", "ThrottlingError", "Throttling", "RequestThrottled", "TooManyRequestsException",
}

// failed counts what an attempt cost that AWS refused or did not answer.
func (r *dynamoDB) failed(m *Meter, err error) {
	var condition *types.ConditionalCheckFailedException
	var cancelled *types.TransactionCanceledException
	var conflict *types.TransactionConflictException
	var running *types.TransactionInProgressException
	switch {
	case errors.As(err, &condition):
		r.refused(m, condition.Item)
	case errors.As(err, &cancelled):
		r.cancelled(m, cancelled.CancellationReasons)
	case errors.As(err, &conflict):
		r.each(m, figures{conflicts: 1})
	case errors.As(err, &running):
		m.add(at(r.first(), r.operation), figures{conflicts: 1}) // the first request pays for both
	case isThrottled(err):
		m.add(at(r.first(), r.operation), figures{throttles: 1})
	case unanswered(err):
		r.each(m, figures{})
	}
}

// refused counts a single write whose condition failed on the item that is there,
// which the refusal brings if it was asked for and there is one.
func (r *dynamoDB) refused(m *Meter, there item) {
	for _, w := range r.writes {
		m.add(at(w.table, r.operation), figures{conditions: 1, write: w.refusedUnits(there)})
	}
}

// refusedUnits are the write units of the item that is there.
func (w write) refusedUnits(there item) float64 {
	if w.old || len(there) > 0 {
		return kib(itemSize(there))
	}
	return kib(w.size)
}

// The codes of a cancelled transaction's reasons that matter here.
const (
	reasonCondition  = "ConditionalCheckFailed"
	reasonConflict   = "TransactionConflict"
	reasonValidation = "ValidationError"
)

// cancelled counts a transaction that was cancelled for these reasons, one an item.
func (r *dynamoDB) cancelled(m *Meter, reasons []types.CancellationReason) {
	seen := make(map[string]bool) // a transaction is refused once for each kind of reason
	for i, w := range r.writes {
		var reason types.CancellationReason
		if i < len(reasons) {
			reason = reasons[i]
		}
		code, units := deref(reason.Code), 2*kib(w.size)
		var f figures
		switch {
		case code == reasonCondition:
			units, f.conditions = 2*w.refusedUnits(reason.Item), 1
		case code == reasonConflict:
			f.conflicts = 1
		case code == reasonValidation:
			units = 0
		case slices.Contains(throttled, code):
			units, f.throttles = 0, 1
		}
		if seen[code] {
			f = figures{}
		}
		seen[code] = true
		f.write = units
		m.add(at(w.table, r.operation), f)
	}
}

// each counts the call's writes as carried out, and with the first of them f.
func (r *dynamoDB) each(m *Meter, f figures) {
	for _, w := range r.writes {
		f.write = kib(w.size)
		if r.transactional {
			f.write *= 2
		}
		m.add(at(w.table, r.operation), f)
		f = figures{}
	}
}

// first is the first table of the call, to which a refusal of the whole is counted.
func (r *dynamoDB) first() string {
	if len(r.writes) > 0 {
		return r.writes[0].table
	}
	if len(r.tables) > 0 {
		return r.tables[0]
	}
	return ""
}

func isThrottled(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(throttled, api.ErrorCode())
}

// reached tells whether an attempt got as far as a connection.
func reached(err error) bool {
	var network *net.OpError
	return !errors.As(err, &network) || network.Op != "dial"
}

// unanswered tells whether AWS may have carried out an attempt that failed so: it
// did not answer, or with a fault of its own.
func unanswered(err error) bool {
	var answer *http.ResponseError
	var api smithy.APIError
	if errors.As(err, &api) && errors.As(err, &answer) {
		return answer.HTTPStatusCode() >= 500
	}
	return reached(err)
}
