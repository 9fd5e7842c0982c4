package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/rogpeppe/go-internal/testscript"

	"holdfast/api/client"
	"holdfast/cost"
	"holdfast/emulator"
)

// onAWSAt has every process that the test starts use AWS at an endpoint.
func onAWSAt(t testing.TB, endpoint string) {
	t.Helper()
	for name, value := range awsEnvironment(endpoint) {
		t.Setenv(name, value)
	}
}

// awsEnvironment is the usual one, with nothing of the machine's own.
func awsEnvironment(endpoint string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_ENDPOINT_URL_SQS": "", "AWS_REGION": emulator.Region, "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "",
		"AWS_ACCESS_KEY_ID": emulator.AccessKeyID, "AWS_SECRET_ACCESS_KEY": emulator.SecretAccessKey,
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
	}
}

// fresh is a place on the emulator that nobody else has and nothing is in yet.
func fresh() where { return where{"--engine", "aws", "--prefix", emulator.NewPrefix()} }

// onEmulator is fresh, with every process of the test using the emulator.
func onEmulator(t testing.TB) where {
	t.Helper()
	onAWSAt(t, emulator.ForTest(t).URL)
	return fresh()
}

// TestScriptsOnAWS runs testdata/aws as TestScripts does testdata. $aws are the
// flags of a fresh place.
func TestScriptsOnAWS(t *testing.T) {
	endpoint := emulator.ForTest(t).URL
	onAWSAt(t, endpoint)
	runScripts(t, "testdata/aws", func(e *testscript.Env) {
		for name, value := range awsEnvironment(endpoint) {
			e.Setenv(name, value)
		}
		e.Setenv("prefix", emulator.NewPrefix())
	})
}

func TestKillEachOfFourProcessesInTurnOnAWS(t *testing.T) { killEachInTurn(t, onEmulator(t)) }

func TestSixHundredBuyersOfAHundredUnitsOnAWS(t *testing.T) {
	at := onEmulator(t)
	setUpWithout(t, at)
	sellOut(t, at, 32) // each that waits reads its order again twice a second
}

// TestKillUnderLoadOnAWS sweeps soon: queues that outlive the process have it
// send nothing again when it starts, so what it stored and had not sent yet is
// the sweeper's to find.
func TestKillUnderLoadOnAWS(t *testing.T) {
	at := onEmulator(t)
	setUpWithout(t, at)
	killUnderLoad(t, at, 4, "--sweep", "1s")
}

// setUpWithout makes tables and queues without any stock.
func setUpWithout(t testing.TB, at where) {
	t.Helper()
	if err := emulator.ForTest(t).Provision(t.Context(), at.storage(t).Prefix); err != nil {
		t.Fatal(err)
	}
}

func TestHundredPostsOfOneKeyMakeOneOrderOnAWS(t *testing.T) {
	at := onEmulator(t)
	setUpWithout(t, at)
	server := startAt(t, "serve", at, "--log-level", "warn")
	bodies := make([]string, 100)
	var first atomic.Int64
	var posting sync.WaitGroup
	for i := range bodies {
		posting.Go(func() {
			body, replayed := post(t, server.URL, "the-key")
			if bodies[i] = body; !replayed {
				first.Add(1)
			}
		})
	}
	posting.Wait()
	for _, b := range bodies {
		if b != bodies[0] {
			t.Errorf("%s and %s", b, bodies[0])
		}
	}
	page, err := client.New(server.URL, nil).Orders(t.Context(), client.OrderFilter{}, "")
	if err != nil || len(page.Orders) != 1 || first.Load() != 1 {
		t.Errorf("%d orders, %d answers that are no replay, %v", len(page.Orders), first.Load(), err)
	}
}

// post places an order of one A123 with a key, and returns the 202's body.
func post(t *testing.T, server, key string) (body string, replayed bool) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+"/orders",
		strings.NewReader(`{"user_id": "test_user", "items": [{"sku": "A123", "qty": 1}]}`))
	if err != nil {
		t.Error(err)
		return "", false
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return "", false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusAccepted {
		t.Errorf("%s: %s %v", answer.Status, text, err)
	}
	return string(text), answer.Header.Get("Idempotent-Replayed") == "true"
}

// TestTheCostOfThreeProcessesOnAWS asks the door, which asks the other two.
func TestTheCostOfThreeProcessesOnAWS(t *testing.T) {
	at := onEmulator(t)
	setUpAt(t, at)
	inventory, payment := startAt(t, "inventory", at), startAt(t, "payment", at)
	door := startAt(t, "order", at, "--inventory-url", inventory.URL, "--payment-url", payment.URL)
	c := client.New(door.URL, nil)
	if o, err := c.Order(t.Context(), place(t, c, "sim_approve"), time.Minute); err != nil || o.Status != "COMPLETED" {
		t.Fatal(err, o.Status)
	}
	text, err := c.Cost(t.Context())
	var told cost.Report
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	if err != nil || told.Orders != 1 || told.Total.USD <= 0 || told.USDMillionOrders <= 0 || len(told.Prices.Region) == 0 {
		t.Fatalf("%v: %s", err, text)
	}
	spenders := make(map[string]bool)
	for _, s := range told.Services {
		spenders[s.Name] = s.WriteUnits > 0
	}
	if !spenders["order"] || !spenders["inventory"] || !spenders["payment"] {
		t.Errorf("not all services have spent something: %s", text)
	}
	if g, err := c.Gateway(t.Context()); err != nil || len(g.Breakers) != 3 {
		t.Errorf("%+v, %v", g, err)
	}
}

// TestWhatSQSGaveUpBecomesADeadLetter has a message where SQS puts those that kill
// whoever receives them.
func TestWhatSQSGaveUpBecomesADeadLetter(t *testing.T) {
	at := onEmulator(t)
	setUpWithout(t, at)
	server := startAt(t, "serve", at, "--log-level", "error")
	queues := sqs.NewFromConfig(emulator.ForTest(t).Config())
	dead, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(at.storage(t).Prefix + "-payment-dlq")})
	if err == nil {
		_, err = queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: dead.QueueUrl, MessageBody: aws.String("no event at all")})
	}
	if err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool {
		for _, err := range client.New(server.URL, nil).DeadLetters(t.Context(), "payment") {
			return err == nil
		}
		return false
	})
}
