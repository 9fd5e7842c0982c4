package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/event"
	"holdfast/keys"
)

// processes are the three services, each in a process of its own.
type processes struct {
	door, inventory, payment *server
}

// startApart starts the three, the door before the others, with one key store.
func startApart(t *testing.T, options ...func(*api.Config)) *processes {
	t.Helper()
	p := new(processes)
	var ring *keys.Ring
	shared := func(c *api.Config) { c.Keys = ring }
	alone := func(c *api.Config) { c.Orders = nil }
	noStock := func(c *api.Config) { c.Inventory = nil }
	noPayments := func(c *api.Config) { c.Payments = nil }
	first := func(c *api.Config) { ring = c.Keys }
	p.inventory = start(t, append(options, alone, first, noPayments, withQueues(event.Inventory))...)
	p.payment = start(t, append(options, alone, noStock, shared, withQueues(event.Payment), withGateway)...)
	elsewhere := map[event.Service]*url.URL{event.Inventory: listen(t, p.inventory), event.Payment: listen(t, p.payment)}
	p.door = start(t, append(options, noStock, noPayments, shared, withQueues(event.Order), func(c *api.Config) { c.Elsewhere = elsewhere })...)
	p.door.engine.Keys = p.inventory.engine.Keys
	return p
}

// withGateway has the server tell of a gateway, and make outages of it.
func withGateway(c *api.Config) {
	c.Outage = func(context.Context, time.Duration) error { return nil }
	c.Gateway = func(context.Context) (client.Gateway, error) {
		return client.Gateway{Name: "simulated", Breakers: []client.Breaker{{Operation: "capture", State: "open"}}}, nil
	}
}

