package ops_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/system"
)

var inVain = regexp.MustCompile(`^Payment unknown: asked (\d+) times? in vain, next in \d+ s\.$`)

// waits are the sentences that say what the order of a page waits for; none where the
// page has no such part.
func (s *sheet) waits() (sentences []string) {
	for _, n := range s.labelled("waiting", "li") {
		sentences = append(sentences, n.words())
	}
	return sentences
}

// labelled are the elements of a name in the section that is labelled by an id.
func (s *sheet) labelled(id, name string) []*node {
	for n := range s.root.all("section") {
		if n.attr["aria-labelledby"] == id {
			return slices.Collect(n.all(name))
		}
	}
	return nil
}

// asked is how often the page says that the gateway was asked in vain; -1 where it
// does not say it.
func (s *sheet) asked() int {
	for _, sentence := range s.waits() {
		if m := inVain.FindStringSubmatch(sentence); m != nil {
			n, _ := strconv.Atoi(m[1]) // of digits
			return n
		}
	}
	return -1
}

// TestAnOutageIsExplained: begun by the page's own button, seen on the order's page as
// it goes on, and over when it ends.
func TestAnOutageIsExplained(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 10)
		v := s.visit()
		v.do("/ops/gateway/outage", nil).says("unreachable until 00:01:00")
		id := s.place("ann", simulated.Approve)
		var counts []int
		for range 50 {
			s.pass(time.Second)
			page := v.get("/ops/orders/" + id)
			page.wellMade(t)
			if n := page.asked(); n > 0 {
				counts = append(counts, n)
			}
			waits := strings.Join(page.waits(), "\n")
			for _, want := range []string{"Payment unknown: asked ", "The simulated gateway is unreachable until 00:01:00.", "Stock held until 00:15:00;", " in "} {
				if !strings.Contains(waits, want) {
					t.Fatalf("after %d looks it does not say %q: %s", len(counts), want, waits)
				}
			}
		}
		if len(counts) < 20 || counts[0] < 1 || counts[len(counts)-1] < counts[0]+3 {
			t.Errorf("asked in vain, from look to look: %v", counts)
		}
		v.get("/ops/stock/A123").says("held for open orders")
		s.pass(2 * time.Minute)
		page := v.get("/ops/orders/" + id)
		if !page.shows("COMPLETED") || page.waits() != nil {
			t.Errorf("after the outage: %s", page.words())
		}
		if now := v.get("/"); strings.Contains(now.words(), "unreachable until") {
			t.Errorf("after the outage: %s", now.words())
		}
	})
}

// TestWhatNeedsAPerson: is on top of the first page, in words, with a way to see to it.
func TestWhatNeedsAPerson(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 100)
		s.stock("B456", 0)
		v := s.visit()
		v.needs(nil)
		s.bury(event.Inventory, s.placedEvent(s.placeOf("B456", "ann", simulated.Approve)), "it would not do")
		oldest := s.place("ann", simulated.Down)
		s.pass(time.Second)
		for range 20 { // so that the breaker sees enough
			s.accept("A123", "bob", simulated.Down)
		}
		s.pass(time.Minute)
		v.needs(map[string]string{
			"1 message could not be handled by inventory":           "/ops/queues/inventory/dead-letters",
			"The payment gateway does not answer when asked to cap": "",
			"The oldest message to payment has waited 61 s":         "/ops/queues",
		})
		s.check(s.gateway.Outage(t.Context(), 3*time.Hour))
		v.needs(map[string]string{
			"1 message could not be handled by inventory":   "/ops/queues/inventory/dead-letters",
			"The simulated gateway is unreachable until 03": "",
			"The oldest message to payment has waited 61 s": "/ops/queues",
		})
		s.pass(2 * time.Hour)
		v.needs(map[string]string{
			"21 orders should have ended long ago":              "/ops/orders/" + oldest,
			"1 message could not be handled by inventory":       "/ops/queues/inventory/dead-letters",
			"The simulated gateway is unreachable until 03":     "",
			"The oldest message to payment has waited 2 h 1 mi": "/ops/queues",
		})
		v.do("/ops/queues/inventory/redrive", url.Values{"all": {"1"}})
		v.do("/ops/gateway/outage", url.Values{"end": {"1"}})
		s.pass(2 * time.Minute)
		v.needs(nil)
	})
}

// TestAPageWaitsForNothingThatHangs: what can be done without is missing, and else the
// page says so in time.
func TestAPageWaitsForNothingThatHangs(t *testing.T) {
	onStage(t, func(s *stage) {
		s.stock("A123", 10)
		v, id := s.visit(), s.place("ann", simulated.Down)
		var hangs string
		s.instead = func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, hangs) {
				<-r.Context().Done()
			}
			return r.Context().Err() != nil
		}
		hangs = "/gateway"
		asked := system.Now()
		v.get("/").want(http.StatusOK).says("How the payment gateway is doing is not known: no answer came in time", "Orders by status")
		v.get("/ops/orders/" + id).want(http.StatusOK).says("What it is waiting for")
		if waited := system.Now().Sub(asked); waited > 4*time.Second { // two pages
			t.Errorf("they wait %s for what they can do without", waited)
		}
		hangs = "/inventory"
		page := v.get("/ops/stock").want(http.StatusServiceUnavailable).says("no answer came in time")
		page.wellMade(t)
		page = v.post("/ops/stock/A123/count", url.Values{"on_hand": {"few"}}).want(http.StatusUnprocessableEntity)
		if !strings.Contains(page.alert(), "Units on the shelf") {
			t.Errorf("what is wrong with a form is lost: %s", page.words())
		}
	})
}

// placedEvent is the message that began an order.
func (s *stage) placedEvent(id string) event.Event {
	s.t.Helper()
	o, err := s.memory.Orders.Get(s.t.Context(), id)
	s.check(err)
	e := event.New(event.OrderPlaced, o.Ref, o.CreatedAt())
	e.Lines, e.PaymentMethod = o.Lines, o.PaymentMethod
	return e
}

// needs holds the first page to what needs attention: the beginning of each sentence,
// and where it leads.
func (v *visitor) needs(want map[string]string) {
	v.t.Helper()
	expected := len(want)
	page := v.get("/")
	page.wellMade(v.t)
	found := make(map[string]string)
	for _, n := range page.labelled("attention", "li") {
		found[n.words()] = n.leadsTo()
	}
	for sentence, link := range found {
		maps.DeleteFunc(want, func(text, to string) bool { return strings.HasPrefix(sentence, text) && link == to })
	}
	if len(want) > 0 || len(found) != expected {
		v.t.Errorf("of %d it lacks %q: %q", expected, want, found)
	}
}

// leadsTo is the address of the only link in n; empty without one.
func (n *node) leadsTo() string {
	for a := range n.all("a") {
		return a.attr["href"]
	}
	return ""
}
