package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
	smithylogging "github.com/aws/smithy-go/logging"

	"holdfast/cost"
	"holdfast/deploy"
)

// cloud is how a process reaches AWS, and what that costs.
type cloud struct {
	config aws.Config
	meter  *cost.Meter // of all clients that are made from the configuration
}

// Bounds of a request to AWS. All attempts of one to DynamoDB together end within the
// 30 s for which a message is leased, and for which our own commands wait.
const (
	requestTime  = 5 * time.Second
	pollTime     = 25 * time.Second // SQS answers a long poll after 20 s at the latest
	attempts     = 3
	longestPause = 2 * time.Second // between two attempts
	connections  = 512             // kept open to each service
	credentials  = 10 * time.Second
)

// connect reads the usual AWS environment: variables, shared files, the role of
// the container or the machine. It fails unless that names a region, and yields
// credentials; they are fetched anew before they expire. The process is that for
// which requests are counted that are no one service's.
func connect(ctx context.Context, process string) (*cloud, error) {
	if endpoint := os.Getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		if err := checkURL("AWS_ENDPOINT_URL", endpoint); err != nil {
			return nil, err
		}
	}
	c, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(newHTTPClient()), config.WithServiceOptions(hurry),
		config.WithRetryer(newRetryer), config.WithLogger(smithylogging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("the AWS configuration cannot be used: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("no AWS region is named; set AWS_REGION, as eu-central-1, or AWS_PROFILE to a profile that has one")
	}
	bounded, cancel := context.WithTimeout(ctx, credentials)
	defer cancel()
	if _, err := c.Credentials.Retrieve(bounded); err != nil {
		return nil, fmt.Errorf("no AWS credentials are found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role gives them: %w", err)
	}
	meter := cost.NewMeter()
	meter.Process = process
	meter.Watch(&c)
	return &cloud{config: c, meter: meter}, nil
}

// newHTTPClient keeps as many connections as there are requests at a time: a new
// one costs a TLS handshake.
func newHTTPClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTimeout(pollTime).WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = connections, connections
	})
}

// hurry gives DynamoDB, for which orders wait and which has no long polls, a client
// that does not wait for long: where nothing answers, they are to be refused soon.
// The requests to SQS that are no polls the engine bounds itself.
func hurry(_ string, options any) {
	if o, ok := options.(*dynamodb.Options); ok {
		if c, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = c.WithTimeout(requestTime)
		}
	}
}

func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, longestPause })
}

// deploy makes the tables, queues and roles as storage.yaml has them, and tells
// on standard error how far it is.
func (c *cloud) deploy(ctx context.Context, s deploy.Settings) error {
	outcome, err := deploy.Apply(ctx, c.config, s, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err == nil {
		fmt.Fprintf(os.Stderr, "stack %s in %s: %s\n", deploy.StackName(s.Prefix), c.config.Region, outcome)
	}
	return err
}

// plainly says an error of the SDK in one line with its fix, where there is one
// and that has not been done; any other error stays as it is.
func plainly(err error) error {
	var raw *smithy.OperationError
	if !errors.As(err, &raw) || !strings.Contains(err.Error(), raw.Error()) {
		return err
	}
	if plain := deploy.Explain("using AWS", err); !strings.Contains(plain.Error(), raw.Error()) {
		return plain
	}
	return err
}