// listen serves on a port until the test ends.
func listen(t *testing.T, handler http.Handler) *url.URL {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return parse(t, server.URL)
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// conversation is what clients may ask of services that run elsewhere.
var conversation = []struct {
	method, target, body string
	headers              []string
}{
	{"PUT", "/inventory/A123", fullCount, nil},
	{"GET", "/inventory/A123", "", nil},
	{"HEAD", "/inventory/A123", "", nil},
	{"GET", "/inventory/A123", "", []string{`If-None-Match: "1"`}},
	{"GET", "/inventory/A123?x=1", "", nil},
	{"GET", "/inventory?limit=1&limit=2", "", nil},
	{"GET", "/inventory?a;b&%zz", "", nil},
	{"GET", "/inventory?limit=1&cursor=AAAA", "", nil},
	{"GET", "/inventory", "a body that nobody reads", nil},
	{"PUT", "/inventory/A123", bareCount, []string{`If-Match: "7"`}},
	{"PUT", "/inventory/A123", bareCount, []string{`If-Match: "7"`, "Connection: If-Match, Upgrade", "Upgrade: h2c", "Expect: 100-continue"}},
	{"PUT", "/inventory/A123", bareCount, []string{"Origin: https://evil.example"}},
	{"PUT", "/inventory/A123", bareCount, []string{"Origin: http://" + ownHost}},
	{"PUT", "/inventory/A123", "", nil},
	{"PUT", "/inventory/A123", `{"on_hand": 1} x`, nil},
	{"PUT", "/inventory/A123", strings.Repeat(" ", 64<<10) + "{}", nil},
	{"POST", "/inventory/A123/adjustments", `{"adjustment_id": "a", "delta": -1}`, nil},
	{"POST", "/inventory/A123/adjustments", `{"adjustment_id": "a", "delta": -2}`, nil},
	{"PATCH", "/inventory/A123", "", nil},
	{"OPTIONS", "/inventory", "", nil},
	{"GET", "/inventory/..", "", nil},
	{"GET", "/inventory/%2E", "", nil},
	{"GET", "/inventory/a%2Fb%3F", "", nil},
	{"GET", "/inventory//a", "", nil},
	{"GET", "/inventory/a/b", "", nil},
	{"GET", "/queues/order/dead-letters", "", nil},
	{"GET", "/queues/inventory/dead-letters", "", nil},
	{"GET", "/queues/payment/dead-letters?limit=0", "", nil},
	{"GET", "/queues/stock/dead-letters", "", nil},
	{"POST", "/queues/payment/redrive", `{"all": true}`, nil},
	{"POST", "/queues/payment/redrive", `{}`, nil},
	{"DELETE", "/queues/inventory/dead-letters/https:%2F%2Fx%2F..%2Fy%28z%29", "a body that nobody reads", nil},
	{"PUT", "/queues/inventory/redrive", "", nil},
	{"GET", "/queues/inventory/dead-letters/x", "", nil},
	{"GET", "/gateway", "", nil},
	{"GET", "/gateway?x=1", "", nil},
	{"GET", "/inventory/A123/ledger?limit=1", "", nil},
	{"GET", "/inventory/A123/ledger?cursor=AAAA", "", nil},
	{"GET", "/inventory?max_available=0", "", nil},
	{"GET", "/inventory?max_available=10&cursor=AAAA", "", nil},
	{"GET", "/records/inventory/x?number=1", "", nil},
	{"GET", "/records/inventory/..?number=1", "", nil},
	{"GET", "/records/payment/x", "", nil},
	{"GET", "/records/order/x?number=1", "", nil},
	{"GET", "/records/stock/x?number=1", "", nil},
	{"GET", "/caller", "", nil},
	{"GET", "/overview", "", nil},
	{"GET", "/orders/x/timeline", "", nil},
	{"GET", "/cost", "", nil},
	{"POST", "/gateway/outage", `{"seconds": 60}`, nil},
	{"POST", "/gateway/outage", `{"seconds": -1}`, nil},
	{"GET", "/gateway/outage", "", nil},
	{"GET", "/queues", "", nil},
	{"GET", "/queues/", "", nil},
	{"GET", "/openapi.json", "", nil},
	{"GET", "/orders", "", nil},
	{"GET", "/", "", nil},
}

func TestTheDoorAnswersAsOneProcess(t *testing.T) {
	for name, options := range map[string][]func(*api.Config){"open": nil, "keys required": {requireKeys}} {
		t.Run(name, func(t *testing.T) {
			whole := start(t, append(options, withQueues(event.Services...), withGateway)...)
			apart := startApart(t, options...)
			for _, who := range [][]keys.Scope{nil, {keys.Inventory}, {keys.Ops}, keys.Scopes} {
				talk(t, whole, apart.door, who)
			}
		})
	}
}

// talk holds two servers to the same answers to a caller with these scopes.
func talk(t *testing.T, whole, door *server, who []keys.Scope) {
	t.Helper()
	var keyOfWhole, keyOfDoor []string
	if len(who) > 0 {
		name := string(who[0]) + string(who[len(who)-1])
		keyOfWhole, keyOfDoor = []string{whole.key(name, who...)}, []string{door.key(name, who...)}
	}
	wholeAt, doorAt := listen(t, whole), listen(t, door)
	for _, c := range conversation {
		headers := append([]string{jsonType}, c.headers...)
		want := ask(t, wholeAt, newRequest(c.method, c.target, c.body, append(headers, keyOfWhole...)...))
		got := ask(t, doorAt, newRequest(c.method, c.target, c.body, append(headers, keyOfDoor...)...))
		if got.status != want.status || got.body != want.body || !reflect.DeepEqual(got.header, want.header) {
			t.Errorf("%v: %s %s %v: %d %v %s\nwant %d %v %s", who, c.method, c.target, c.headers, got.status, got.header, got.body, want.status, want.header, want.body)
		}
	}
}

// ask makes a request to whom it does not name, as a proxy would.
func ask(t *testing.T, at *url.URL, r *http.Request) answer {
	t.Helper()
	r.URL.Scheme, r.URL.Host, r.RequestURI = at.Scheme, at.Host, ""
	a, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	a.Header.Del("Date")
	return answer{a.StatusCode, a.Header, string(body)}
}

func TestAServiceServesItsOwn(t *testing.T) {
	p := startApart(t, func(c *api.Config) { c.Metrics = http.NotFoundHandler() })
	everything := []string{
		"/", "/docs", "/openapi.json", "/ops/orders", "/overview", "/orders/a/timeline", "/orders", "/orders/a", "/inventory", "/inventory/a/adjustments", "/gateway/outage",
		"/queues", "/queues/order/dead-letters", "/queues/inventory/dead-letters", "/queues/payment/dead-letters", "/metrics", "/livez", "/readyz",
	}
	for s, own := range map[*server]string{
		p.inventory: "/inventory /inventory/a/adjustments /queues /queues/inventory/dead-letters /metrics /livez /readyz",
		p.payment:   "/gateway/outage /queues /queues/payment/dead-letters /metrics /livez /readyz",
	} {
		for _, target := range everything {
			a := s.get(target)
			if target == "/metrics" {
				a.want(t, 404) // the handler's own
			} else if mine := strings.Contains(own+" ", target+" ") && target != "/"; mine == (a.status == 404) {
				t.Errorf("%s: %d, served by %s", target, a.status, own)
			} else if !mine && !strings.Contains(a.problem(t, 404).Detail, "the order service's address") {
				t.Errorf("%s: %s", target, a.body)
			}
		}
	}
	if a := p.payment.get("/queues"); !strings.HasPrefix(a.body, `{"queues":[{"name":"payment"`) || strings.Count(a.body, "name") != 1 {
		t.Errorf("%s", a.body)
	}
}

// A door that knows of no other service serves what is its own.
func TestADoorWithoutServices(t *testing.T) {
	s := start(t, func(c *api.Config) { c.Inventory, c.Elsewhere = nil, map[event.Service]*url.URL{event.Inventory: nil} })
	s.get("/orders").want(t, 200)
	s.get("/openapi.json").want(t, 200)
	s.get("/inventory").problem(t, 404)
	s.get("/queues").problem(t, 404)
}

func TestWhatTheDoorSendsOn(t *testing.T) {
	var got *http.Request
	var body []byte
	at := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(http.StatusTeapot)
	}))
	s := start(t, func(c *api.Config) { c.Elsewhere = map[event.Service]*url.URL{event.Inventory: at} })
	shop := s.key("shop", keys.Inventory)
	a := s.put("a%2Fb?limit=1&&x", bareCount, shop, `If-Match: "1"`, "X-Forwarded-For: 10.0.0.1", "Connection: Authorization")
	a.want(t, http.StatusTeapot)
	if got.Method != http.MethodPut || got.RequestURI != "/inventory/a%2Fb?limit=1&&x" || got.Host != ownHost || string(body) != bareCount {
		t.Errorf("%s %s of %s: %s", got.Method, got.RequestURI, got.Host, body)
	}
	for name, want := range map[string]string{
		"Authorization": strings.TrimPrefix(shop, "Authorization: "), "If-Match": `"1"`, "Content-Type": "application/json",
		"X-Forwarded-For": "10.0.0.1, 192.0.2.1", "Via": "1.1 holdfast-door", "Accept-Encoding": "",
	} {
		if got := strings.Join(got.Header[name], ", "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := a.header["X-Content-Type-Options"]; len(got) != 1 {
		t.Errorf("X-Content-Type-Options %q", got)
	}
}

func TestTheDoorForwardsNothingThatIsNotAllowed(t *testing.T) {
	asked := 0
	at := listen(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	s := start(t, requireKeys, func(c *api.Config) {
		c.Inventory, c.Elsewhere = nil, map[event.Service]*url.URL{event.Inventory: at, event.Payment: at}
	})
	ops, stock := s.key("ops", keys.Ops), s.key("stock", keys.Inventory)
	for _, a := range []answer{
		s.get("/inventory"), s.get("/inventory", "Authorization: Bearer wrong"), s.get("/queues/payment/dead-letters"), s.get("/queues"),
	} {
		a.problem(t, 401)
	}
	for _, a := range []answer{
		s.put("A123", bareCount, ops), s.get("/queues/payment/dead-letters", stock), s.get("/queues", stock), s.post("/gateway/outage", `{"seconds": 1}`, stock),
	} {
		a.problem(t, 403)
	}
	s.put("A123", strings.Repeat(" ", 64<<10)+"{}", stock).problem(t, 413)
	broken := newRequest(http.MethodPut, "/inventory/A123", "", jsonType, stock)
	broken.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), iotest.ErrReader(errors.New("gone"))))
	s.serve(broken).problem(t, 400)
	if asked > 0 {
		t.Errorf("the other process was asked %d times", asked)
	}
}

