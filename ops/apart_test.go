package ops_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/api"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/keys"
)

// waitForEnd is how long an order may take that nothing holds up.
const waitForEnd = time.Minute

// apart is the three services in processes of their own, with keys required; the stage's
// process is the order service's, the door.
type apart struct {
	*stage
	servers map[event.Service]*httptest.Server
	visitor *visitor
}

func startApart(t *testing.T) *apart {
	t.Helper()
	a := &apart{stage: newStage(t), servers: make(map[event.Service]*httptest.Server)}
	elsewhere := make(map[event.Service]*url.URL)
	for _, service := range []event.Service{event.Inventory, event.Payment} {
		a.servers[service] = httptest.NewServer(a.start([]event.Service{service}, requireKeys).API)
		t.Cleanup(a.servers[service].Close)
		at, err := url.Parse(a.servers[service].URL)
		a.check(err)
		elsewhere[service] = at
	}
	a.process = a.start([]event.Service{event.Order}, requireKeys, func(c *api.Config) { c.Elsewhere = elsewhere })
	a.visitor = a.visitAs(a.key("desk", keys.Scopes...))
	return a
}

// completed is an order that was placed on the page and has come to its end.
func (a *apart) completed() (page string) {
	a.t.Helper()
	page = a.visitor.post("/ops/orders", url.Values{
		"key": {"k"}, "user": {"ann"}, "sku": {"A123"}, "qty": {"2"}, "method": {simulated.Approve},
	}).want(http.StatusSeeOther).header.Get("Location")
	page, _, _ = strings.Cut(page, "?")
	ended, err := a.client().Order(a.t.Context(), strings.TrimPrefix(page, "/ops/orders/"), waitForEnd)
	a.check(err)
	if ended.Status != "COMPLETED" {
		a.t.Fatalf("the order is %s", ended.Status)
	}
	return page
}

// stocked adds a SKU on the page.
func (a *apart) stocked() {
	a.t.Helper()
	a.visitor.do("/ops/stock", url.Values{"sku": {"A123"}, "on_hand": {"10"}, "price": {"1999"}, "currency": {"USD"}}).want(http.StatusOK)
}

func TestThreeProcessesAreOnePage(t *testing.T) {
	a := startApart(t)
	a.stocked()
	order := a.completed()
	a.bury(event.Payment, event.Decode([]byte("x")), "no event of ours")
	a.visitor.get(order).want(http.StatusOK).says(
		"Order completed", "Stock held: 2 × A123", "Hold settled", "Payment of 39.98 USD captured", "Handled OrderPlaced", "Asked the gateway to capture: captured",
	)
	a.visitor.do("/ops/stock/A123/adjust", url.Values{"adjustment_id": {"a"}, "delta": {"-3"}, "reason": {"damaged"}}).says("damaged")
	a.visitor.do("/ops/gateway/outage", nil).says("unreachable until")
	a.visitor.do("/ops/gateway/outage", url.Values{"end": {"1"}}).says("1 message could not be handled by payment")
	for _, page := range a.visitor.crawl("/") {
		page.want(http.StatusOK).wellMade(t)
	}
}

// TestAProcessThatIsAwayIsNamed: the rest is shown.
func TestAProcessThatIsAwayIsNamed(t *testing.T) {
	for service, pages := range map[event.Service]map[string]int{
		event.Inventory: {"/": 200, "/ops/orders": 200, "/ops/queues": 200, "/ops/queues/payment/dead-letters": 200, "/ops/stock": 503, "/ops/stock/A123": 503, "/ops/queues/inventory/dead-letters": 503},
		event.Payment:   {"/": 200, "/ops/orders": 200, "/ops/queues": 200, "/ops/stock": 200, "/ops/stock/A123": 200, "/ops/queues/payment/dead-letters": 503},
	} {
		t.Run(string(service), func(t *testing.T) {
			a := startApart(t)
			a.stocked()
			pages[a.completed()] = 200
			a.servers[service].Close()
			for target, status := range pages {
				page := a.visitor.get(target).want(status)
				page.wellMade(t)
				switch {
				case status != 200:
					page.says("the " + string(service) + " service does not answer")
					if !strings.Contains(page.body, "data-live=") {
						t.Errorf("%s does not come back by itself", target)
					}
				case target == "/" || target == "/ops/queues" || strings.HasPrefix(target, "/ops/orders/"):
					page.says("The " + string(service) + " service does not")
				}
			}
			page := a.visitor.post("/ops/queues/"+string(service)+"/redrive", url.Values{"all": {"1"}}).want(503)
			if alert := page.alert(); !strings.Contains(alert, "the "+string(service)+" service does not answer") {
				t.Errorf("an act that is the service's: %s", alert)
			}
			if _, ok := a.log.lineWith("ops action not answered"); !ok {
				t.Error("an act that was not answered is not logged as such")
			}
		})
	}
}

// TestAProcessThatDiesWhileItAnswers: the page does without that answer, and its own
// process lives on.
func TestAProcessThatDiesWhileItAnswers(t *testing.T) {
	a := startApart(t)
	a.stocked()
	order := a.completed()
	var broken atomic.Int64
	for _, server := range a.servers {
		server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			broken.Add(1)
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"name": `)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler) // which ends the connection
		})
	}
	door := httptest.NewServer(a.API)
	defer door.Close()
	for target, status := range map[string]int{"/": 200, "/ops/queues": 200, order: 200, "/ops/stock": 500, "/ops/queues/payment/dead-letters": 500} {
		r := a.visitor.request(http.MethodGet, door.URL+target, nil)
		r.RequestURI = ""
		answer, err := door.Client().Do(r)
		a.check(err)
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != status || !strings.Contains(string(body), "</html>") {
			t.Errorf("%s: %d %v %s", target, answer.StatusCode, err, body)
		}
	}
	if broken.Load() == 0 {
		t.Error("no answer broke off")
	}
}
