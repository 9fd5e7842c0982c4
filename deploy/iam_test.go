package deploy_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"holdfast/deploy"
	"holdfast/emulator"
	"holdfast/event"
)

// enforcing is an emulator on which a role may do what its policies allow, and no
// more.
var enforcing = sync.OnceValues(func() (*emulator.MiniStack, error) {
	return emulator.Start(context.Background(), emulator.Options{Auth: true})
})

// permitted is a stack on an enforcing emulator, and what each service may reach
// it with.
type permitted struct {
	prefix string
	roles  map[event.Service]aws.Config
}

// root is the principal that takes the roles in these tests, where on AWS it is
// ECS.
const root = "arn:aws:iam::000000000000:root"

func openPermitted(t *testing.T) permitted {
	t.Helper()
	m, err := enforcing()
	if err != nil {
		t.Fatal(err)
	}
	config := m.Config()
	p := permitted{roles: make(map[event.Service]aws.Config)}
	p.prefix, _ = deployed(t, config, func(s *deploy.Settings) { s.AlsoTrusted = aws.String(root) })
	for _, o := range stack(t, config, p.prefix).Outputs {
		name, is := strings.CutSuffix(*o.OutputKey, "RoleArn")
		if is {
			taken := config.Copy()
			taken.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(config), *o.OutputValue))
			p.roles[event.Service(strings.ToLower(name))] = taken
		}
	}
	if len(p.roles) != len(event.Services) {
		t.Fatalf("the stack names roles for %d services", len(p.roles))
	}
	return p
}

// attempt is an action tried under a role.
type attempt struct {
	action string // as IAM names it
	target string // as grants name it
	try    func(ctx context.Context, config aws.Config) error
}

// denied tells whether AWS refused an attempt for want of a right.
func denied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied")
}

// attempts are all actions on all tables, indexes and queues of the template: a
// new table is in it by itself.
func attempts(prefix string) (all []attempt) {
	for _, table := range deploy.Tables(prefix) {
		name := strings.TrimPrefix(table.Name, prefix+"-")
		for _, a := range onTable(table) {
			all = append(all, attempt{a.action, name, a.try})
		}
		for _, i := range table.Indexes {
			for _, a := range onIndex(table.Name, i) {
				all = append(all, attempt{a.action, name + "/" + i.Name, a.try})
			}
		}
	}
	for _, q := range deploy.Queues(prefix) {
		for _, a := range onQueue(q.Name) {
			all = append(all, attempt{a.action, strings.TrimPrefix(q.Name, prefix+"-"), a.try})
		}
	}
	return all
}

func TestEachRoleMayDoWhatItsPolicySaysAndNothingElse(t *testing.T) {
	t.Parallel()
	p := openPermitted(t)
	roles := parse(t, deploy.Storage).roles(t)
	for service, config := range p.roles {
		t.Run(string(service), func(t *testing.T) {
			t.Parallel()
			used := 0
			for _, a := range attempts(p.prefix) {
				may := slices.Contains(roles[string(service)][a.target], a.action)
				if err := a.try(t.Context(), config); denied(err) == may {
					t.Errorf("%s on %s: allowed %v; want %v (%v)", a.action, a.target, !may, may, err)
				}
				if may {
					used++
				}
			}
			if used < 20 {
				t.Errorf("only %d of the attempts are ones that the role allows", used)
			}
		})
	}
}

func TestNoRoleReachesWhatIsAnothersOwn(t *testing.T) {
	t.Parallel()
	p := openPermitted(t)
	owners := ownersByTarget(p.prefix)
	for service, config := range p.roles {
		t.Run(string(service), func(t *testing.T) {
			t.Parallel()
			crossed := 0
			for _, a := range attempts(p.prefix) {
				if owners[a.target] == service || shared(service, a, owners[a.target]) {
					continue
				}
				crossed++
				if err := a.try(t.Context(), config); !denied(err) {
					t.Errorf("%s may %s on %s, which is %s's (%v)", service, a.action, a.target, owners[a.target], err)
				}
			}
			if crossed < 80 {
				t.Errorf("only %d attempts cross a border", crossed)
			}
		})
	}
}

