package aws

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"holdfast/emulator"
	"holdfast/order"
)

// TestTwoThousandOrdersASecondPassTheIndexes places and ends two thousand orders
// in each of three virtual seconds, where one item, and one partition key of an
// index, takes 1,000 write units a second: none is throttled.
func TestTwoThousandOrdersASecondPassTheIndexes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := emulator.NewFaults(newFakeDynamo(), emulator.FaultOptions{Units: 1000})
		now := func() time.Time { return time.Now().AddDate(26, 0, 0) } // a bubble's clock begins before Numbers do
		s := ordersOf(&core{prefix: "t", now: now, log: slog.New(slog.DiscardHandler), db: dynamodb.NewFromConfig(awssdk.Config{
			Region: "us-east-1", HTTPClient: faults, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
			Retryer: func() awssdk.Retryer {
				return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 20 })
			},
		})})
		s.numbering.node = 1
		s.numbering.days[now().UTC().Format(time.DateOnly)] = true
		const rounds, each = 60, 100 // a round in 50 ms
		for round := range rounds {
			placeAndEnd(t, s, round, each)
			time.Sleep(50 * time.Millisecond)
		}
		if n := faults.Struck(emulator.Throttle); n > 0 || faults.Writes("t-orders") != 2*rounds*each {
			t.Errorf("%d requests were throttled, %d items written; want none, %d", n, faults.Writes("t-orders"), 2*rounds*each)
		}
	})
}

// placeAndEnd places n orders and brings each to its end.
func placeAndEnd(t *testing.T, s *orders, round, n int) {
	t.Helper()
	var asked []order.Order
	for i := range n {
		o := placed(fmt.Sprintf("order-%d-%d", round, i))
		o.UserID = fmt.Sprint("user-", round, "-", i)
		asked = append(asked, o)
	}
	var changes []order.Change
	for _, o := range createOrders(t, s, asked...) {
		changes = append(changes, order.Change{Ref: o.Ref, From: []order.Status{order.Pending}, To: order.Completed, At: time.Now()})
	}
	if _, err := s.Apply(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}
