package emulator_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"holdfast/emulator"
)

func TestProvisionedTablesAndQueuesAreThere(t *testing.T) {
	m := emulator.ForTest(t)
	start := time.Now()
	prefix := m.Fresh(t)
	t.Log(time.Since(start))
	tables, err := dynamodb.NewFromConfig(m.Config()).ListTables(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(tables.TableNames)
	queues, err := sqs.NewFromConfig(m.Config()).ListQueues(t.Context(), &sqs.ListQueuesInput{QueueNamePrefix: &prefix})
	t.Log(queues.QueueUrls, err)
}
