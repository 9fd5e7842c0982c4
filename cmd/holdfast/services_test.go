package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
	"holdfast/audit"
	"holdfast/load"
)

// plentyStock is the stock file of tests that are not about running out.
const plentyStock = `[{"sku": "C789", "on_hand": 1000000, "price": {"amount": 999, "currency": "USD"}}]`

// TestAFolderChangesHands has a folder used by one process, by three, and by one
// again. At each change orders are open: cards that take their time or fail at
// first, and whatever was under way.
func TestAFolderChangesHands(t *testing.T) {
	data := t.TempDir()
	sweep := []string{"--sweep", "1s"}
	plenty := stockFile(t, plentyStock)
	var placed []string
	placeSome := func(url string) {
		for range 5 {
			for _, method := range []string{"sim_slow", "sim_flaky", "sim_approve"} {
				placed = append(placed, place(t, client.New(url, nil), method))
			}
		}
	}
	one := serve(t, data, append(sweep, "--stock", plenty)...)
	placeSome(one.URL)
	mustStop(t, one)
	wantOpen(t, data)

	three := startServices(t, data, sweep...)
	placeSome(three.URL())
	three.Kill()
	wantOpen(t, data)
	three = startServices(t, data, sweep...)
	placeSome(three.URL())
	mustStop(t, three...)
	wantOpen(t, data)

	one = serve(t, data, sweep...)
	c := client.New(one.URL, &http.Client{Timeout: 2 * time.Minute})
	for _, id := range placed {
		if o, err := c.Order(t.Context(), id, time.Minute); err != nil || o.Status != "COMPLETED" {
			t.Errorf("order %s is %s, %v", id, o.Status, err)
		}
	}
	waitForFiles(t, data)
	mustStop(t, one)
	drained(t, data)
}

// waitForFiles returns once the queue files are empty: a message that was given
// back for later is taken over when its time has come, which may be after the
// sweep has brought its order to the end.
func waitForFiles(t *testing.T, data string) {
	t.Helper()
	files, err := onSQLite{dir: data}.toRead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	for ; time.Since(begun) < 2*time.Minute; <-tick.C {
		left := 0
		for _, q := range files.queues {
			d, err := q.Depth(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			left += d.Ready + d.Delayed + d.InFlight
		}
		if left == 0 {
			return
		}
	}
	t.Error("messages stay in the queue files")
}

// wantOpen fails unless some order of the folder has not ended.
func wantOpen(t *testing.T, data string) {
	t.Helper()
	report, err := storage{Data: data}.audit(t.Context(), audit.Options{})
	if err != nil || report.Open == 0 {
		t.Errorf("no order is open, %v", err)
	}
}

func mustStop(t *testing.T, servers ...*load.Server) {
	t.Helper()
	if err := load.Servers(servers).Stop(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

// TestEachProcessServesWhatIsItsOwn asks each of the three for each kind of route.
func TestEachProcessServesWhatIsItsOwn(t *testing.T) {
	three := startServices(t, setUp(t))
	for route, serve := range map[string][3]bool{ // order, which is the door; inventory; payment
		"GET /orders":                                {true, false, false},
		"GET /docs":                                  {true, false, false},
		"GET /inventory":                             {true, true, false},
		"GET /queues":                                {true, true, true},
		"GET /queues/order/dead-letters":             {true, false, false},
		"GET /queues/inventory/dead-letters":         {true, true, false},
		"GET /queues/payment/dead-letters":           {true, false, true},
		`POST /gateway/outage {"seconds": 0}`:        {true, false, true},
		`POST /queues/payment/redrive {"all": true}`: {true, false, true},
		"GET /metrics":                               {true, true, true},
		"GET /livez":                                 {true, true, true},
		"GET /readyz":                                {true, true, true},
	} {
		for i, s := range three {
			if served := ask(t, s.URL, route) != http.StatusNotFound; served != serve[i] {
				t.Errorf("%s: process %d serves it: %v", route, i, served)
			}
		}
	}
	queues, err := client.New(three.URL(), nil).Queues(t.Context())
	if err != nil || len(queues) != 3 || slices.ContainsFunc(queues, func(q client.Queue) bool { return q.Depth == nil }) {
		t.Errorf("the door does not know the queues: %+v, %v", queues, err)
	}
}

// ask makes a request, "METHOD /path body", and returns the status.
func ask(t *testing.T, url, request string) int {
	t.Helper()
	parts := strings.SplitN(request, " ", 3)
	r, err := http.NewRequestWithContext(t.Context(), parts[0], url+parts[1], strings.NewReader(strings.Join(parts[2:], "")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 500 {
		t.Errorf("%s%s: %s", url, parts[1], answer.Status)
	}
	return answer.StatusCode
}

// BenchmarkLoneOrder measures an order that has the three processes for itself,
// from its POST to the answer that it is COMPLETED.
func BenchmarkLoneOrder(b *testing.B) {
	data := setUp(b, "--stock", stockFile(b, plentyStock))
	c := client.New(startServices(b, data).URL(), nil)
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		o, err := c.Order(b.Context(), place(b, c, "sim_approve"), time.Minute)
		if err != nil || o.Status != "COMPLETED" {
			b.Fatal(err, o.Status)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
