package ops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/keys"
	"holdfast/ops"
	"holdfast/order"
	"holdfast/payment"
	"holdfast/recorder"
	"holdfast/system"
)

// stage is Holdfast on the memory engine, as the command puts it together, with the
// ops page in it. Whoever asks it for something goes through the API's own door.
type stage struct {
	t       *testing.T
	memory  *memory.Memory
	queues  event.Queues
	gateway *simulated.Gateway
	asked   payment.Gateway // what payment asks: the gateway, or what is in front of it
	keys    *keys.Ring
	log     *paper // of every process
	shown   *paper // all that any visitor was sent
	secrets []string
	ids     atomic.Int64

	*process // that runs all services; nil where they are apart
}

// process is one process: services, the API and the page.
type process struct {
	*api.API
	system *system.System
	pages  *ops.Pages
	calls  calls // that the pages make of the API
	// instead, if set, answers a page's question in place of the API, or reports that it
	// does not.
	instead func(http.ResponseWriter, *http.Request) bool
}

// onStage plays on a stage with all services in one process, in a bubble of its own:
// time passes only where the play waits for it.
func onStage(t *testing.T, play func(*stage), options ...func(*api.Config)) {
	t.Helper()
	onStageWith(t, func(g payment.Gateway) payment.Gateway { return g }, play, options...)
}

// onStageWith is onStage with something in front of the gateway.
func onStageWith(t *testing.T, wrap func(payment.Gateway) payment.Gateway, play func(*stage), options ...func(*api.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.asked = wrap(s.gateway)
		s.process = s.start(event.Services, options...)
		synctest.Wait() // the sweeper has found nothing to take up
		play(s)
	})
}

// newStage is a stage on which no process runs yet. When the test is over, no key's
// secret may be in anything that was shown or logged.
func newStage(t *testing.T) *stage {
	t.Helper()
	m := memory.New()
	s := &stage{
		t: t, memory: m, queues: make(event.Queues), log: new(paper), shown: new(paper),
		gateway: &simulated.Gateway{Ledger: m.Ledger, Now: system.Now},
		keys:    &keys.Ring{Store: m.Keys, Now: system.Now},
	}
	s.asked = s.gateway
	for _, service := range event.Services {
		s.queues[service] = memory.NewQueue(1000)
	}
	t.Cleanup(func() {
		for _, secret := range s.secrets {
			s.neverTold(secret)
		}
	})
	return s
}

// start runs a process until the test is over, wired as cmd/holdfast does it.
func (s *stage) start(services []event.Service, options ...func(*api.Config)) *process {
	p := new(process)
	parts := system.Config{
		Engine: &s.memory.Engine, Services: services, Queues: s.queues, Gateway: s.asked,
		Terms: order.Terms{Hold: 15 * time.Minute, Silence: 30 * time.Second},
		Log:   s.logger(), Metrics: prometheus.NewRegistry(), Recorder: recorder.New(system.Now),
		OrderChanged: func(o order.Order) { p.OrderChanged(o) },
	}
	p.system = system.New(parts)
	config := api.Config{
		Orders: p.system.Orders, Inventory: p.system.Inventory, Queues: make(map[event.Service]api.Queue), Send: s.queues.Send,
		Now: system.Now, NewID: func() string { return fmt.Sprint("order-", s.ids.Add(1)) }, Ready: p.system.Ready,
		Keys: s.keys, Recorder: parts.Recorder, Engine: "memory", Log: parts.Log, Version: "test",
	}
	for _, service := range services {
		config.Queues[service] = api.Queue{Queue: s.queues[service], DeadLetters: s.memory.DeadLetters[service]}
	}
	if p.system.Payments != nil {
		config.Payments, config.Outage = p.system.Payments.Store, s.gateway.Outage
		config.Gateway = func(ctx context.Context) (client.Gateway, error) { return s.gatewayState(ctx, p.system) }
	}
	if p.system.Orders != nil {
		p.pages = ops.New(ops.Config{API: p, Now: system.Now, Log: parts.Log})
		config.Pages = p.pages
	}
	for _, option := range options {
		option(&config)
	}
	p.API = api.New(config)
	s.run(p.system)
	return p
}

// ServeHTTP is how the pages ask: as everyone, but counted.
func (p *process) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.calls.add(r)
	if p.instead == nil || !p.instead(w, r) {
		p.API.ServeHTTP(w, r)
	}
}

func (s *stage) run(all *system.System) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var running sync.WaitGroup
	running.Go(func() { all.Run(ctx) })
	s.t.Cleanup(func() { cancel(); running.Wait() })
}

