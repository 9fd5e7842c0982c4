package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/api"
	"holdfast/engine"
	"holdfast/engine/memory"
	embedded "holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
	"holdfast/payment"
	"holdfast/system"
	"holdfast/worker"
)

// way is how the services run.
type way string

const (
	together way = "together" // as serve runs them, with queues in memory
	apart    way = "apart"    // as three processes do, with queue files
)

// The recovery at a start has to bring back every order by itself, since nobody
// asks about silent ones for an hour.
var terms = order.Terms{Hold: 15 * time.Minute, Silence: time.Hour}

const (
	sweepEvery    = 2 * time.Millisecond
	queueCapacity = 10_000
	// lease is short, because what a dead process had received comes again only
	// when its lease is over.
	lease = 60 * time.Millisecond
)

// fittings are what a test puts between the services and what they stand on.
type fittings struct {
	way     way
	playing bool // a script is played; else what it left is recovered
	fault   engine.Fault
	queue   func(event.Queue) event.Queue
	gateway func(payment.Gateway) payment.Gateway
}

// shop is a data folder in use: the services, and the API to them.
type shop struct {
	fittings
	ago     atomic.Int64 // how far the API's clock is behind, in nanoseconds
	apis    map[event.Service]*api.API
	stores  map[event.Service]*engine.Engine
	queues  map[event.Service]event.Queues // as each service uses them
	systems []*system.System
	closers []func() error
	stop    func()
}

// openShop opens a folder and starts the services.
func openShop(dir string, f fittings) (*shop, error) {
	s := &shop{
		fittings: f, apis: make(map[event.Service]*api.API),
		stores: make(map[event.Service]*engine.Engine), queues: make(map[event.Service]event.Queues),
	}
	open := s.openTogether
	if f.way == apart {
		open = s.openApart
	}
	if err := open(dir); err != nil {
		return nil, errors.Join(err, s.close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, part := range s.systems {
		running.Go(func() { part.Run(ctx) })
	}
	s.stop = func() { cancel(); running.Wait() }
	return s, nil
}

// openTogether opens the folder as serve does, which takes over what is in the
// queue files.
func (s *shop) openTogether(dir string) error {
	e, err := embedded.Open(embedded.Options{Dir: dir, RunLength: 1})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, e.Close)
	files, err := embedded.OpenQueues(embedded.QueueOptions{Dir: dir, Capacity: queueCapacity})
	if err != nil {
		return err
	}
	queues := make(event.Queues)
	for _, service := range event.Services {
		queues[service] = memory.NewQueue(queueCapacity)
		if _, err := system.Move(context.Background(), files.Queues[service], queues[service], e.DeadLetters[service]); err != nil {
			return errors.Join(err, files.Close())
		}
	}
	s.add(e, queues, event.Services...)
	return files.Close()
}

// openApart opens the folder once a service, as processes of their own do. A
// recovery does not wait for the system to tell of others' messages: that a lease
// is over, it never tells.
func (s *shop) openApart(dir string) error {
	for _, service := range event.Services {
		e, err := embedded.Open(embedded.Options{Dir: dir, Services: []event.Service{service}, Shared: true, RunLength: 1})
		if err != nil {
			return err
		}
		s.closers = append(s.closers, e.Close)
		files, err := embedded.OpenQueues(embedded.QueueOptions{Dir: dir, Shared: true, Watch: s.playing, Capacity: queueCapacity})
		if err != nil {
			return err
		}
		s.closers = append(s.closers, files.Close)
		s.add(e, files.Queues, service)
	}
	return nil
}

// add puts services together, and the API to them.
func (s *shop) add(e *engine.Engine, queues event.Queues, services ...event.Service) {
	e.SetFault(s.fault)
	if s.queue != nil {
		for service, q := range queues {
			queues[service] = s.queue(q)
		}
	}
	log := slog.New(slog.DiscardHandler)
	var routes *api.API
	part := system.New(system.Config{
		Engine: e, Services: services, Queues: queues, Gateway: s.processor(e), Terms: terms, Limits: s.limits(),
		Log: log, Metrics: prometheus.NewRegistry(), SweepEvery: sweepEvery, OrderChanged: func(o order.Order) { routes.OrderChanged(o) },
	})
	routes = api.New(api.Config{
		Orders: part.Orders, Inventory: part.Inventory, Send: queues.Send, Ready: part.Ready, Log: log,
		Now: func() time.Time { return system.Now().Add(-time.Duration(s.ago.Load())) },
	})
	s.systems = append(s.systems, part)
	for _, service := range services {
		s.apis[service], s.stores[service], s.queues[service] = routes, e, queues
	}
}

func (s *shop) processor(e *engine.Engine) payment.Gateway {
	g := payment.Gateway(&simulated.Gateway{Ledger: e.Ledger, Now: system.Now})
	if s.gateway != nil {
		g = s.gateway(g)
	}
	return g
}

func (s *shop) limits() worker.Limits {
	l := worker.DefaultLimits
	l.Lease, l.BackoffBase, l.BackoffCap = lease, time.Millisecond, 10*time.Millisecond
	if !s.playing {
		l.CallTimeout = 50 * time.Millisecond
	}
	return l
}

// close stops the services and closes the files.
func (s *shop) close() error {
	if s.stop != nil {
		s.stop()
	}
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// ask makes a request of the API, and returns its answer.
func (s *shop) ask(method, path string, body any) *httptest.ResponseRecorder {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			panic(err) // a test's own value
		}
		content = bytes.NewReader(text)
	}
	request := httptest.NewRequest(method, path, content)
	request.Header.Set("Content-Type", "application/json")
	var door http.Handler = s.apis[event.Order]
	if strings.HasPrefix(path, "/inventory") {
		door = s.apis[event.Inventory]
	}
	answer := httptest.NewRecorder()
	door.ServeHTTP(answer, request)
	return answer
}

// hops are as many as a message's consequences can go on for. One that slips from
// queue to queue behind a look's back makes a hop each time, so after as many looks
// that found nothing there is nothing.
const hops = 5

// drain waits until every order has ended and nothing is on its way. On a machine whose
// disk stalls the gateway's calls run out of time and its breaker opens, for five
// seconds each; so a minute is long enough.
func (s *shop) drain() error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	looks := 0
	for end := time.Now().Add(time.Minute); looks < hops; <-tick.C {
		drained, err := s.drained()
		if err != nil {
			return err
		}
		if looks++; !drained {
			looks = 0
		}
		if time.Now().After(end) {
			return errors.New("a minute was not enough for every order to end")
		}
	}
	return nil
}

func (s *shop) drained() (bool, error) {
	ctx := context.Background()
	for service, queues := range s.queues {
		d, err := queues[service].Depth(ctx)
		if err != nil || d.Ready+d.Delayed+d.InFlight > 0 {
			return false, err
		}
	}
	orders, err := s.stores[event.Order].Orders.Scan(ctx, 0, 10_000)
	return err == nil && !slices.ContainsFunc(orders, func(o order.Order) bool { return !o.Status.Ended() }), err
}
