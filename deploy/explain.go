package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/aws/smithy-go"
)

// errNoRegion is what the SDK would say with "an AWS region is required".
var errNoRegion = errors.New("no AWS region is set; set AWS_REGION, or name a profile that has one with AWS_PROFILE")

// fixes say what to do, by AWS's code for an error of whoever calls
// (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html).
var fixes = map[string]string{
	"AccessDenied":                "ask an administrator for that right, or use another profile with AWS_PROFILE",
	"AccessDeniedException":       "ask an administrator for that right, or use another profile with AWS_PROFILE",
	"UnrecognizedClientException": "AWS does not know these credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
	"InvalidClientTokenId":        "AWS does not know these credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
	"SignatureDoesNotMatch":       "the secret does not belong to the access key; set AWS_SECRET_ACCESS_KEY anew",
	"ExpiredToken":                "the credentials have expired; sign in again",
	"ExpiredTokenException":       "the credentials have expired; sign in again",
	"OptInRequired":               "the account is not signed up for this service or region; set AWS_REGION to one that it is",
}

// Explain makes one line of an error of the SDK: what was being done, what is
// wrong, and the fix where that can be told. nil stays nil, and an error that AWS
// has no part in stays as it is.
func Explain(doing string, err error) error {
	var api smithy.APIError
	var operation *smithy.OperationError
	var dial *net.OpError
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &api):
		if fix, known := fixes[api.ErrorCode()]; known {
			return fmt.Errorf("%s: %s: %w; %s", doing, api.ErrorCode(), shortened{err, api.ErrorMessage()}, fix)
		}
		return fmt.Errorf("%s: %w", doing, shortened{err, api.ErrorCode() + ": " + api.ErrorMessage()})
	case errors.As(err, &operation) && lacksCredentials(err):
		return fmt.Errorf("%s: %w", doing, shortened{err, "no AWS credentials are set; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"})
	case errors.As(err, &dial):
		return fmt.Errorf("%s: cannot reach AWS: %w; look at AWS_REGION, AWS_ENDPOINT_URL and the network", doing, shortened{err, dial.Error()})
	case errors.As(err, &operation):
		return fmt.Errorf("%s: %w", doing, err)
	}
	return err
}

// lacksCredentials tells whether a request could not be signed. The SDK has no
// type for that.
func lacksCredentials(err error) bool {
	text := err.Error()
	return strings.Contains(text, "get identity") || strings.Contains(text, "get credentials") || strings.Contains(text, "static credentials are empty")
}

// shortened is an error in fewer words.
type shortened struct {
	error
	words string
}

func (s shortened) Error() string { return strings.Join(strings.Fields(s.words), " ") }

func (s shortened) Unwrap() error { return s.error }