func TestAServiceThatDoesNotAnswer(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	at := parse(t, strings.Replace(gone.URL, "http://", "http://user:secret@", 1))
	now := epoch
	s := start(t, withQueues(event.Order), func(c *api.Config) {
		c.Inventory, c.Elsewhere = nil, map[event.Service]*url.URL{event.Inventory: at}
		c.Now = func() time.Time { return now }
	})
	for range 3 {
		a := s.get("/inventory")
		p := a.problem(t, 503)
		if !strings.Contains(p.Detail, "the inventory service does not answer at "+at.Redacted()) || a.header.Get("Retry-After") == "" || strings.Contains(a.body, "secret") {
			t.Errorf("%v %s", a.header, a.body)
		}
	}
	if n := strings.Count(s.log.String(), "level=WARN"); n != 1 || !strings.Contains(s.log.String(), "service=inventory") || strings.Contains(s.log.String(), "secret") {
		t.Errorf("%d warnings: %s", n, s.log)
	}
	now = now.Add(time.Second)
	a := s.get("/queues")
	if !strings.HasSuffix(a.body, `{"name":"inventory","depth":null,"in_flight":null,"dead_letters":null,"oldest_seconds":null}]}`+"\n") {
		t.Errorf("%s", a.body)
	}
	if n := strings.Count(s.log.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings: %s", n, s.log)
	}
	s.place("a")
	s.get("/orders").want(t, 200)
}

