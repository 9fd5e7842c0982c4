package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	wire "holdfast/api/client"
	"holdfast/event"
)

// What only HTTP can find wrong, in the same vocabulary as the rest.
const (
	malformed        event.Code = "malformed"
	unauthenticated  event.Code = "unauthenticated"
	forbidden        event.Code = "forbidden"
	crossOrigin      event.Code = "cross_origin"
	methodNotAllowed event.Code = "method_not_allowed"
	tooLarge         event.Code = "too_large"
	unsupportedMedia event.Code = "unsupported_media_type"
	internal         event.Code = "internal"
	overloaded       event.Code = "overloaded"
	notReady         event.Code = "not_ready"
	noAnswer         event.Code = "no_answer"
)

// kind is a kind of problem.
type kind struct {
	code   event.Code
	status int
	title  string
	// detail, if set, is shown instead of the error's own, which may tell of
	// the server's inside and goes to the log.
	detail string
	// location, if set, is the offending place of an error that names none.
	location string
	// when it comes, and what a client is to do then, for the document.
	when, do string
}

// sendAgain is what to do about a 503 that says when.
const sendAgain = "Send the same again, with the same `Idempotency-Key`, once the seconds of `Retry-After` are over."

// kinds is the one table from error codes to HTTP. A code that is not in it, and
// an error without a code, is internal.
var kinds = []kind{
	{code: malformed, status: 400, title: "The request is malformed", location: "body",
		when: "The body is not JSON, names something twice, goes on after its end or breaks off; or the query is not well encoded.",
		do:   "Mend the request; the same again fails again."},
	{code: event.BadCursor, status: 400, title: "The cursor is unusable", location: "query.cursor",
		when: "The cursor is not one that this list gave out, or the filters have changed since.",
		do:   "Begin at the first page."},
	{code: unauthenticated, status: 401, title: "An API key is needed", location: "header.Authorization",
		when: "No API key was sent where one is needed, or its secret is that of no key, or of a revoked one.",
		do:   "Send `Authorization: Bearer` and the secret of a good key; `holdfast keys create` makes one."},
	{code: forbidden, status: 403, title: "The API key does not open this", location: "header.Authorization",
		when: "The key has no scope that opens this.",
		do:   "Use a key that has the scope which `detail` names."},
	{code: crossOrigin, status: 403, title: "Requests from other sites are refused",
		when: "A browser sent it for a page of another site, or under a host name that may not be this machine's own.",
		do:   "Open Holdfast's own pages, or send it from a program."},
	{code: event.NotFound, status: 404, title: "Not found",
		when: "There is no such path, order, SKU, queue or dead letter; an order of another caller's looks the same.",
		do:   "Look at the id, and at whose key it was."},
	{code: methodNotAllowed, status: 405, title: "The method is not allowed",
		when: "The path does not answer this method.",
		do:   "Use one that `Allow` names."},
	{code: event.Conflict, status: 409, title: "The present state forbids it",
		when: "The order or the stock is in a state that forbids it, or the id is another caller's.",
		do:   "Read it again, and decide anew; `detail` names the state."},
	{code: event.Stale, status: 412, title: "A precondition failed", location: "header.If-Match",
		when: "What is there is not what `If-Match` or `If-None-Match` asks for: it has changed since it was read.",
		do:   "Read it again, and send its new `ETag`."},
	{code: tooLarge, status: 413, title: "The body is too large", location: "body",
		when: "The body is larger than 64 KiB.",
		do:   "Send less: an order has 50 lines at most."},
	{code: unsupportedMedia, status: 415, title: "The content type is not supported", location: "header.Content-Type",
		when: "The body is not said to be JSON, or is compressed.",
		do:   "Send `Content-Type: application/json`, and no `Content-Encoding`."},
	{code: event.Invalid, status: 422, title: "The request is not valid",
		when: "A name is not known, or a value is missing, of the wrong type or out of bounds.",
		do:   "Mend the places that `errors` names."},
	{code: event.Mismatch, status: 422, title: "The key or id belongs to another request",
		when: "The `Idempotency-Key`, `order_id` or `adjustment_id` belongs to a request of another meaning.",
		do:   "Name a new request anew; repeat an old one as it was."},
	{code: internal, status: 500, title: "An error of ours",
		detail: "the server failed in a way it should not; the log tells more",
		when:   "The server failed in a way that it should not.",
		do:     "Tell whoever runs it: its log has more. The same again does no harm where it has a key or an id."},
	{code: event.Unavailable, status: 503, title: "Not available now",
		detail: "the server cannot reach its store now; try again, with the same Idempotency-Key if you sent one",
		when:   "The server cannot reach its store or a queue now.",
		do:     sendAgain},
	{code: overloaded, status: 503, title: "Too much to do",
		when: "More waits than the server takes on at a time.",
		do:   sendAgain},
	{code: notReady, status: 503, title: "Not ready",
		when: "The process cannot do its work yet, or no longer; `/readyz` alone says so.",
		do:   "Wait; `detail` names what is not ready."},
	{code: noAnswer, status: 503, title: "A service cannot be reached",
		when: "The process that runs this service does not answer the one that was asked.",
		do:   sendAgain},
}