func (s *stage) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (s *stage) gatewayState(ctx context.Context, of *system.System) (client.Gateway, error) {
	until, err := s.gateway.OutageEnd(ctx)
	if err != nil {
		return client.Gateway{}, err
	}
	g := client.Gateway{Name: "simulated"}
	if !until.IsZero() {
		g.OutageUntil = &until
	}
	states := of.Breakers()
	for _, op := range event.Ops {
		g.Breakers = append(g.Breakers, client.Breaker{Operation: string(op), State: states[op]})
	}
	return g, nil
}

func requireKeys(c *api.Config) { c.RequireKeys = true }

// pass lets time pass, and all come to rest after it.
func (s *stage) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// key makes an API key and returns its secret.
func (s *stage) key(name string, scopes ...keys.Scope) string {
	s.t.Helper()
	k, secret, err := keys.New(name, scopes, system.Now())
	s.check(err)
	s.check(s.memory.Keys.Create(s.t.Context(), k))
	s.secrets = append(s.secrets, secret)
	return secret
}

// revoke ends a key, and waits until all know.
func (s *stage) revoke(name string) {
	s.t.Helper()
	s.check(s.memory.Keys.Revoke(s.t.Context(), name, system.Now()))
	s.pass(time.Second)
}

// stock counts a SKU.
func (s *stage) stock(sku string, onHand int64) {
	s.t.Helper()
	_, err := s.system.Inventory.Count(s.t.Context(), inventory.Count{
		SKU: sku, OnHand: onHand, Price: event.Money{Amount: 1999, Currency: "USD"}, At: system.Now(),
	})
	s.check(err)
}

// place has a user order a unit of A123 on a payment method, and waits until all that
// can be done for it at once is done.
func (s *stage) place(user, method string) (id string) {
	s.t.Helper()
	return s.placeOf("A123", user, method)
}

func (s *stage) placeOf(sku, user, method string) (id string) {
	s.t.Helper()
	id = s.accept(sku, user, method)
	synctest.Wait()
	return id
}

// accept places an order and waits for nothing.
func (s *stage) accept(sku, user, method string) (id string) {
	s.t.Helper()
	accepted, err := s.client().Place(s.t.Context(), client.PlaceOrder{
		UserID: user, Items: []client.Line{{SKU: sku, Qty: 1}}, PaymentMethod: method,
	}, "")
	s.check(err)
	return accepted.OrderID
}

// client asks the process as a program would, with the key of a program that may do
// everything.
func (s *stage) client() *client.Client {
	return client.New("http://"+ownHost, &http.Client{Transport: straight{s.API}}).WithKey(s.machineKey())
}

func (s *stage) machineKey() string {
	if len(s.secrets) == 0 {
		s.key("machine", keys.Scopes...)
	}
	return s.secrets[0]
}

// wantStatus fails unless the order has the status.
func (s *stage) wantStatus(id, status string) {
	s.t.Helper()
	o, err := s.memory.Orders.Get(s.t.Context(), id)
	if err != nil || string(o.Status) != status {
		s.t.Fatalf("order %s is %s, want %s; %v", id, o.Status, status, err)
	}
}

// bury stores a dead letter of a service.
func (s *stage) bury(service event.Service, e event.Event, reason string) (id string) {
	s.t.Helper()
	l := event.Delivery{Event: e, Count: 1}.Bury(fmt.Errorf("%s", reason), system.Now())
	s.check(s.memory.DeadLetters[service].Put(s.t.Context(), []event.DeadLetter{l}))
	return l.ID
}

func (s *stage) letters(service event.Service) int {
	s.t.Helper()
	n, err := s.memory.DeadLetters[service].Count(s.t.Context())
	s.check(err)
	return n
}

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// neverTold fails if a text is in anything that was shown or logged.
func (s *stage) neverTold(text string) {
	s.t.Helper()
	for name, p := range map[string]*paper{"shown": s.shown, "logged": s.log} {
		if line, ok := p.lineWith(text); ok {
			s.t.Errorf("%q was %s: %.400s", text, name, line)
		}
	}
}

// paper is what was written, by many at a time.
type paper struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// lineWith is the first line that a text is in.
func (p *paper) lineWith(text string) (string, bool) {
	for line := range strings.Lines(p.String()) {
		if strings.Contains(line, text) {
			return line, true
		}
	}
	return "", false
}

// calls counts requests by path.
type calls struct {
	mu sync.Mutex
	of map[string]int
}

func (c *calls) add(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = make(map[string]int)
	}
	c.of[r.URL.Path]++
}

func (c *calls) to(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[path]
}

// straight is an http.RoundTripper to a handler.
type straight struct{ handler http.Handler }

func (t straight) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	return answerOf(t.handler, r).Result(), nil
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
