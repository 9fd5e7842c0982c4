package ops

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
	"holdfast/cost"
)

// TestWhatOrdersCostIsShown as GET /cost tells it, where something is on AWS.
func TestWhatOrdersCostIsShown(t *testing.T) {
	report := cost.Report{
		Orders: 12_000, Total: cost.Sum{USD: 0.1278},
		Services: []cost.Service{{Name: "inventory", Sum: cost.Sum{USD: 0.0504}}, {Name: "order", Sum: cost.Sum{USD: 0.0774}}},
	}
	answers := map[string]any{
		"/caller":   client.Caller{Name: "desk", Scopes: []string{"ops"}},
		"/overview": client.Overview{Now: nine, Since: nine, IntervalSeconds: 10}, "/queues": struct{}{}, "/gateway": client.Gateway{Name: "simulated"},
		"/cost": report,
	}
	p := New(Config{Now: func() time.Time { return nine }, API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewEncoder(w).Encode(answers[r.URL.Path]); err != nil {
			t.Error(err)
		}
	})})
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	for _, want := range []string{
		"$10.65</strong> a million orders", "12,000 orders for $0.1278",
		`inventory</th><td class="n">4.20`, `order</th><td class="n">6.45`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page does not say %q: %d %s", want, w.Code, w.Body)
		}
	}
}
