package deploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"holdfast/deploy"
	"holdfast/emulator"
	"holdfast/event"
)

func TestSetupDeploysEveryTableAndQueueOfTheTemplate(t *testing.T) {
	t.Parallel()
	config := emulator.ForTest(t).Config()
	prefix, progress := deployed(t, config, nil)
	if err := deploy.Check(t.Context(), dynamodb.NewFromConfig(config), prefix, event.Services); err != nil {
		t.Error("what setup has made is not what an engine wants:", err)
	}
	for _, q := range deploy.Queues(prefix) {
		checkQueue(t, sqs.NewFromConfig(config), q)
	}
	for _, r := range []string{"Orders (AWS::DynamoDB::Table)", "PaymentQueue (AWS::SQS::Queue)", "InventoryRole (AWS::IAM::Role)"} {
		if !slices.ContainsFunc(progress, func(line string) bool { return line == "CREATE_COMPLETE "+r }) {
			t.Errorf("the progress does not tell of %s:\n%s", r, strings.Join(progress, "\n"))
		}
	}
}

// checkQueue holds a queue's attributes against the template's.
func checkQueue(t *testing.T, client *sqs.Client, q deploy.Queue) {
	t.Helper()
	found, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &q.Name})
	if err != nil {
		t.Errorf("queue %s: %v", q.Name, err)
		return
	}
	all, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: found.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range q.Attributes {
		if is := all.Attributes[name]; is != want {
			t.Errorf("queue %s has %s %q; want %q", q.Name, name, is, want)
		}
	}
	if all.Attributes["SqsManagedSseEnabled"] != "true" {
		t.Errorf("queue %s is not encrypted", q.Name)
	}
	if q.DeadLetters == "" {
		return
	}
	var redrive struct {
		DeadLetterTargetArn string
		MaxReceiveCount     json.Number
	}
	if err := json.Unmarshal([]byte(all.Attributes["RedrivePolicy"]), &redrive); err != nil {
		t.Fatalf("queue %s has the redrive policy %q: %v", q.Name, all.Attributes["RedrivePolicy"], err)
	}
	if n, _ := redrive.MaxReceiveCount.Int64(); int(n) != q.MaxReceives || !strings.HasSuffix(redrive.DeadLetterTargetArn, ":"+q.DeadLetters) {
		t.Errorf("queue %s gives messages to %s after %d receives; want %s after %d", q.Name, redrive.DeadLetterTargetArn, n, q.DeadLetters, q.MaxReceives)
	}
}

func TestSetupTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	config := emulator.ForTest(t).Config()
	prefix, _ := deployed(t, config, nil)
	before := stack(t, config, prefix)
	var told []string
	outcome, err := deploy.Apply(t.Context(), config, deploy.Settings{Prefix: prefix}, func(line string) { told = append(told, line) })
	if outcome != deploy.Unchanged || err != nil || len(told) > 0 {
		t.Errorf("the second setup: %q, %v, telling of %q; want %q and nothing told of", outcome, err, told, deploy.Unchanged)
	}
	if after := stack(t, config, prefix); !reflect.DeepEqual(after, before) {
		t.Errorf("the second setup has touched the stack: it was %+v and is %+v", before, after)
	}
}

func TestAChangedSettingUpdatesInPlaceAndTheOthersStay(t *testing.T) {
	t.Parallel()
	config := emulator.ForTest(t).Config()
	prefix, _ := deployed(t, config, func(s *deploy.Settings) { s.DeletionProtection, s.LogRetentionDays = aws.Bool(false), aws.Int(7) })
	before := tableID(t, config, prefix+"-orders")
	apply := func(s deploy.Settings, want deploy.Outcome) {
		t.Helper()
		s.Prefix = prefix
		if outcome, err := deploy.Apply(t.Context(), config, s, func(string) {}); outcome != want || err != nil {
			t.Errorf("setup: %q, %v; want %q", outcome, err, want)
		}
	}
	apply(deploy.Settings{LogRetentionDays: aws.Int(14)}, deploy.Updated)
	apply(deploy.Settings{LogRetentionDays: aws.Int(14), DeletionProtection: aws.Bool(false)}, deploy.Unchanged)
	is := make(map[string]string)
	for _, p := range stack(t, config, prefix).Parameters {
		is[*p.ParameterKey] = *p.ParameterValue
	}
	if is["LogRetentionDays"] != "14" || is["DeletionProtection"] != "false" || is["PointInTimeRecovery"] != "true" {
		t.Errorf("the settings are now %v", is)
	}
	if after := tableID(t, config, prefix+"-orders"); after != before {
		t.Error("the update has put a new table in the place of the old one")
	}
}

