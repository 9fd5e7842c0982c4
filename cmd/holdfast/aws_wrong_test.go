package main

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"holdfast/emulator"
)

// TestWhatIsWrongWithAWSIsSaidInOneLine starts commands where they cannot work.
func TestWhatIsWrongWithAWSIsSaidInOneLine(t *testing.T) {
	at := onEmulator(t)
	setUpWithout(t, at)
	prefix := at.storage(t).Prefix
	for name, wrong := range map[string]struct {
		environment map[string]string
		command     string
		want        string
	}{
		"no region":        {map[string]string{"AWS_REGION": ""}, "serve", "no AWS region is named; set AWS_REGION"},
		"no credentials":   {map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "order", "no AWS credentials are found; set AWS_ACCESS_KEY_ID"},
		"no such profile":  {map[string]string{"AWS_PROFILE": "nobody"}, "audit", "nobody"},
		"another region":   {map[string]string{"AWS_REGION": "eu-west-1"}, "inventory", "there is no table " + prefix + "-"},
		"no scheme":        {map[string]string{"AWS_ENDPOINT_URL": "127.0.0.1:1"}, "keys list", "AWS_ENDPOINT_URL 127.0.0.1:1 lacks its scheme"},
		"nobody there":     {map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "payment", "cannot reach AWS: dial tcp 127.0.0.1:1: connect: connection refused"},
		"nobody to deploy": {map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "setup", "cannot reach AWS: dial tcp 127.0.0.1:1"},
		"no tables":        {nil, "serve --prefix nothing-here", "holdfast setup --engine aws --prefix nothing-here"},
		"no tables, order": {nil, "order --prefix nothing-here", "there is no table nothing-here-keys"},
		"no tables, audit": {nil, "audit --prefix nothing-here", "there is no table nothing-here-"},
		"no tables, load":  {nil, "load --prefix nothing-here --duration 1s", "holdfast setup --engine aws --prefix nothing-here"},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range wrong.environment {
				t.Setenv(name, value)
			}
			wantFailure(t, append(strings.Fields(wrong.command), withoutPrefix(at, wrong.command)...), wrong.want)
		})
	}
}

// withoutPrefix are the flags of a place, but for the prefix where the command
// names one.
func withoutPrefix(at where, command string) where {
	if strings.Contains(command, "--prefix") {
		return at[:2]
	}
	return at
}

// wantFailure runs a command that must exit 1 and say in one line what is wrong.
func wantFailure(t *testing.T, args []string, want string) {
	t.Helper()
	out, err := holdfast(t, args...)
	if exitStatus(err) != exitFailed || !strings.Contains(out, want) || strings.Count(out, "\n") != 1 {
		t.Errorf("%s: exit %d, want 1 and one line with %q:\n%s", args, exitStatus(err), want, out)
	}
}

// wantIn fails unless what a command printed has it.
func wantIn(t *testing.T, out, want string) {
	t.Helper()
	if !strings.Contains(out, want) {
		t.Errorf("%q is not in:\n%s", want, out)
	}
}

// TestATableOrAQueueThatIsNotOursIsNamed takes one thing after another away, or
// puts another in its place.
func TestATableOrAQueueThatIsNotOursIsNamed(t *testing.T) {
	at := onEmulator(t)
	setUpWithout(t, at)
	config, prefix := emulator.ForTest(t).Config(), at.storage(t).Prefix
	queues := sqs.NewFromConfig(config)
	found, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(prefix + "-payment")})
	if err == nil {
		_, err = queues.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: found.QueueUrl})
	}
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, append([]string{"order"}, at...), prefix+"-payment")

	tables, stock := dynamodb.NewFromConfig(config), prefix+"-stock"
	if _, err := tables.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &stock}); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, append([]string{"inventory"}, at...), "there is no table "+stock)
	_, err = tables.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &stock, BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("product"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("product"), AttributeType: types.ScalarAttributeTypeS}},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, append([]string{"inventory"}, at...), "table "+stock+" has the key (product S) where it should have (sku S)")
	wantFailure(t, append([]string{"serve"}, at...), "table "+stock+" has the key (product S)")
}
