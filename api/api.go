// Package api is Holdfast's HTTP API: orders, stock, queues, what the services know
// and remember of each, the payment gateway, health, and the API's own description.
// It is built on huma, which derives the OpenAPI document from the operations' input
// and output types; what huma is lax about, strict.go and problem.go replace.
//
//	ServeHTTP ─▶ http.ServeMux ─▶ guard ─▶ huma: parameters ─▶ JSON.Resolve ─▶ a handler ─▶ order, inventory, queues
//	                                └────▶ door ─▶ the process that runs the service
package api

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	wire "holdfast/api/client"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/keys"
	"holdfast/order"
	"holdfast/payment"
	"holdfast/recorder"
)

// Config is what the API needs of the rest. A process that runs one service
// serves that service's routes; the door, which is the order service's process,
// serves the others' too, by asking the processes that run them.
type Config struct {
	Orders    *order.Service     // nil: this process does not serve /orders, nor the pages
	Inventory *inventory.Service // nil: this process does not serve /inventory itself
	// Queues are those of the services that run in this process.
	Queues map[event.Service]Queue
	// Elsewhere is where the services that do not run in this process answer: the
	// door forwards what is theirs. Empty but for the door.
	Elsewhere map[event.Service]*url.URL
	// Send puts events on the queues. Its error is logged and not shown: the
	// order is stored, and the sweeper sends again.
	Send    func(context.Context, []event.Event) error
	Now     func() time.Time
	NewID   func() string                              // a UUIDv7
	Ready   func(context.Context) error                // nil when ready; the error, which is shown, names what is not
	Metrics http.Handler                               // nil: no /metrics
	Outage  func(context.Context, time.Duration) error // makes the simulated gateway unreachable, 0 ends it; nil: not served here
	// Keys tells whose an API key is; nil: no key is known.
	Keys *keys.Ring
	// Recorder is what this process remembers; nil: nothing.
	Recorder *recorder.Recorder
	// Payments is where the payment service keeps its records; nil: not here.
	Payments payment.Store
	// Gateway tells how the payment gateway is doing; nil: not served here.
	Gateway func(context.Context) (wire.Gateway, error)
	// Cost sums up what processes have spent on AWS, from their answers to
	// GET /metrics; nil: nothing is on AWS. It needs Metrics.
	Cost func(metrics ...io.Reader) (any, error)
	// Pages, if set, serves / and /ops/: the ops page, which asks for everything
	// through this same API.
	Pages http.Handler
	// Engine names where everything is kept: sqlite, aws or memory.
	Engine string
	// RequireKeys refuses requests without a key. Otherwise they are the caller
	// keys.Local's, which may do everything.
	RequireKeys bool
	// Intake is how many POST /orders may wait for their write at a time; one
	// more is refused with 503. 0 means defaultIntake.
	Intake int
	// Backlog is how many messages wait in the queues that orders come to a standstill
	// in; past a bound new ones are refused, since a queue in memory drops what it has
	// no room for. It is asked for each order. Nil where the queues are elsewhere.
	Backlog func() int
	// Reread is the longest time between two readings of an order that a request
	// waits for, since another process may have changed it; 0: half a second.
	Reread time.Duration
	// Recount is how long a count of the orders by status is shown before they are
	// counted again; 0: a second.
	Recount time.Duration
	Log     *slog.Logger
	Version string
}

// Queue is a service's queue and its dead letters.
type Queue struct {
	event.Queue
	event.DeadLetters
}

const (
	defaultIntake = 1024 // a full batch of the largest group commit, beside the one that is being written
	maxBacklog    = 8192 // half a second's orders or so; the sweeper holds back a little sooner
)

// API serves the HTTP API.
type API struct {
	config  Config
	mux     *http.ServeMux
	huma    huma.API
	allow   map[string][]string // the methods of each path
	sites   *http.CrossOriginProtection
	intake  chan struct{}
	waiters waiters
	tally   tally
	doors   map[event.Service]*door // to the services that run elsewhere
}