func TestAnOlderTemplateIsUpdatedInPlace(t *testing.T) {
	t.Parallel()
	config, prefix := emulator.ForTest(t).Config(), emulator.NewPrefix()
	older := strings.ReplaceAll(deploy.Storage, "MessageRetentionPeriod: 345600", "MessageRetentionPeriod: 86400")
	if older == deploy.Storage {
		t.Fatal("the template has another retention now")
	}
	create(t, config, deploy.StackName(prefix), older, map[string]string{"Prefix": prefix})
	before := tableID(t, config, prefix+"-orders")
	if outcome, err := deploy.Apply(t.Context(), config, deploy.Settings{Prefix: prefix}, func(string) {}); outcome != deploy.Updated || err != nil {
		t.Fatalf("setup over an older template: %q, %v; want %q", outcome, err, deploy.Updated)
	}
	for _, q := range deploy.Queues(prefix) {
		checkQueue(t, sqs.NewFromConfig(config), q)
	}
	if after := tableID(t, config, prefix+"-orders"); after != before {
		t.Error("the update has put a new table in the place of the old one")
	}
}

func TestSetupNamesWhatItCouldNotCreate(t *testing.T) {
	t.Parallel()
	config := emulator.ForTest(t).Config()
	_, err := deploy.Apply(t.Context(), config, deploy.Settings{Prefix: emulator.NewPrefix(), LogRetentionDays: aws.Int(2)}, func(string) {})
	wantError(t, err, "-storage", "LogRetentionDays")
}

// errNoCredentials is what the SDK finds where nothing is set.
var errNoCredentials = errors.New("no EC2 IMDS role found")

func TestSetupNeedsARegionAndCredentials(t *testing.T) {
	t.Parallel()
	config := emulator.ForTest(t).Config()
	config.Region = ""
	_, err := deploy.Apply(t.Context(), config, deploy.Settings{Prefix: "x"}, func(string) {})
	wantError(t, err, "no AWS region", "AWS_REGION")

	config = emulator.ForTest(t).Config()
	config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errNoCredentials
	})
	_, err = deploy.Apply(t.Context(), config, deploy.Settings{Prefix: "x"}, func(string) {})
	wantError(t, err, "no AWS credentials", "AWS_PROFILE")

	config = emulator.ForTest(t).Config()
	config.BaseEndpoint, config.RetryMaxAttempts = aws.String("http://127.0.0.1:1"), 1
	_, err = deploy.Apply(t.Context(), config, deploy.Settings{Prefix: "x"}, func(string) {})
	wantError(t, err, "cannot reach AWS", "127.0.0.1:1", "AWS_ENDPOINT_URL")
}

func stack(t *testing.T, config aws.Config, prefix string) types.Stack {
	t.Helper()
	out, err := cloudformation.NewFromConfig(config).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(deploy.StackName(prefix))})
	if err != nil {
		t.Fatal(err)
	}
	return out.Stacks[0]
}

func tableID(t *testing.T, config aws.Config, name string) string {
	t.Helper()
	out, err := dynamodb.NewFromConfig(config).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Table.TableId
}

// create makes a stack of any template and waits for it.
func create(t *testing.T, config aws.Config, name, template string, parameters map[string]string) {
	t.Helper()
	client := cloudformation.NewFromConfig(config)
	in := &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &template, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}}
	for key, value := range parameters {
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	if _, err := client.CreateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	waiter := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := waiter.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}, time.Minute); err != nil {
		t.Fatalf("stack %s: %v; %q", name, err, failures(t, client, name))
	}
}

// failures are the reasons that a stack's events give.
func failures(t *testing.T, client *cloudformation.Client, name string) (reasons []string) {
	t.Helper()
	out, err := client.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out.StackEvents {
		if e.ResourceStatus == types.ResourceStatusCreateFailed {
			reasons = append(reasons, *e.LogicalResourceId+": "+aws.ToString(e.ResourceStatusReason))
		}
	}
	return reasons
}
