package aws_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/audit"
	"holdfast/deploy"
	"holdfast/emulator"
	"holdfast/engine/aws"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/system"
)

// root is the principal that takes the roles here, where on AWS it is ECS.
const root = "arn:aws:iam::000000000000:root"

// guarded is storage.yaml on an emulator that enforces IAM, each service with the
// credentials of its own role.
type guarded struct {
	*emulator.MiniStack
	prefix   string
	roles    map[event.Service]awssdk.Config
	names    map[event.Service]string  // of the roles
	used     map[event.Service]*rights // by the services
	operator awssdk.Config             // has the operator's policy

	engines map[event.Service]*aws.AWS
	orders  *order.Service
	ended   chan order.Order // those that reached a status without a next step
	buried  chan string      // what the log says when a dead-letter queue is drained
}

func openGuarded(t *testing.T) *guarded {
	t.Helper()
	m, err := emulator.Start(t.Context(), emulator.Options{Auth: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	g := &guarded{
		MiniStack: m, prefix: emulator.NewPrefix(), roles: make(map[event.Service]awssdk.Config),
		names: make(map[event.Service]string), used: make(map[event.Service]*rights),
		engines: make(map[event.Service]*aws.AWS), ended: make(chan order.Order, 100), buried: make(chan string, 100),
	}
	settings := deploy.Settings{Prefix: g.prefix, AlsoTrusted: awssdk.String(root)}
	if _, err := deploy.Apply(t.Context(), m.Config(), settings, func(string) {}); err != nil {
		t.Fatal(err)
	}
	outputs := g.outputs(t)
	for _, s := range event.Services {
		title := strings.ToUpper(string(s[:1])) + string(s[1:])
		role := outputs[title+"RoleArn"]
		config := g.assume(role)
		g.used[s] = &rights{client: config.HTTPClient, used: make(map[right]bool)}
		config.HTTPClient = g.used[s]
		g.roles[s], g.names[s] = config, path.Base(role)
	}
	g.operator = g.assume(g.operatorRole(t, outputs["OperatorPolicyArn"]))
	return g
}

func (g *guarded) outputs(t *testing.T) map[string]string {
	t.Helper()
	name := deploy.StackName(g.prefix)
	out, err := cloudformation.NewFromConfig(g.Config()).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	for _, o := range out.Stacks[0].Outputs {
		values[*o.OutputKey] = *o.OutputValue
	}
	return values
}

// assume is the emulator under a role.
func (g *guarded) assume(role string) awssdk.Config {
	config := g.Config()
	config.Credentials = awssdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(config), role))
	return config
}

// operatorRole makes a role with the operator's policy, as an administrator does
// for the people who run the system.
func (g *guarded) operatorRole(t *testing.T, policy string) (arn string) {
	t.Helper()
	trust, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"AWS": root}, "Action": "sts:AssumeRole",
	}})
	client := iam.NewFromConfig(g.Config())
	made, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &g.prefix, AssumeRolePolicyDocument: awssdk.String(string(trust))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &g.prefix, PolicyArn: &policy}); err != nil {
		t.Fatal(err)
	}
	return *made.Role.Arn
}

// open opens the engine for services under a role.
func (g *guarded) open(ctx context.Context, config awssdk.Config, services ...event.Service) (*aws.AWS, error) {
	return aws.Open(ctx, aws.Options{Config: config, Prefix: g.prefix, Services: services, Now: time.Now, Log: slog.New(listener{g.buried})})
}

// listener passes on what a log says of messages that were dead-lettered.
type listener struct{ buried chan<- string }

func (listener) Enabled(context.Context, slog.Level) bool { return true }
func (l listener) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l listener) WithGroup(string) slog.Handler          { return l }

func (l listener) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "message dead-lettered" {
		l.buried <- r.Message
	}
	return nil
}

// run runs each service on an engine of its own, until stop or the test's end.
func (g *guarded) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	for _, s := range event.Services {
		a, err := g.open(t.Context(), g.roles[s], s)
		if err != nil {
			t.Fatalf("the %s service under its own role: %v", s, err)
		}
		g.engines[s] = a
		one := system.New(system.Config{
			Engine: &a.Engine, Services: []event.Service{s}, Queues: a.Queues, DurableQueues: true,
			Gateway: &simulated.Gateway{Ledger: a.Ledger, Now: system.Now}, Terms: order.Terms{Hold: time.Hour, Silence: time.Minute},
			Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), OrderChanged: g.hear,
		})
		if s == event.Order {
			g.orders = one.Orders
		}
		running.Go(func() { one.Run(ctx) })
		running.Go(func() { a.Run(ctx, func(event.Service) {}) })
	}
	return stop
}

