package emulator_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"holdfast/deploy"
	"holdfast/emulator"
)

// beAParent has the test binary start a MiniStack, say where, and wait.
const beAParent = "BE_A_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(beAParent) == "" {
		os.Exit(m.Run())
	}
	s, err := emulator.Start(context.Background(), emulator.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.URL)
	select {}
}

func TestProvisionMakesTheTemplatesTables(t *testing.T) {
	m := emulator.ForTest(t)
	prefix := m.Fresh(t)
	db := dynamodb.NewFromConfig(m.Config())
	for _, want := range deploy.Tables(prefix) {
		got, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &want.Name})
		if err != nil {
			t.Error(err)
			continue
		}
		indexes := make(map[string]deploy.Key)
		for _, i := range got.Table.GlobalSecondaryIndexes {
			if indexes[*i.IndexName] = key(i.KeySchema); i.Projection.ProjectionType != types.ProjectionTypeKeysOnly {
				t.Errorf("%s of %s projects %s", *i.IndexName, want.Name, i.Projection.ProjectionType)
			}
		}
		for _, i := range want.Indexes {
			if indexes[i.Name] != i.Key {
				t.Errorf("%s of %s has the key %v, want %v", i.Name, want.Name, indexes[i.Name], i.Key)
			}
		}
		if key(got.Table.KeySchema) != want.Key || len(indexes) != len(want.Indexes) {
			t.Errorf("%s has the key %v and indexes %v, want %+v", want.Name, key(got.Table.KeySchema), indexes, want)
		}
	}
}

func key(elements []types.KeySchemaElement) (k deploy.Key) {
	for _, e := range elements {
		if e.KeyType == types.KeyTypeHash {
			k.Partition = *e.AttributeName
		} else {
			k.Sort = *e.AttributeName
		}
	}
	return k
}

func TestProvisionMakesTheTemplatesQueues(t *testing.T) {
	m := emulator.ForTest(t)
	prefix := m.Fresh(t)
	client := sqs.NewFromConfig(m.Config())
	for _, want := range deploy.Queues(prefix) {
		found, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &want.Name})
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: found.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range want.Attributes {
			if got.Attributes[name] != value {
				t.Errorf("%s of %s is %q, want %q", name, want.Name, got.Attributes[name], value)
			}
		}
		if policy := got.Attributes["RedrivePolicy"]; !strings.Contains(policy, want.DeadLetters) || (policy == "") != (want.DeadLetters == "") {
			t.Errorf("%s is redriven by %q, want to %s", want.Name, policy, want.DeadLetters)
		}
	}
}

func TestRemoveLeavesNothingOfAPrefix(t *testing.T) {
	m := emulator.ForTest(t)
	gone, kept := emulator.NewPrefix(), m.Fresh(t)
	if err := errors.Join(m.Provision(t.Context(), gone), m.Remove(t.Context(), gone)); err != nil {
		t.Fatal(err)
	}
	tables, err := dynamodb.NewFromConfig(m.Config()).ListTables(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	queues, err := sqs.NewFromConfig(m.Config()).ListQueues(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(slices.Concat(tables.TableNames, queues.QueueUrls), " ")
	if strings.Contains(all, gone) || strings.Count(all, kept) != len(deploy.Tables(kept))+len(deploy.Queues(kept)) {
		t.Errorf("there are %s", all)
	}
	if m.Remove(t.Context(), gone) == nil {
		t.Error("what is not there was removed")
	}
}

// send puts one message into a fresh queue, and returns the queue's URL.
func send(t *testing.T, m *emulator.MiniStack, c *sqs.Client) (queue string) {
	t.Helper()
	name, body := m.Fresh(t)+"-order", "body"
	found, err := c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: found.QueueUrl, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
	return *found.QueueUrl
}

func TestAdvanceLetsLeasesLapse(t *testing.T) {
	m := emulator.ForTest(t)
	c := sqs.NewFromConfig(m.Config())
	queue := send(t, m, c)
	for i, step := range []struct {
		on   time.Duration
		want int
	}{{0, 1}, {0, 0}, {10 * time.Second, 0}, {20 * time.Second, 1}} {
		if err := m.Advance(step.on); err != nil {
			t.Fatal(err)
		}
		got, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, VisibilityTimeout: 30, WaitTimeSeconds: 1})
		if err != nil || len(got.Messages) != step.want {
			t.Errorf("step %d: %d messages, %v; want %d", i, len(got.Messages), err, step.want)
		}
	}
}

func TestAnOutageIsA503(t *testing.T) {
	m := emulator.ForTest(t)
	config := m.Config()
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	db := dynamodb.NewFromConfig(config)
	for _, out := range []bool{true, false} {
		if err := m.Outage(out); err != nil {
			t.Fatal(err)
		}
		_, err := db.ListTables(t.Context(), nil)
		if out != (code(t, err) == "ServiceUnavailable") {
			t.Errorf("outage %t: %v", out, err)
		}
	}
}

func TestAuthRefusesWhoMayDoNothing(t *testing.T) {
	m, err := emulator.Start(t.Context(), emulator.Options{Auth: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	admin, user := iam.NewFromConfig(m.Config()), "nobody"
	if _, err := admin.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &user}); err != nil {
		t.Fatal(err)
	}
	made, err := admin.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &user})
	if err != nil {
		t.Fatal(err)
	}
	config := m.Config()
	config.Credentials = credentials.NewStaticCredentialsProvider(*made.AccessKey.AccessKeyId, *made.AccessKey.SecretAccessKey, "")
	if _, err := dynamodb.NewFromConfig(config).ListTables(t.Context(), nil); code(t, err) != "AccessDeniedException" {
		t.Errorf("a user without a policy: %v", err)
	}
	if _, err := dynamodb.NewFromConfig(m.Config()).ListTables(t.Context(), nil); err != nil {
		t.Errorf("the root: %v", err)
	}
}

// An open connection ends when the emulator does, and no other is taken then.
func TestTheEmulatorEndsWithAParentThatIsKilled(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env, parent.Stderr = append(os.Environ(), beAParent+"=1"), os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	where, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", where.Host)
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _ = io.ReadAll(connection) // until it is closed or reset
		connection.Close()
		connection, err = net.Dial("tcp", where.Host)
	}
	parent.Wait()
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	m, err := emulator.Start(t.Context(), emulator.Options{Port: port})
	if err == nil {
		m.Close()
	}
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint("port ", port, " of 127.0.0.1 cannot be had")) {
		t.Errorf("got %v", err)
	}
}

func TestEnvironNamesWhatTheSDKReads(t *testing.T) {
	m := emulator.ForTest(t)
	want := map[string]string{
		"AWS_ENDPOINT_URL": m.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	}
	got := make(map[string]string)
	for _, v := range m.Environ() {
		name, value, _ := strings.Cut(v, "=")
		got[name] = value
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
