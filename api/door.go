package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	wire "holdfast/api/client"
	"holdfast/event"
)

// How long the door waits for another process.
const (
	dialTime   = 3 * time.Second
	answerTime = 30 * time.Second // from the request to the answer's header: a redrive of all takes its time
	idleTime   = 90 * time.Second
	idleConns  = 64      // kept open to each service
	maxAnswer  = 4 << 20 // bytes of an answer that the door reads itself
)

// pseudonym is the door's name in Via (RFC 9110, section 7.6.3). A request that
// bears it is forwarded no further, so that two doors never play ball.
const pseudonym = "holdfast-door"

// door forwards to the process that runs a service.
type door struct {
	service event.Service
	url     *url.URL
	log     *slog.Logger
	now     func() time.Time
	proxy   httputil.ReverseProxy

	mu       sync.Mutex
	warnedAt time.Time
}

func (a *API) openDoors() {
	a.doors = make(map[event.Service]*door)
	transport := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTime}).DialContext,
		ResponseHeaderTimeout: answerTime,
		IdleConnTimeout:       idleTime,
		MaxIdleConnsPerHost:   idleConns,
		DisableCompression:    true, // what the client accepts is the client's to say
	}
	for service, at := range a.config.Elsewhere {
		if at == nil {
			continue // nobody has said where it runs
		}
		d := &door{service: service, url: at, log: a.config.Log, now: a.config.Now}
		d.proxy = httputil.ReverseProxy{
			Rewrite: d.address, Transport: transport, ModifyResponse: undouble, ErrorHandler: d.unanswered,
			ErrorLog: slog.NewLogLogger(a.config.Log.Handler(), slog.LevelDebug),
		}
		a.doors[service] = d
	}
}

// forwarding is the handler of a path, but for the requests of services that run
// elsewhere.
func (a *API) forwarding(path string, here http.HandlerFunc) http.HandlerFunc {
	if len(a.doors) == 0 {
		return here
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if d := a.doors[owner(path, r)]; d != nil {
			d.forward(w, r)
			return
		}
		here(w, r)
	}
}

// owner is the service whose a request is, empty where that does not depend on
// who runs what.
func owner(path string, r *http.Request) event.Service {
	switch part(path) {
	case "inventory":
		return event.Inventory
	case "gateway":
		return event.Payment
	case "queues":
		return event.Service(r.PathValue("name"))
	case "records":
		return event.Service(r.PathValue("service"))
	}
	return ""
}

// forward has the other process answer. The body is read before, as far as one
// may go, so that it can be sent again where a kept connection turns out dead.
func (d *door) forward(w http.ResponseWriter, r *http.Request) {
	if cameByDoor(r.Header) {
		writeProblem(w, event.Errorf(noAnswer, "this is an order process, where the %s service should be; correct --%[1]s-url of the order process that asked it", d.service))
		return
	}
	whole := *r
	whole.Header = r.Header.Clone()
	// These are between the client and this process.
	for _, name := range []string{"Connection", "Upgrade", "Expect"} {
		whole.Header.Del(name)
	}
	whole.Body, whole.ContentLength, whole.TransferEncoding = http.NoBody, 0, nil
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		var body bytes.Buffer
		if err := readBody(r, &body); err != nil {
			writeProblem(w, err)
			return
		}
		whole.ContentLength = int64(body.Len())
		whole.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body.Bytes())), nil }
		whole.Body, _ = whole.GetBody()
	}
	d.proxy.ServeHTTP(w, &whole)
}

// address makes a request to this process one to the other. The Host stays: the
// other compares a browser's Origin with it.
func (d *door) address(r *httputil.ProxyRequest) {
	r.SetURL(d.url)
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.Out.Host = r.In.Host
	r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	r.SetXForwarded()
	r.Out.Header.Add("Via", "1.1 "+pseudonym)
}

func cameByDoor(header http.Header) bool {
	for hop := range strings.SplitSeq(strings.Join(header["Via"], ","), ",") {
		if words := strings.Fields(hop); len(words) > 1 && words[1] == pseudonym {
			return true
		}
	}
	return false
}

// undouble takes from an answer what this process has set itself.
func undouble(r *http.Response) error {
	r.Header.Del("X-Content-Type-Options")
	return nil
}

// unanswered answers where the other process did not.
func (d *door) unanswered(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client has left
	}
	d.warn(r.Context(), err)
	writeProblem(w, d.silence())
}

// silence says that the other process does not answer.
func (d *door) silence() error {
	return event.Errorf(noAnswer, "the %s service does not answer at %s; try again once it runs there", d.service, d.url.Redacted())
}

// warn logs, at most once a second, that the other process does not answer.
func (d *door) warn(ctx context.Context, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.now(); now.Sub(d.warnedAt).Abs() >= time.Second {
		d.warnedAt = now
		d.log.WarnContext(ctx, "a service does not answer", "service", d.service, "url", d.url.Redacted(), "error", err)
	}
}

// queue asks the other process for its queue, in the name of the caller. All
// figures are unknown where it does not tell.
func (d *door) queue(ctx context.Context, authorization []string) wire.Queue {
	bounded, cancel := context.WithTimeout(ctx, figureTime)
	defer cancel()
	q, err := d.ownQueue(bounded, authorization)
	if err != nil {
		if ctx.Err() == nil {
			d.warn(ctx, err)
		}
		return wire.Queue{Name: string(d.service)}
	}
	return q
}

func (d *door) ownQueue(ctx context.Context, authorization []string) (wire.Queue, error) {
	text, err := d.ask(ctx, authorization, d.url.JoinPath("queues"))
	if err != nil {
		return wire.Queue{}, err
	}
	var page wire.QueuePage
	if err := json.Unmarshal(text, &page); err != nil {
		return wire.Queue{}, err
	}
	for _, q := range page.Queues {
		if q.Name == string(d.service) {
			return q, nil
		}
	}
	return wire.Queue{}, errors.New("it serves no such queue")
}

// record asks the other process what its service knows of an order, in the name of
// the caller, for figureTime at most. It fails where the other does not tell.
func (d *door) record(ctx context.Context, authorization []string, ref event.Ref) (wire.Record, error) {
	var r wire.Record
	// An id of dots alone is no step through a tree of folders.
	at := d.url.JoinPath("records", string(d.service), strings.ReplaceAll(ref.OrderID, ".", "%2E"))
	at.RawQuery = "number=" + strconv.FormatInt(ref.Number, 10)
	text, err := d.ask(ctx, authorization, at)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && r.Service != string(d.service) {
		err = errors.New("it serves no such records")
	}
	return r, err
}

// ask makes a GET request to the other process, in the name of the caller.
func (d *door) ask(ctx context.Context, authorization []string, at *url.URL) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Via", "1.1 "+pseudonym)
	if authorization != nil {
		r.Header["Authorization"] = authorization
	}
	answer, err := d.proxy.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", r.URL.Redacted(), answer.Status)
	}
	// One byte more than is allowed tells an answer that is too large.
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("GET %s: more than %d bytes", r.URL.Redacted(), maxAnswer)
	}
	return text, err
}