func (g *guarded) hear(o order.Order) {
	if o.Status.Ended() {
		g.ended <- o
	}
}

// place places an order of one unit as the API does.
func (g *guarded) place(t *testing.T, id, method string) {
	t.Helper()
	placed, err := g.orders.Place(t.Context(), system.Now(), []order.Request{{
		Caller: "local", UserID: "test_user", OrderID: id, Lines: []event.Line{{SKU: "A123", Qty: 1}}, PaymentMethod: method,
	}})
	if err != nil || placed[0].Err != nil {
		t.Fatal(err, placed)
	}
	g.send(t, placed[0].Send)
}

func (g *guarded) send(t *testing.T, e event.Event) {
	t.Helper()
	if err := g.engines[event.Order].Queues.Send(t.Context(), []event.Event{e}); err != nil {
		t.Fatal(err)
	}
}

// wantEnds waits until the orders have ended so.
func (g *guarded) wantEnds(t *testing.T, want map[string]order.Status) {
	t.Helper()
	for len(want) > 0 {
		select {
		case o := <-g.ended:
			if o.Status != want[o.OrderID] {
				t.Errorf("order %s ended as %s; want %s", o.OrderID, o.Status, want[o.OrderID])
			}
			delete(want, o.OrderID)
		case <-time.After(time.Minute):
			t.Fatalf("no end of %v", want)
		}
	}
}

// TestEachServiceWorksUnderItsOwnRole plays the scenarios with every service under
// the role that storage.yaml makes for it, IAM enforced.
func TestEachServiceWorksUnderItsOwnRole(t *testing.T) {
	t.Parallel()
	g := openGuarded(t)
	stop := g.run(t)
	stock := &inventory.Service{Store: g.engines[event.Inventory].Inventory}
	price := event.Money{Amount: 1999, Currency: "USD"}
	if _, err := stock.Count(t.Context(), inventory.Count{SKU: "A123", OnHand: 4, Price: price, At: system.Now()}); err != nil {
		t.Fatal(err)
	}
	g.place(t, "completes", simulated.Approve)
	g.place(t, "declined", simulated.Decline)
	g.place(t, "waits", simulated.Timeout)
	g.wantEnds(t, map[string]order.Status{"completes": order.Completed, "declined": order.PaymentFailed, "waits": order.Completed})
	g.place(t, "cancelled", simulated.Down)
	_, cancel, err := g.orders.Cancel(t.Context(), system.Now(), "cancelled")
	if err != nil {
		t.Fatal(err)
	}
	g.send(t, cancel)
	_, refund, err := g.orders.Refund(t.Context(), system.Now(), "completes", true)
	if err != nil {
		t.Fatal(err)
	}
	g.send(t, refund)
	g.wantEnds(t, map[string]order.Status{"cancelled": order.Cancelled, "completes": order.Refunded})
	t.Run("dead letters", g.testDeadLetters)
	t.Run("what the API asks", g.testQuestions)
	t.Run("the operator's audit", g.testAudit)
	stop() // what was begun is finished
	for _, s := range event.Services {
		g.wantEmpty(t, g.prefix+"-"+string(s)+"-dlq")
		g.wantAllUsed(t, string(s), g.names[s], g.used[s])
	}
}

// wantEmpty checks that a queue holds nothing, received or not.
func (g *guarded) wantEmpty(t *testing.T, name string) {
	t.Helper()
	client := sqs.NewFromConfig(g.Config())
	found, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	visible, inFlight := types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	is, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: found.QueueUrl, AttributeNames: []types.QueueAttributeName{visible, inFlight}})
	if err != nil {
		t.Fatal(err)
	}
	if is.Attributes[string(visible)] != "0" || is.Attributes[string(inFlight)] != "0" {
		t.Errorf("%s holds %v; want nothing", name, is.Attributes)
	}
}

// testDeadLetters has each service drain its dead-letter queue and redrive, list
// and delete what came of it.
func (g *guarded) testDeadLetters(t *testing.T) {
	client := sqs.NewFromConfig(g.Config())
	for _, s := range event.Services {
		found, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: awssdk.String(g.prefix + "-" + string(s) + "-dlq")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: found.QueueUrl, MessageBody: awssdk.String("unreadable")}); err != nil {
			t.Fatal(err)
		}
	}
	for range event.Services {
		select {
		case <-g.buried:
		case <-time.After(time.Minute):
			t.Fatal("a dead-letter queue is not drained")
		}
	}
	for _, s := range event.Services {
		letters := g.engines[s].DeadLetters[s]
		all, err := letters.List(t.Context(), "", 10)
		if err != nil || len(all) != 1 {
			t.Errorf("%s has the dead letters %v, %v; want one", s, all, err)
			continue
		}
		again, err := letters.Get(t.Context(), all[0].ID)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if n, err := letters.Delete(t.Context(), all); n != 1 || err != nil {
			t.Errorf("%s deletes %d, %v; want 1", s, n, err)
		}
		if n, err := letters.Count(t.Context()); n != 0 || err != nil {
			t.Errorf("%s counts %d, %v; want 0", s, n, err)
		}
		if err := g.engines[s].Queues[s].Send(t.Context(), []event.Event{again.Event}); err != nil {
			t.Errorf("%s redrives: %v", s, err)
		}
	}
}

