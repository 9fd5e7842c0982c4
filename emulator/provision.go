package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"holdfast/deploy"
)

// Provision creates deploy's tables and queues with plain calls, which an
// emulator answers in milliseconds; on AWS use holdfast setup. What is there
// already is an error.
func Provision(ctx context.Context, config aws.Config, prefix string) error {
	db, queues := dynamodb.NewFromConfig(config), sqs.NewFromConfig(config)
	g, ctx := errgroup.WithContext(ctx)
	for _, t := range deploy.Tables(prefix) {
		g.Go(func() error { return createTable(ctx, db, t) })
	}
	g.Go(func() error {
		for _, q := range deploy.Queues(prefix) { // a dead-letter queue before those that use it
			if err := createQueue(ctx, queues, q); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// Remove deletes the tables and queues of a prefix.
func Remove(ctx context.Context, config aws.Config, prefix string) error {
	db, queues := dynamodb.NewFromConfig(config), sqs.NewFromConfig(config)
	g, ctx := errgroup.WithContext(ctx)
	for _, t := range deploy.Tables(prefix) {
		g.Go(func() error {
			_, err := db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &t.Name})
			return err
		})
	}
	for _, q := range deploy.Queues(prefix) {
		g.Go(func() error {
			found, err := queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.Name})
			if err != nil {
				return err
			}
			_, err = queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: found.QueueUrl})
			return err
		})
	}
	return g.Wait()
}

func createTable(ctx context.Context, db *dynamodb.Client, t deploy.Table) error {
	input := &dynamodb.CreateTableInput{TableName: &t.Name, BillingMode: types.BillingModePayPerRequest, KeySchema: schema(t.Key)}
	for _, name := range slices.Sorted(maps.Keys(t.Types)) {
		input.AttributeDefinitions = append(input.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: &name, AttributeType: types.ScalarAttributeType(t.Types[name]),
		})
	}
	for _, i := range t.Indexes {
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &i.Name, KeySchema: schema(i.Key), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	if _, err := db.CreateTable(ctx, input); err != nil {
		return fmt.Errorf("creating table %s: %w", t.Name, err)
	}
	return nil
}

func schema(k deploy.Key) []types.KeySchemaElement {
	elements := []types.KeySchemaElement{{AttributeName: &k.Partition, KeyType: types.KeyTypeHash}}
	if k.Sort != "" {
		elements = append(elements, types.KeySchemaElement{AttributeName: &k.Sort, KeyType: types.KeyTypeRange})
	}
	return elements
}

func createQueue(ctx context.Context, client *sqs.Client, q deploy.Queue) error {
	attributes := maps.Clone(q.Attributes)
	if q.DeadLetters != "" {
		policy, err := redrivePolicy(ctx, client, q)
		if err != nil {
			return err
		}
		attributes["RedrivePolicy"] = policy
	}
	if _, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &q.Name, Attributes: attributes}); err != nil {
		return fmt.Errorf("creating queue %s: %w", q.Name, err)
	}
	return nil
}

// redrivePolicy names the dead-letter queue by its ARN, which the emulator makes.
func redrivePolicy(ctx context.Context, client *sqs.Client, q deploy.Queue) (string, error) {
	dead, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.DeadLetters})
	if err != nil {
		return "", fmt.Errorf("finding queue %s: %w", q.DeadLetters, err)
	}
	arn := sqstypes.QueueAttributeNameQueueArn
	about, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: dead.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{arn},
	})
	if err != nil {
		return "", fmt.Errorf("reading the ARN of queue %s: %w", q.DeadLetters, err)
	}
	policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": about.Attributes[string(arn)], "maxReceiveCount": q.MaxReceives})
	return string(policy), err
}
