package aws

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// repeatConflicts has the SDK repeat a write that a transaction under way on the
// same item refused, as it does a throttled one; of itself it does not.
func repeatConflicts(o *dynamodb.Options) {
	o.Retryer = retry.AddWithErrorCodes(o.Retryer, "TransactionConflictException")
}

// How often a refused request is tried, and the pause between tries: full jitter
// under an exponential ceiling
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
const (
	maxTries  = 8
	pauseBase = 10 * time.Millisecond
	pauseCap  = 2 * time.Second
)

// pause waits before the given try, 2 being the first repeat, or until ctx ends.
func (c *core) pause(ctx context.Context, try int) error {
	ceiling := min(pauseCap, pauseBase<<min(try-2, 20))
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(ceiling) + 1)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