// New returns an API that is ready to serve.
func New(c Config) *API {
	if c.Recorder == nil {
		c.Recorder = recorder.New(c.Now)
	}
	a := &API{
		config: c, mux: http.NewServeMux(), allow: make(map[string][]string),
		sites: http.NewCrossOriginProtection(), intake: make(chan struct{}, cmp.Or(c.Intake, defaultIntake)),
		waiters: waiters{over: make(chan struct{})},
	}
	a.openDoors()
	a.huma = a.newHuma()
	a.registerAll()
	for path, methods := range a.allow {
		a.mux.HandleFunc(path, methodIsNot(methods))
	}
	a.mux.HandleFunc("/", a.noSuchPath)
	return a
}

// registerAll adds the routes that this process serves, and as the door those that
// it forwards.
func (a *API) registerAll() {
	if a.config.Orders != nil {
		a.registerOrders()
		a.registerTimeline()
	}
	a.registerRecords()
	if a.config.Inventory != nil || a.doors[event.Inventory] != nil {
		a.registerInventory()
	}
	if len(a.config.Queues)+len(a.doors) > 0 {
		a.registerQueues()
	}
	a.registerOperations()
	if a.config.Metrics != nil {
		a.route(http.MethodGet, "/metrics", a.config.Metrics.ServeHTTP)
	}
	if a.config.Orders != nil {
		a.registerPages()
	}
}

// route has the handler serve a path to those who may use it, and notes the
// method for the path's 405.
func (a *API) route(method, path string, handler http.HandlerFunc) {
	a.mux.HandleFunc(method+" "+path, a.guard(scopesOf(method, path), handler))
	a.allow[path] = append(a.allow[path], method)
	if method == http.MethodGet { // ServeMux serves HEAD where it serves GET
		a.allow[path] = append(a.allow[path], http.MethodHead)
	}
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	defer a.recover(w, r)
	// A page of another site must not cancel orders through its reader's browser.
	if err := a.sites.Check(r); err != nil {
		writeProblem(w, event.Errorf(crossOrigin, "a browser sent this from a page of another site"))
		return
	}
	// By the door comes only what the door has let in, under the name that it is known by.
	if len(r.Header["Origin"]) > 0 && a.rebound(r.Host) && !cameByDoor(r.Header) {
		writeProblem(w, errRebound)
		return
	}
	if literal := literalPath(r); literal != nil {
		a.mux.ServeHTTP(w, literal)
		return
	}
	a.noSuchPath(w, r)
}

// recover answers for a handler that panicked.
func (a *API) recover(w http.ResponseWriter, r *http.Request) {
	reason := recover()
	switch reason {
	case nil:
		return
	case http.ErrAbortHandler:
		panic(reason)
	}
	a.config.Log.ErrorContext(r.Context(), "request panicked", "method", r.Method, "reason", reason, "stack", string(debug.Stack()))
	writeProblem(w, event.Errorf(internal, "panic"))
}

// literalPath keeps ServeMux from answering in its own words: it would redirect
// "//" and take the ids "." and ".." for steps through a tree of folders. It
// returns nil for a path that nothing is served at.
func literalPath(r *http.Request) *http.Request {
	path := r.URL.EscapedPath() // an id may hold "//", escaped
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") {
		return nil
	}
	if !strings.Contains(path, "/.") {
		return r
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s == "." || s == ".." {
			segments[i] = strings.ReplaceAll(s, ".", "%2E")
		}
	}
	literal := *r
	literal.URL = new(url.URL)
	*literal.URL = *r.URL
	literal.URL.RawPath = strings.Join(segments, "/")
	return &literal
}

func (a *API) noSuchPath(w http.ResponseWriter, _ *http.Request) {
	hint := "see /docs"
	if a.config.Orders == nil {
		hint = "this process runs one service; the order service's address serves all paths"
	}
	writeProblem(w, event.Errorf(event.NotFound, "nothing is served at this path; %s", hint))
}

func methodIsNot(allowed []string) http.HandlerFunc {
	allow := strings.Join(slices.Sorted(slices.Values(allowed)), ", ")
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		writeProblem(w, event.Errorf(methodNotAllowed, "this path answers %s", allow))
	}
}

// writeProblem answers with a problem where huma has no part.
func writeProblem(w http.ResponseWriter, err error) { newProblem(err).write(w) }

func (p *problem) write(w http.ResponseWriter) {
	text, err := marshal(p)
	if err != nil {
		text = nil // the status says enough
	}
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_, _ = w.Write(text) // a client that has left needs no answer
}

// now is the time, as stores keep it.
func (a *API) now() time.Time { return a.config.Now().Truncate(time.Millisecond).UTC() }
