package ops

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	refresh    = 2 * time.Second  // unless Config says otherwise
	heartbeat  = 15 * time.Second // between two signs of life on a stream where nothing changes
	streamTime = 10 * time.Second // for a browser to take what is sent to it
)

// live is the stream of server-sent events that keeps a page live: "page" is its main
// part, now and whenever that has changed; "stale" is the main part of the page that says
// why it cannot be made now. "gone" ends the stream: the key does not open the page, or
// no longer.
// (https://html.spec.whatwg.org/multipage/server-sent-events.html)
func (p *Pages) live(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // the server's own is for requests, and would end the stream
	w.Header().Set("Content-Type", "text/event-stream")
	of := feedKey{secretOf(r), ownPath(r.URL.Query().Get("at"))}
	cookies := r.Header["Cookie"]
	f := p.feeds.join(of, p.config.Refresh, func(ctx context.Context) []byte { return p.frame(ctx, cookies, of.at) })
	defer p.feeds.leave(f)
	alive := time.NewTicker(heartbeat)
	defer alive.Stop()
	fmt.Fprintf(w, "retry: %d\n\n", p.config.Refresh.Milliseconds())
	for sent := []byte(nil); ; {
		frame, changed := f.latest()
		if !bytes.Equal(frame, sent) {
			if !send(w, out, frame) || bytes.Equal(frame, gone) {
				return
			}
			sent = frame
		}
		select {
		case <-changed:
		case <-alive.C:
			if !send(w, out, []byte(": alive\n\n")) {
				return
			}
		case <-r.Context().Done():
			return
		case <-p.feeds.stopped:
			return
		}
	}
}

// send writes to a stream, and reports whether the browser still takes it.
func send(w http.ResponseWriter, out *http.ResponseController, frame []byte) bool {
	_ = out.SetWriteDeadline(time.Now().Add(streamTime)) // one that cannot have deadlines has none
	_, err := w.Write(frame)
	return err == nil && out.Flush() == nil
}

// frame is a page as an event.
func (p *Pages) frame(ctx context.Context, cookies []string, at string) []byte {
	r, err := http.NewRequestWithContext(context.WithValue(ctx, liveKey{}, true), http.MethodGet, at, nil)
	if err != nil {
		return gone
	}
	r.Header["Cookie"] = cookies
	a, err := inProcess{p.mux}.RoundTrip(r)
	if err != nil {
		if ctx.Err() == nil { // somebody still looks
			p.config.Log.ErrorContext(ctx, "page cannot be made", "path", at, "error", err)
		}
		return event("stale", "")
	}
	main, err := io.ReadAll(a.Body)
	switch {
	case a.StatusCode == http.StatusSeeOther || a.StatusCode == http.StatusForbidden:
		return gone
	case err != nil || a.StatusCode >= http.StatusInternalServerError:
		return event("stale", string(main))
	}
	return event("page", string(main))
}

var gone = event("gone", "")

// event writes a server-sent event. A carriage return would end a line, too.
func event(name, text string) []byte {
	return []byte("event: " + name + "\ndata: " + lines.Replace(text) + "\n\n")
}

var lines = strings.NewReplacer("\r\n", "\ndata: ", "\r", "\ndata: ", "\n", "\ndata: ")

// feeds are the live pages that somebody looks at. All who look at the same page with
// the same key share a feed, so that a hundred open pages cost little more than one.
type feeds struct {
	mu      sync.Mutex
	open    map[feedKey]*feed
	stopped chan struct{}
	stop    sync.Once
}

// feedKey is what two viewers must have in common to see the same.
type feedKey struct{ secret, at string }

// feed makes a page again and again while somebody looks at it.
type feed struct {
	key     feedKey
	viewers int // guarded by feeds.mu
	end     context.CancelFunc

	mu      sync.Mutex
	frame   []byte
	changed chan struct{} // closed when there is another frame
}

// join has the caller look at the feed with this key, which render makes the frames of,
// one each refresh.
func (s *feeds) join(key feedKey, refresh time.Duration, render func(context.Context) []byte) *feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.open[key]
	if f == nil {
		if s.open == nil {
			s.open = make(map[feedKey]*feed)
		}
		ctx, cancel := context.WithCancel(context.Background())
		f = &feed{key: key, end: cancel, changed: make(chan struct{})}
		s.open[key] = f
		go f.run(ctx, refresh, render)
	}
	f.viewers++
	return f
}

// leave ends the caller's look, and with the last one the feed.
func (s *feeds) leave(f *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.viewers--; f.viewers == 0 {
		f.end()
		delete(s.open, f.key)
	}
}

func (f *feed) run(ctx context.Context, refresh time.Duration, render func(context.Context) []byte) {
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for {
		f.show(render(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (f *feed) show(frame []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if bytes.Equal(frame, f.frame) {
		return
	}
	f.frame = frame
	close(f.changed)
	f.changed = make(chan struct{})
}

// latest is the frame as it is now, nil before the first, and what tells when there
// is another.
func (f *feed) latest() ([]byte, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.frame, f.changed
}

// Stop ends all streams, now and from now on. Call it when the server is to stop:
// it waits for them.
func (p *Pages) Stop() { p.feeds.stop.Do(func() { close(p.feeds.stopped) }) }