func TestQueuesOfOtherProcesses(t *testing.T) {
	p := startApart(t, requireKeys)
	ops := p.door.key("ops", keys.Ops)
	a := p.door.get("/queues", ops)
	if page := read[client.QueuePage](t, a); len(page.Queues) != 3 || page.Queues[1].Depth == nil || page.Queues[2].DeadLetters == nil {
		t.Errorf("%s", a.body)
	}
}

// What another process says instead of its figures is no figure.
func TestQueuesOfSomethingElse(t *testing.T) {
	for _, body := range []string{"<html>", `{"queues": []}`, `{"queues": [{"name": "order", "depth": 1}]}`, ""} {
		at := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		s := start(t, func(c *api.Config) { c.Elsewhere = map[event.Service]*url.URL{event.Payment: at} })
		if a := s.get("/queues"); a.body != `{"queues":[{"name":"payment","depth":null,"in_flight":null,"dead_letters":null,"oldest_seconds":null}]}`+"\n" {
			t.Errorf("%q: %s", body, a.body)
		}
	}
}

// lazy is a handler that is set later.
type lazy struct {
	http.Handler
	asked atomic.Int32
}

func (l *lazy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.asked.Add(1)
	l.Handler.ServeHTTP(w, r)
}

func TestADoorThatLeadsToADoor(t *testing.T) {
	self := new(lazy)
	at := listen(t, self)
	s := start(t, withQueues(event.Order), func(c *api.Config) {
		c.Inventory, c.Elsewhere = nil, map[event.Service]*url.URL{event.Inventory: at, event.Payment: at}
	})
	self.Handler = s
	if p := s.get("/inventory").problem(t, 503); !strings.Contains(p.Detail, "correct --inventory-url") || self.asked.Load() != 1 {
		t.Errorf("asked %d times: %s", self.asked.Load(), p.Detail)
	}
	a := s.get("/queues")
	if page := read[client.QueuePage](t, a); len(page.Queues) != 3 || page.Queues[0].Depth == nil || page.Queues[1].Depth != nil || self.asked.Load() != 3 {
		t.Errorf("asked %d times: %s", self.asked.Load(), a.body)
	}
}

func TestAClientThatLeavesIsNoError(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	at := listen(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(left)
	}))
	s := start(t, func(c *api.Config) { c.Elsewhere = map[event.Service]*url.URL{event.Inventory: at} })
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-entered
		leave()
	}()
	s.serve(newRequest(http.MethodGet, "/inventory", "").WithContext(ctx))
	<-left
	if s.log.Len() > 0 {
		t.Errorf("log %s", s.log)
	}
}

// An answer passes as it comes, however long the rest takes.
func TestTheDoorStreams(t *testing.T) {
	more := make(chan struct{})
	at := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-more
		_, _ = io.WriteString(w, " second")
	}))
	door := listen(t, start(t, func(c *api.Config) { c.Elsewhere = map[event.Service]*url.URL{event.Inventory: at} }))
	a, err := http.Get(door.String() + "/inventory")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	begin := make([]byte, 5)
	if _, err := io.ReadFull(a.Body, begin); err != nil || string(begin) != "first" {
		t.Fatal(string(begin), err)
	}
	close(more)
	if rest, err := io.ReadAll(a.Body); err != nil || !bytes.Equal(rest, []byte(" second")) {
		t.Fatal(string(rest), err)
	}
}
