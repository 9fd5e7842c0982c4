package ops_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/gateway/simulated"
	"holdfast/keys"
	"holdfast/ops"
)

// watch is a page left open: the stream that keeps it live.
type watch struct {
	visitor *visitor
	close   context.CancelFunc
	over    chan struct{} // closed when the server has ended the stream

	mu     sync.Mutex
	header http.Header
	status int
	text   string
	gone   bool // the browser takes no more
	lasts  bool // the server has lifted its deadline for reading
}

// watch leaves a page open, until close or the end of the test.
func (v *visitor) watch(at string) *watch {
	v.t.Helper()
	r := v.request(http.MethodGet, "/ops/live?"+url.Values{"at": {at}}.Encode(), nil)
	ctx, cancel := context.WithCancel(r.Context())
	w := &watch{visitor: v, close: cancel, over: make(chan struct{}), header: make(http.Header), status: http.StatusOK}
	go func() {
		defer close(w.over)
		v.site.ServeHTTP(w, r.WithContext(ctx))
	}()
	v.t.Cleanup(func() { cancel(); <-w.over })
	synctest.Wait()
	return w
}

var errGone = errors.New("the browser has gone")

func (w *watch) Header() http.Header { return w.header }

func (w *watch) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

func (w *watch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return 0, errGone
	}
	w.text += string(b)
	return w.visitor.shown.Write(b)
}

func (w *watch) FlushError() error { return nil }

func (w *watch) SetWriteDeadline(time.Time) error { return nil }

func (w *watch) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lasts = t.IsZero()
	return nil
}

// leave has the browser take no more, without a word.
func (w *watch) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
}

func (w *watch) ended() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}

// frame is a server-sent event.
type frame struct{ event, data string }

// frames are the events so far, and how many signs of life came between them, read as
// a browser does: a line ends at any of \n, \r and \r\n.
func (w *watch) frames() (all []frame, alive int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(w.text), "\n")
	var f frame
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && f != frame{}:
			all, f = append(all, frame{f.event, strings.TrimSuffix(f.data, "\n")}), frame{}
		case name == "event":
			f.event = value
		case name == "data":
			f.data += value + "\n"
		case name == "" && value != "":
			alive++
		}
	}
	return all, alive
}

// last is the newest event, read as the main part of a page if it is one.
func (w *watch) last() (event string, main *node) {
	w.visitor.t.Helper()
	all, _ := w.frames()
	if len(all) == 0 {
		w.visitor.t.Fatalf("no event came: %q", w.text)
	}
	f := all[len(all)-1]
	main, err := parse(f.data)
	if err != nil {
		w.visitor.t.Fatalf("the %s is not well formed: %v", f.event, err)
	}
	return f.event, main
}

// TestAPageLeftOpenIsLive: it gets its main part at once, and again when that changed.
func TestAPageLeftOpenIsLive(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 10)
		v := s.visit()
		w := v.watch("/ops/orders")
		if kind := w.header.Get("Content-Type"); w.status != http.StatusOK || kind != "text/event-stream" || w.header.Get("Cache-Control") != "no-store" || !w.lasts {
			t.Errorf("%d %v; it lasts: %t", w.status, w.header, w.lasts)
		}
		event, main := w.last()
		if page := v.get("/ops/orders"); event != "page" || !strings.Contains(page.words(), main.words()) || len(main.words()) < 100 {
			t.Errorf("the first event is %s: %s", event, main.words())
		}
		id := s.place("ann", simulated.Approve)
		s.pass(2 * time.Second)
		event, main = w.last()
		if all, _ := w.frames(); event != "page" || len(all) != 2 || !strings.Contains(main.words(), id) {
			t.Errorf("after an order came %d events, the last %s: %s", len(all), event, main.words())
		}
	})
}

