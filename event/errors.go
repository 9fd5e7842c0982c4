package event

import (
	"errors"
	"fmt"
)

// Code is the one vocabulary of errors. Engines translate into it, callers ask
// errors.Is(err, event.NotFound), and HTTP maps it to a status in one table.
type Code string

// The codes.
const (
	Invalid       Code = "invalid"        // well-formed but wrong; asking again will not help
	BadCursor     Code = "bad_cursor"     // a paging cursor that this list did not give out
	NotFound      Code = "not_found"      // no such record
	Conflict      Code = "conflict"       // the record's state forbids it
	Mismatch      Code = "mismatch"       // an idempotency key used again with another meaning
	Stale         Code = "stale"          // a precondition on the record's version failed
	Unavailable   Code = "unavailable"    // a store, a queue or the gateway cannot be used now; try again
	Unreachable   Code = "unreachable"    // a message that its record's state rules out
	UnknownEvent  Code = "unknown_event"  // a message of a type or version that this build cannot read
	MixedCurrency Code = "mixed_currency" // an order's lines are priced in several currencies
)

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// Error is an error of a Code, with words for a person.
type Error struct {
	Code   Code
	Detail string
	Fields []Field // the offending places, where the input has places
	cause  error
}

// Field names an offending place of the input, as "body.items[0].qty".
type Field struct {
	Location string
	Message  string
	Value    any // nil, or the short scalar that was found there; never a secret
}

// Errorf returns an error of the code. An error among args that the format
// wraps with %w stays visible to errors.Is.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Detail: err.Error(), cause: errors.Unwrap(err)}
}

// ErrorAt is an error of one place of the input, whose message there is its detail.
func ErrorAt(code Code, location, detail string) *Error {
	return &Error{Code: code, Detail: detail, Fields: []Field{{Location: location, Message: detail}}}
}

// Error is the detail.
func (e *Error) Error() string { return e.Detail }

// Is reports whether target is the error's code.
func (e *Error) Is(target error) bool { return target == e.Code }

// Unwrap returns the error that this one was made from, if any.
func (e *Error) Unwrap() error { return e.cause }
