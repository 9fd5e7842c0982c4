// Package api is Holdfast's HTTP API: orders, stock, the simulated gateway's
// outage, health, and the API's own description. It is built on huma, which
// derives the OpenAPI document from the operations' input and output types;
// what huma is lax about, strict.go and problem.go replace.
//
//	ServeHTTP ─▶ http.ServeMux ─▶ huma: parameters ─▶ JSON.Resolve ─▶ a handler ─▶ order, inventory
package api

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

// Config is what the API needs of the rest.
type Config struct {
	Orders    *order.Service
	Inventory *inventory.Service
	// Send puts events on the queues. Its error is logged and not shown: the
	// order is stored, and the sweeper sends again.
	Send    func(context.Context, []event.Event) error
	Now     func() time.Time
	NewID   func() string               // a UUIDv7
	Ready   func(context.Context) error // nil when ready; the error, which is shown, names what is not
	Metrics http.Handler                // nil: no /metrics
	Outage  func(time.Duration)         // makes the simulated gateway unreachable, 0 ends it; nil: no /gateway/outage
	// Intake is how many POST /orders may wait for their write at a time; one
	// more is refused with 503. 0 means defaultIntake.
	Intake  int
	Log     *slog.Logger
	Version string
}

// defaultIntake is four full batches of the largest group commit.
const defaultIntake = 4096

// caller is who places an order. Without API keys everybody is the same.
func caller(context.Context) string { return "local" }

// API serves the HTTP API.
type API struct {
	config  Config
	mux     *http.ServeMux
	huma    huma.API
	allow   map[string][]string // the methods of each path
	sites   *http.CrossOriginProtection
	intake  chan struct{}
	waiters waiters
}

// New returns an API that is ready to serve.
func New(c Config) *API {
	a := &API{
		config: c, mux: http.NewServeMux(), allow: make(map[string][]string),
		sites: http.NewCrossOriginProtection(), intake: make(chan struct{}, cmp.Or(c.Intake, defaultIntake)),
		waiters: waiters{over: make(chan struct{})},
	}
	a.huma = a.newHuma()
	a.registerOrders()
	a.registerInventory()
	a.registerOperations()
	a.registerPages()
	for path, methods := range a.allow {
		a.mux.HandleFunc(path, methodIsNot(methods))
	}
	a.mux.HandleFunc("/", noSuchPath)
	return a
}

// route has the handler serve a path, and notes the method for the path's 405.
func (a *API) route(method, path string, handler http.HandlerFunc) {
	a.mux.HandleFunc(method+" "+path, handler)
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
	if literal := literalPath(r); literal != nil {
		a.mux.ServeHTTP(w, literal)
		return
	}
	noSuchPath(w, r)
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
	path := r.URL.Path
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") {
		return nil
	}
	if !strings.Contains(path, "/.") {
		return r
	}
	segments := strings.Split(r.URL.EscapedPath(), "/")
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

func noSuchPath(w http.ResponseWriter, _ *http.Request) {
	writeProblem(w, event.Errorf(event.NotFound, "nothing is served at this path; see /docs"))
}

func methodIsNot(allowed []string) http.HandlerFunc {
	allow := strings.Join(slices.Sorted(slices.Values(allowed)), ", ")
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		writeProblem(w, event.Errorf(methodNotAllowed, "this path answers %s", allow))
	}
}

// writeProblem answers with a problem where huma has no part.
func writeProblem(w http.ResponseWriter, err error) {
	p := newProblem(err)
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
