// Package ops is the ops page: what a person sees of Holdfast in a browser, and may
// do there. It is plain HTML that the server writes, with a small script that keeps
// it live. It knows nothing that a client of the API does not: each page asks the
// API's own handler, in this process, with the key that the viewer signed in with; so
// what is another process's is forwarded by the door, and what a key does not open
// is refused, as for everyone.
//
//	browser ─▶ api ─▶ Pages ─▶ client ─▶ api ─▶ order, inventory, payment
//	   ▲                 │
//	   └── live: the page's main part again, whenever it has changed
package ops

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"holdfast/api/client"
)

//go:embed pages
var files embed.FS

// policy lets a page load what is ours and nothing else; styles and scripts written
// into the page are refused.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm bounds what a form may send, in bytes: as the API bounds a body.
const maxForm = 64 << 10

// Config is what the pages need.
type Config struct {
	API http.Handler // all of the API, as clients reach it
	Now func() time.Time
	Log *slog.Logger // of what is done on the pages, and by whose key
	// Refresh is how often an open page is looked at for changes; 0: every two seconds.
	Refresh time.Duration
}

// Pages serves / and all below /ops/.
type Pages struct {
	config Config
	mux    *http.ServeMux
	base   *client.Client // without a key
	feeds  feeds
}

// New returns pages that are ready to serve.
func New(c Config) *Pages {
	c.Refresh = cmp.Or(c.Refresh, refresh)
	p := &Pages{config: c, mux: http.NewServeMux(), base: client.New("http://holdfast", &http.Client{Transport: inProcess{c.API}})}
	p.feeds.stopped = make(chan struct{})
	p.routes()
	return p
}

// routes are all there are. A page is shown to whoever may see it; an act is done by
// whoever may, and leads back to a page.
func (p *Pages) routes() {
	p.page("GET /{$}", "now.html", p.now)
	p.page("GET /ops/orders", "orders.html", p.orders)
	p.page("GET /ops/orders/{id}", "order.html", p.order)
	p.page("GET /ops/stock", "stock.html", p.stock)
	p.page("GET /ops/stock/{sku}", "sku.html", p.sku)
	p.page("GET /ops/queues", "queues.html", p.queues)
	p.page("GET /ops/queues/{name}/dead-letters", "letters.html", p.letters)
	p.page("GET /ops/queues/{name}/dead-letter", "letter.html", p.letter)

	p.act("POST /ops/orders", "orders.html", p.orders, p.place)
	p.act("POST /ops/orders/{id}/cancel", "order.html", p.order, p.cancel)
	p.act("POST /ops/orders/{id}/refund", "order.html", p.order, p.refund)
	p.act("POST /ops/stock", "stock.html", p.stock, p.addSKU)
	p.act("POST /ops/stock/{sku}/count", "sku.html", p.sku, p.count)
	p.act("POST /ops/stock/{sku}/adjust", "sku.html", p.sku, p.adjust)
	p.act("POST /ops/queues/{name}/redrive", "letters.html", p.letters, p.redrive)
	p.act("POST /ops/queues/{name}/delete", "letter.html", p.letter, p.deleteLetter)
	p.act("POST /ops/gateway/outage", "now.html", p.now, p.outage)

	p.mux.HandleFunc("GET /ops/sign-in", p.signInForm)
	p.mux.HandleFunc("POST /ops/sign-in", p.signIn)
	p.mux.HandleFunc("POST /ops/sign-out", p.signOut)
	p.mux.HandleFunc("GET /ops/live", p.live)
	p.mux.HandleFunc("GET /ops/ops.css", asset("ops.css", "text/css; charset=utf-8"))
	p.mux.HandleFunc("GET /ops/ops.js", asset("ops.js", "text/javascript; charset=utf-8"))
	p.mux.HandleFunc("/", p.noSuchPage)
}

// ServeHTTP answers a request.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p.mux.ServeHTTP(w, r)
}

// asset serves an embedded file.
func asset(name, contentType string) http.HandlerFunc {
	content, err := fs.ReadFile(files, "pages/"+name)
	if err != nil {
		panic(err) // it is compiled in, so the first test would find it
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(content) // a browser that has left needs no answer
	}
}

// view is a page to be shown.
type view struct {
	Title   string
	Section string // of the navigation: Now, Orders, Stock or Queues
	Viewer  viewer
	Said    string   // what an act has done, in words
	Failed  *failure // what an act or the page could not do
	Live    string   // the page's own address, for the stream that keeps it live; empty: it stays as it is
	Body    any      // the page's own
}

// failure is an error in words.
type failure struct {
	Title, Detail string
	Fields        []client.FieldError
}

// maker makes a page for a viewer. Where it is shown for an act that failed, it is live
// at the address that it names.
type maker func(r *http.Request, v viewer) (view, error)

// lookTime is how long a page waits for all that it asks, so that a process that hangs
// does not hang the page too.
const lookTime = 5 * time.Second

// look makes a page, or fails in time.
func look(make maker, r *http.Request, v viewer) (view, error) {
	ctx, cancel := context.WithTimeout(r.Context(), lookTime)
	defer cancel()
	return make(r.WithContext(ctx), v)
}