func TestSetupWithoutTheRightToSaysWhichIsMissing(t *testing.T) {
	t.Parallel()
	p := openPermitted(t)
	_, err := deploy.Apply(t.Context(), p.roles[event.Order], deploy.Settings{Prefix: p.prefix}, func(string) {})
	wantError(t, err, "setting up "+deploy.StackName(p.prefix), "AccessDenied", "cloudformation:DescribeStacks", "ask an administrator")
}

// ownersByTarget are the owners of the tables, their indexes and the queues.
func ownersByTarget(prefix string) map[string]event.Service {
	owners := make(map[string]event.Service)
	for _, table := range deploy.Tables(prefix) {
		name := strings.TrimPrefix(table.Name, prefix+"-")
		owners[name] = table.Owner
		for _, i := range table.Indexes {
			owners[name+"/"+i.Name] = table.Owner
		}
	}
	for _, q := range deploy.Queues(prefix) {
		owners[strings.TrimPrefix(q.Name, prefix+"-")] = q.Owner
	}
	return owners
}

// shared is all that a service may do with what is not its own: read the API keys,
// ask the simulated gateway if it is the payment service, send to the others'
// queues, and look at their depth if it is the order service, whose sweeper waits
// while they are full.
func shared(service event.Service, a attempt, owner event.Service) bool {
	switch owner {
	case deploy.Keys:
		return slices.Contains([]string{"dynamodb:DescribeTable", "dynamodb:Query"}, a.action)
	case deploy.Gateway:
		return service == event.Payment
	}
	if strings.HasSuffix(a.target, "-dlq") {
		return false
	}
	return a.action == "sqs:SendMessage" || a.action == "sqs:GetQueueUrl" || service == event.Order && a.action == "sqs:GetQueueAttributes"
}

// key is the key of an item of the table.
func key(k deploy.Key, kinds map[string]string) map[string]types.AttributeValue {
	item := make(map[string]types.AttributeValue)
	for _, name := range []string{k.Partition, k.Sort} {
		switch {
		case name == "":
		case kinds[name] == "N":
			item[name] = &types.AttributeValueMemberN{Value: "1"}
		default:
			item[name] = &types.AttributeValueMemberS{Value: "iam"}
		}
	}
	return item
}

// try is an action without its target.
type try struct {
	action string
	try    func(ctx context.Context, config aws.Config) error
}

// do is an action of DynamoDB.
func do(action string, call func(context.Context, *dynamodb.Client) error) try {
	return try{"dynamodb:" + action, func(ctx context.Context, c aws.Config) error { return call(ctx, dynamodb.NewFromConfig(c)) }}
}

func onTable(t deploy.Table) []try {
	return slices.Concat(reads(t, key(t.Key, t.Types)), writes(t, key(t.Key, t.Types)), changes(&t.Name))
}

func reads(t deploy.Table, at map[string]types.AttributeValue) []try {
	name := &t.Name
	return []try{
		do("GetItem", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: name, Key: at})
			return err
		}),
		do("GetItem", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{{Get: &types.Get{TableName: name, Key: at}}}})
			return err
		}),
		do("BatchGetItem", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{*name: {Keys: []map[string]types.AttributeValue{at}}}})
			return err
		}),
		do("Query", func(ctx context.Context, db *dynamodb.Client) error {
			return query(ctx, db, name, nil, t.Key.Partition)
		}),
		do("Scan", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.Scan(ctx, &dynamodb.ScanInput{TableName: name})
			return err
		}),
	}
}

func writes(t deploy.Table, at map[string]types.AttributeValue) []try {
	name := &t.Name
	return []try{
		do("PutItem", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: name, Item: at})
			return err
		}),
		do("PutItem", func(ctx context.Context, db *dynamodb.Client) error {
			return transact(ctx, db, types.TransactWriteItem{Put: &types.Put{TableName: name, Item: at}})
		}),
		do("UpdateItem", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: name, Key: at})
			return err
		}),
		do("DeleteItem", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: name, Key: at})
			return err
		}),
		do("DeleteItem", func(ctx context.Context, db *dynamodb.Client) error {
			return transact(ctx, db, types.TransactWriteItem{Delete: &types.Delete{TableName: name, Key: at}})
		}),
		do("ConditionCheckItem", func(ctx context.Context, db *dynamodb.Client) error {
			return transact(ctx, db, types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
				TableName: name, Key: at, ConditionExpression: aws.String("attribute_exists(" + t.Key.Partition + ")"),
			}})
		}),
		do("BatchWriteItem", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{*name: {{PutRequest: &types.PutRequest{Item: at}}}}})
			return err
		}),
	}
}