// TestNothingIsSentWhereNothingChanged: but a sign of life, on any page without a clock.
func TestNothingIsSentWhereNothingChanged(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 10)
		s.dead("a")
		v, id := s.visit(), s.place("ann", simulated.Approve)
		for _, at := range []string{"/ops/orders", "/ops/orders?q=ann", "/ops/orders/" + id, "/ops/stock", "/ops/stock/A123", "/ops/queues", "/ops/queues/inventory/dead-letters"} {
			w := v.watch(at)
			s.pass(time.Minute)
			if all, alive := w.frames(); len(all) != 1 || alive != 4 {
				t.Errorf("%s: in a minute came %d events and %d signs of life", at, len(all), alive)
			}
			w.close()
		}
	})
}

// TestEveryPageSaysWhereItIsLive: the stream that it asks for is of the same page, with
// what it was asked for.
func TestEveryPageSaysWhereItIsLive(t *testing.T) {
	onStage(t, func(s *stage) {
		s.busy()
		v := s.visit()
		for target, page := range v.crawl("/") {
			if target == "/ops/sign-in" {
				continue
			}
			live := page.live()
			if live != target && live+"?" != target {
				t.Errorf("%s is live at %q", target, live)
			}
			w := v.watch(live)
			if event, main := w.last(); event != "page" || !strings.Contains(page.words(), main.words()) {
				t.Errorf("%s is not what is live: %s: %s", target, event, main.words())
			}
			w.close()
		}
		if failed := v.get("/ops/orders/nothing"); strings.Contains(failed.body, "data-live") {
			t.Error("a page that is not there is live")
		}
	})
}

// live is the address that a page is live at; empty where it is not.
func (s *sheet) live() (at string) {
	for n := range s.root.all("body") {
		at = n.attr["data-live"]
	}
	return at
}

func TestARevokedKeyIsGone(t *testing.T) {
	onStage(t, func(s *stage) {
		secret := s.key("desk", keys.Ops)
		v := s.visitAs(secret)
		w, stranger := v.watch("/ops/stock"), s.visit().watch("/ops/stock")
		if all, _ := stranger.frames(); len(all) != 1 || all[0].event != "gone" || !stranger.ended() {
			t.Errorf("a stranger gets %q", stranger.text)
		}
		if event, _ := w.last(); event != "page" {
			t.Errorf("the key's first event is %s", event)
		}
		s.revoke("desk")
		s.pass(2 * time.Second)
		if event, main := w.last(); event != "gone" || main.words() != "" || !w.ended() {
			t.Errorf("after it was revoked comes %s: %s", event, main.words())
		}
	}, requireKeys)
}

// TestWhatIsSeenStaysWhereNothingNewerCanBeHad: it is not taken for the page that says
// why.
func TestWhatIsSeenStaysWhereNothingNewerCanBeHad(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 10)
		var away atomic.Bool
		s.instead = func(w http.ResponseWriter, _ *http.Request) bool {
			if away.Load() {
				http.Error(w, `{"title": "Away", "status": 503, "detail": "inventory is away"}`, http.StatusServiceUnavailable)
			}
			return away.Load()
		}
		w := s.visit().watch("/ops/stock")
		away.Store(true)
		s.pass(2 * time.Second)
		if event, main := w.last(); event != "stale" || !strings.Contains(main.alert(), "inventory is away") {
			t.Errorf("while it is away comes %s: %s", event, main.words())
		}
		away.Store(false)
		s.pass(2 * time.Second)
		if event, main := w.last(); event != "page" || !strings.Contains(main.words(), "A123") {
			t.Errorf("when it is back comes %s: %s", event, main.words())
		}
	})
}

// TestAFaultOfAPageEndsNoProcess: the stream is made where nothing else would save it.
func TestAFaultOfAPageEndsNoProcess(t *testing.T) {
	onStage(t, func(s *stage) {
		faulty := ops.New(ops.Config{API: s, Now: func() time.Time { panic("a fault") }, Log: s.logger()})
		w := s.visitOf(faulty).watch("/ops/stock")
		if event, _ := w.last(); event != "stale" {
			t.Errorf("it shows %q", w.text)
		}
		if line, ok := s.log.lineWith("a fault"); !ok || !strings.Contains(line, "/ops/stock") {
			t.Errorf("it is logged as %s", line)
		}
	})
}