// testQuestions asks each service what the API and the worker ask of its stores,
// where an order's way did not.
func (g *guarded) testQuestions(t *testing.T) {
	orders, stock, payments := g.engines[event.Order], g.engines[event.Inventory], g.engines[event.Payment]
	ctx := t.Context()
	for what, ask := range map[string]func() error{
		"orders of a user": func() error {
			return second(orders.Orders.List(ctx, order.Query{Caller: "local", UserID: "test_user", Limit: 10}))
		},
		"all orders":       func() error { return second(orders.Orders.List(ctx, order.Query{Limit: 10})) },
		"orders due":       func() error { return second(orders.Orders.Due(ctx, time.Now(), 10)) },
		"orders pulled in": func() error { return second(orders.Orders.PullIn(ctx, time.Now())) },
		"orders counted":   func() error { return second(orders.Orders.Tally(ctx)) },
		"the stock":        func() error { return second(stock.Inventory.Stock(ctx, "A123")) },
		"all stock":        func() error { return second(stock.Inventory.List(ctx, "", 10)) },
		"low stock":        func() error { return second(stock.Inventory.Low(ctx, 10, 10)) },
		"the stock's books": func() error {
			return second(stock.Inventory.Ledger(ctx, inventory.LedgerQuery{SKU: "A123", Limit: 10}))
		},
		"an adjustment": func() error {
			return second(stock.Inventory.Adjust(ctx, []inventory.Adjustment{{ID: "a1", SKU: "A123", Delta: 1, Reason: "found", At: system.Now()}}))
		},
		"an outage of the gateway": func() error { return payments.Ledger.SetOutage(ctx, time.Time{}) },
		"a payment":                func() error { return second(payments.Payments.Get(ctx, []event.Ref{{OrderID: "completes"}})) },
	} {
		if err := ask(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for s, a := range g.engines {
		queue := a.Queues[s]
		for what, ask := range map[string]func() error{
			"readiness": func() error { return a.Ready(ctx) }, "the API keys": func() error { return second(a.Keys.List(ctx)) }, "the depth of its queue": func() error { return second(queue.Depth(ctx)) }, "a longer lease": func() error { return queue.Extend(ctx, time.Minute, "of nothing") },
		} {
			if err := ask(); err != nil {
				t.Errorf("%s asks for %s: %v", s, what, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// testAudit reads everything with the operator's policy, which writes nothing that
// is a service's but stock that setup adds.
func (g *guarded) testAudit(t *testing.T) {
	a, err := g.open(t.Context(), g.operator, event.Services...)
	if err != nil {
		t.Fatal(err)
	}
	report, err := audit.Check(t.Context(), audit.Stores{
		Orders: a.Orders, Inventory: a.Inventory, Payments: a.Payments, Ledger: a.Ledger, DeadLetters: a.DeadLetters,
	}, audit.Options{Drained: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range report.Breaches {
		t.Errorf("audit: %+v", b)
	}
	stock := &inventory.Service{Store: a.Inventory}
	if _, err := stock.Count(t.Context(), inventory.Count{SKU: "B456", OnHand: 1, Price: event.Money{Amount: 1, Currency: "USD"}, At: system.Now()}); err != nil {
		t.Error("the operator's starting stock:", err)
	}
	if _, err := a.Orders.Create(t.Context(), []order.Order{{Ref: event.Ref{OrderID: "x"}, Status: order.Pending}}); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("the operator places an order: %v; want AccessDenied", err)
	}
}

// TestNoServiceOpensWhatIsAnothersOwn: a role that cannot is told so in one line.
func TestNoServiceOpensWhatIsAnothersOwn(t *testing.T) {
	t.Parallel()
	g := openGuarded(t)
	for role, config := range g.roles {
		for _, s := range event.Services {
			_, err := g.open(t.Context(), config, s)
			if s == role {
				if err != nil {
					t.Errorf("%s cannot open its own: %v", s, err)
				}
				continue
			}
			for _, words := range []string{g.prefix + "-", "AccessDenied", "dynamodb:DescribeTable", "another profile"} {
				if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s opens what is %s's: %v; want one line that says %q", role, s, err, words)
				}
			}
		}
	}
}