// changes are those of a table itself.
func changes(name *string) []try {
	return []try{
		do("DescribeTable", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: name})
			return err
		}),
		do("UpdateTable", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: name, DeletionProtectionEnabled: aws.Bool(false)})
			return err
		}),
		do("DeleteTable", func(ctx context.Context, db *dynamodb.Client) error {
			_, err := db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: name})
			return err
		}),
	}
}

func onIndex(table string, i deploy.Index) []try {
	return []try{
		{"dynamodb:Query", func(ctx context.Context, c aws.Config) error {
			return query(ctx, dynamodb.NewFromConfig(c), &table, &i.Name, i.Key.Partition)
		}},
		{"dynamodb:Scan", func(ctx context.Context, c aws.Config) error {
			_, err := dynamodb.NewFromConfig(c).Scan(ctx, &dynamodb.ScanInput{TableName: &table, IndexName: &i.Name})
			return err
		}},
	}
}

func query(ctx context.Context, db *dynamodb.Client, table, index *string, partition string) error {
	_, err := db.Query(ctx, &dynamodb.QueryInput{
		TableName: table, IndexName: index, KeyConditionExpression: aws.String("#p = :p"), ExpressionAttributeNames: map[string]string{"#p": partition},
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: "iam"}},
	})
	return err
}

func transact(ctx context.Context, db *dynamodb.Client, item types.TransactWriteItem) error {
	_, err := db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{item}})
	return err
}

func onQueue(name string) []try {
	url := func(c aws.Config) *string { return aws.String(*c.BaseEndpoint + "/000000000000/" + name) }
	ask := func(action string, call func(context.Context, *sqs.Client, *string) error) try {
		return try{"sqs:" + action, func(ctx context.Context, c aws.Config) error { return call(ctx, sqs.NewFromConfig(c), url(c)) }}
	}
	return []try{
		ask("GetQueueUrl", func(ctx context.Context, q *sqs.Client, _ *string) error {
			_, err := q.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
			return err
		}),
		ask("GetQueueAttributes", func(ctx context.Context, q *sqs.Client, url *string) error {
			_, err := q.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url})
			return err
		}),
		ask("SendMessage", func(ctx context.Context, q *sqs.Client, url *string) error {
			_, err := q.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []sqstypes.SendMessageBatchRequestEntry{{Id: aws.String("1"), MessageBody: aws.String("iam")}}})
			return err
		}),
		ask("ReceiveMessage", func(ctx context.Context, q *sqs.Client, url *string) error {
			_, err := q.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 1})
			return err
		}),
		ask("DeleteMessage", func(ctx context.Context, q *sqs.Client, url *string) error {
			_, err := q.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: []sqstypes.DeleteMessageBatchRequestEntry{{Id: aws.String("1"), ReceiptHandle: aws.String("iam")}}})
			return err
		}),
		ask("ChangeMessageVisibility", func(ctx context.Context, q *sqs.Client, url *string) error {
			_, err := q.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: []sqstypes.ChangeMessageVisibilityBatchRequestEntry{{Id: aws.String("1"), ReceiptHandle: aws.String("iam")}}})
			return err
		}),
		ask("PurgeQueue", func(ctx context.Context, q *sqs.Client, url *string) error {
			_, err := q.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: url})
			return err
		}),
		ask("SetQueueAttributes", func(ctx context.Context, q *sqs.Client, url *string) error {
			_, err := q.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"VisibilityTimeout": "30"}})
			return err
		}),
		ask("DeleteQueue", func(ctx context.Context, q *sqs.Client, url *string) error {
			_, err := q.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: url})
			return err
		}),
	}
}