const (
	problemType = "urn:holdfast:problem:"
	retryAfter  = "1" // seconds
)

// kindOf finds the kind of a code.
func kindOf(code event.Code) kind {
	at := slices.IndexFunc(kinds, func(k kind) bool { return k.code == code })
	if at < 0 {
		return kindOf(internal)
	}
	return kinds[at]
}

// problem is an error as it goes out.
type problem struct {
	wire.Problem
	code   event.Code
	header http.Header
}

// GetStatus, GetHeaders and ContentType are what huma asks of an error.
func (p *problem) GetStatus() int          { return p.Status }
func (p *problem) GetHeaders() http.Header { return p.header }
func (*problem) ContentType(string) string { return "application/problem+json" }

// newProblem turns any error into what a client may see of it.
func newProblem(err error) *problem {
	var e *event.Error
	if !errors.As(err, &e) {
		e = &event.Error{Code: internal}
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			e.Code = event.Unavailable
		}
	}
	k := kindOf(e.Code)
	p := &problem{code: k.code, Problem: wire.Problem{
		Type: problemType + string(k.code), Title: k.title, Status: k.status, Detail: clip(cmp.Or(k.detail, e.Detail), maxDetail),
	}}
	fields := e.Fields
	if len(fields) == 0 && k.location != "" {
		fields = []event.Field{{Location: k.location, Message: p.Detail}}
	}
	for _, f := range fields[:min(len(fields), maxErrors)] {
		p.Errors = append(p.Errors, fieldError(f))
	}
	switch k.status {
	case http.StatusServiceUnavailable:
		p.header = http.Header{"Retry-After": {retryAfter}}
	case http.StatusUnauthorized:
		p.header = http.Header{"Www-Authenticate": {"Bearer"}}
	}
	return p
}

// How many places are named, and the longest values, locations and details, which may
// name what was asked for, in bytes.
const (
	maxErrors   = 100
	maxValue    = 100
	maxLocation = 200
	maxDetail   = 1000
)

// fieldError keeps out of an answer what is long, no scalar, or may be secret.
func fieldError(f event.Field) wire.FieldError {
	e := wire.FieldError{Location: clip(f.Location, maxLocation), Message: f.Message}
	if f.Location != "body.payment_method" && !strings.HasPrefix(f.Location, "header.") && short(f.Value) {
		e.Value = f.Value
	}
	return e
}

func short(value any) bool {
	switch v := value.(type) {
	case string:
		return len(v) <= maxValue
	case jsontext.Value:
		var plain any // 1e999 is JSON, but no client could read it back
		return len(v) <= maxValue && json.Unmarshal(v, &plain) == nil
	case int, int64, float64, bool:
		return true
	}
	return false
}

func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// invalid is the error of one offending place.
func invalid(location, message string, value any) *event.Error {
	return &event.Error{Code: event.Invalid, Detail: location + " " + message,
		Fields: []event.Field{{Location: location, Message: message, Value: value}}}
}

// huma makes its own errors through this variable, in its own words and with
// whole values in them. They become problems of ours.
func init() {
	huma.NewError = func(_ int, message string, errs ...error) huma.StatusError {
		return newProblem(merge(message, errs))
	}
}

// merge makes one error of all that huma and our resolvers found wrong with a
// request: the first that is more than an invalid place, else all places.
func merge(message string, errs []error) error {
	if len(errs) == 0 {
		return errors.New(message)
	}
	all := &event.Error{Code: event.Invalid}
	for _, err := range errs {
		var e *event.Error
		var detail huma.ErrorDetailer
		switch {
		case errors.As(err, &e) && e.Code == event.Invalid:
			all.Fields = append(all.Fields, e.Fields...)
		case errors.As(err, &detail):
			d := detail.ErrorDetail()
			all.Fields = append(all.Fields, event.Field{Location: d.Location, Message: d.Message, Value: d.Value})
		default:
			return err
		}
	}
	all.Detail = fmt.Sprintf("%s %s", clip(all.Fields[0].Location, maxLocation), all.Fields[0].Message)
	return all
}

// refuse turns a handler's error into its problem, and logs what is the
// server's own fault.
func (a *API) refuse(ctx context.Context, operation string, err error) *problem {
	p := newProblem(err)
	switch {
	case ctx.Err() != nil:
		a.config.Log.DebugContext(ctx, "the client left before its answer", "operation", operation, "error", err)
	case p.code == internal:
		a.config.Log.ErrorContext(ctx, "request failed", "operation", operation, "error", err)
	case p.code == event.Unavailable:
		a.config.Log.WarnContext(ctx, "request refused for want of a store", "operation", operation, "error", err)
	}
	return p
}