// TestHostileTextsInAStream: none of them ends an event or begins one.
func TestHostileTextsInAStream(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visit()
		for _, text := range append(hostile, unprintable...) {
			if len(text) > 1000 {
				continue // no event is longer for it than a page is
			}
			w := v.watch("/ops/stock?" + url.Values{"sku": {text}}.Encode())
			all, _ := w.frames()
			want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(told(text))
			if event, main := w.last(); len(all) != 1 || event != "page" || !strings.Contains(string([]rune(main.words())), want) {
				t.Errorf("%q makes %d events: %s", text, len(all), w.text)
			}
			w.close()
		}
	})
}

// TestAStreamIsOfAPageOfOurs: whatever it is asked for.
func TestAStreamIsOfAPageOfOurs(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visit()
		for _, at := range []string{"", "//evil.example", "https://evil.example/", "/docs", "/metrics", "/orders", "/ops/live?at=%2F", "/ops/nothing", "/ops/ops.js", "javascript:x", "\x00"} {
			w := v.watch(at)
			s.pass(3 * time.Second)
			all, _ := w.frames()
			for _, f := range all {
				if strings.Contains(f.data, "evil") || f.event != "page" {
					t.Errorf("%q: %s %s", at, f.event, f.data)
				}
			}
			w.close()
		}
	})
}

// TestViewersShareWhatTheyLookAt: a hundred open pages ask the API no more often than
// one, and a page of another key, or another page, is made by itself.
func TestViewersShareWhatTheyLookAt(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visitAs(s.key("desk", keys.Ops))
		asked := func() int {
			before := s.calls.to("/inventory")
			s.pass(20 * time.Second)
			return s.calls.to("/inventory") - before
		}
		first := v.watch("/ops/stock")
		alone := asked()
		if alone < 10 {
			t.Fatalf("one viewer's page is made %d times", alone)
		}
		var others []*watch
		for range 99 {
			others = append(others, v.watch("/ops/stock"))
		}
		if n := asked(); n != alone {
			t.Errorf("a hundred viewers' pages are made %d times, one's %d times", n, alone)
		}
		shown, _ := first.frames()
		for _, w := range others {
			if all, _ := w.frames(); !slices.Equal(all, shown) {
				t.Fatalf("they see %v and %v", all, shown)
			}
		}
		stranger := s.visitAs(s.key("other", keys.Ops)).watch("/ops/stock")
		if n := asked(); n != 2*alone {
			t.Errorf("two keys' pages are made %d times, one's %d times", n, alone)
		}
		first.close()
		stranger.close()
		if n := asked(); n != alone {
			t.Errorf("with the others still there it is made %d times, before %d times", n, alone)
		}
		for _, w := range others {
			w.close()
		}
		if n := asked(); n != 0 {
			t.Errorf("nobody looks, and it is made %d times", n)
		}
	}, requireKeys)
}

// TestABrowserThatTakesNothingIsLeft: also one that never said so.
func TestABrowserThatTakesNothingIsLeft(t *testing.T) {
	onStage(t, func(s *stage) {
		w := s.visit().watch("/ops/stock")
		w.leave()
		s.pass(15 * time.Second)
		if !w.ended() {
			t.Error("its stream goes on")
		}
		before := s.calls.to("/inventory")
		s.pass(time.Minute)
		if n := s.calls.to("/inventory") - before; n > 0 {
			t.Errorf("its page is made %d times more", n)
		}
	})
}

// TestStopEndsEveryStream: those that are open, and those that come after.
func TestStopEndsEveryStream(t *testing.T) {
	onStage(t, func(s *stage) {
		v := s.visit()
		open := []*watch{v.watch("/"), v.watch("/"), v.watch("/ops/queues")}
		s.pages.Stop()
		s.pages.Stop()
		synctest.Wait()
		for i, w := range append(open, v.watch("/ops/stock")) {
			if !w.ended() {
				t.Errorf("stream %d goes on", i)
			}
		}
		before := s.calls.to("/queues")
		s.pass(time.Minute)
		if n := s.calls.to("/queues") - before; n > 0 {
			t.Errorf("pages are made %d times more", n)
		}
	})
}
