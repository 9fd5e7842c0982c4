package aws

import (
	"errors"
	"slices"

	"github.com/aws/smithy-go"
)

// isCode tells whether AWS answered with one of the error codes.
func isCode(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}

// isValidation tells whether AWS refuses the request for what it says.
func isValidation(err error) bool { return isCode(err, "ValidationException", "ValidationError") }

// isDenied tells whether AWS refuses a request for who makes it.
func isDenied(err error) bool { return isCode(err, "AccessDenied", "AccessDeniedException") }
