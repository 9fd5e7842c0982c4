package aws

import (
	"errors"

	"github.com/aws/smithy-go"
)

// isValidation tells whether AWS refuses the request for what it says.
func isValidation(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (api.ErrorCode() == "ValidationException" || api.ErrorCode() == "ValidationError")
}