// page serves a page to whoever may see it.
func (p *Pages) page(pattern, file string, make maker) {
	t := parse(file)
	p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v, ok := p.admit(w, r)
		if !ok {
			return
		}
		made, err := look(make, r, v)
		if err != nil {
			p.fail(w, r, v, err)
			return
		}
		made.Viewer, made.Said, made.Live = v, said(r), shownAt(r)
		p.write(w, r, http.StatusOK, t, made)
	})
}

// doer does what a form asks for. It returns the page to lead to, with what was done
// in words that are looked up in sayings.
type doer func(r *http.Request, v viewer) (next string, saying string, err error)

// act does what a form asks for. Where that fails, it shows the page that the form
// stands on again, with the error and what was entered.
func (p *Pages) act(pattern, file string, back maker, do doer) {
	t := parse(file)
	p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v, ok := p.admit(w, r)
		if !ok {
			return
		}
		if err := r.ParseForm(); err != nil {
			p.fail(w, r, v, &client.Problem{Title: "The form cannot be read", Status: http.StatusBadRequest, Detail: "go back and send it again"})
			return
		}
		next, saying, err := do(r, v)
		p.logAct(r, v, next, saying, err)
		if err == nil {
			http.Redirect(w, r, next+separator(next)+"said="+url.QueryEscape(saying), http.StatusSeeOther)
			return
		}
		made, again := look(back, r, v)
		if again != nil {
			p.fail(w, r, v, err)
			return
		}
		made.Viewer, made.Failed = v, failureOf(err)
		p.write(w, r, statusOf(err), t, made)
	})
}

// shownAt is a page's own address, without what an act has said.
func shownAt(r *http.Request) string {
	q := r.URL.Query()
	if q.Del("said"); len(q) == 0 {
		return r.URL.EscapedPath()
	}
	return r.URL.EscapedPath() + "?" + q.Encode()
}

func separator(path string) string {
	if strings.Contains(path, "?") {
		return "&"
	}
	return "?"
}

// logAct logs an act with whose key did it, and to what.
func (p *Pages) logAct(r *http.Request, v viewer, next, saying string, err error) {
	about := []any{"key", v.Name, "path", r.URL.Path}
	if letters := r.PostForm["id"]; len(letters) > 0 {
		about = append(about, "dead_letters", letters)
	}
	if err != nil && statusOf(err) >= http.StatusInternalServerError {
		p.config.Log.Warn("ops action not answered: it may have been done", append(about, "action", r.Pattern, "error", err)...)
		return
	}
	if err != nil {
		p.config.Log.Warn("ops action refused", append(about, "action", r.Pattern, "error", err)...)
		return
	}
	p.config.Log.Info("ops action", append(about, "action", saying, "page", next)...)
}

// liveKey marks a request of the stream that keeps a page live.
type liveKey struct{}

// write sends a page, or for the stream only its main part.
func (p *Pages) write(w http.ResponseWriter, r *http.Request, status int, t *template.Template, v view) {
	name := "layout"
	if r.Context().Value(liveKey{}) != nil {
		name = "main"
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, v); err != nil {
		p.config.Log.ErrorContext(r.Context(), "page cannot be written", "path", r.URL.Path, "error", err)
		http.Error(w, "This page cannot be shown; the log tells more.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // as with asset
}

// fail shows what went wrong in place of a page.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, v viewer, err error) {
	f, status := failureOf(err), statusOf(err)
	made := view{Title: f.Title, Viewer: v, Body: f}
	if status >= http.StatusInternalServerError && r.Method == http.MethodGet {
		made.Live = shownAt(r) // it comes back by itself
	}
	p.write(w, r, status, errorPage, made)
}

var errorPage = parse("error.html")

func (p *Pages) noSuchPage(w http.ResponseWriter, r *http.Request) {
	if v, ok := p.admit(w, r); ok {
		p.fail(w, r, v, &client.Problem{Title: "There is no such page", Status: http.StatusNotFound, Detail: "The links above lead to all there are."})
	}
}

func statusOf(err error) int {
	if problem := new(client.Problem); errors.As(err, &problem) {
		return problem.Status
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func failureOf(err error) *failure {
	if problem := new(client.Problem); errors.As(err, &problem) {
		f := &failure{Title: problem.Title, Detail: problem.Detail}
		for _, e := range problem.Errors {
			e.Location = cmp.Or(labels[e.Location], e.Location)
			f.Fields = append(f.Fields, e)
		}
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &failure{Title: "No answer in time", Detail: "no answer came in time; what was asked hangs, or has too much to do"}
	}
	return &failure{Title: "An error of ours", Detail: err.Error()}
}

// labels are what the pages' forms call the members of a request.
var labels = map[string]string{
	"body.user_id": "User", "body.items[0].sku": "SKU", "body.items[0].qty": "Quantity", "body.payment_method": "Payment method",
	"path.sku": "SKU", "body.on_hand": "Units on the shelf", "body.price.amount": "Price in minor units", "body.price.currency": "Currency",
	"body.delta": "Units", "body.reason": "Reason",
}

// notFound reports whether an error says that there is no such thing.
func notFound(err error) bool {
	return statusOf(err) == http.StatusNotFound
}
