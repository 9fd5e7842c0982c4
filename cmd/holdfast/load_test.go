package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAServerIsQuietWhenItsQueuesAreEmpty shows one figure after the other.
func TestAServerIsQuietWhenItsQueuesAreEmpty(t *testing.T) {
	figures := []string{
		`{"name": "order", "depth": 1, "in_flight": 0}`,
		`{"name": "order", "depth": 0, "in_flight": 2}`,
		`{"name": "order", "depth": null, "in_flight": null}`,
		`{"name": "order", "depth": 0, "in_flight": 0}`,
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"queues": [{"name": "payment", "depth": 0, "in_flight": 0}, %s]}`, figures[asked])
		asked++
	}))
	defer server.Close()
	if err := quiet(t.Context(), server.URL); err != nil || asked != len(figures) {
		t.Errorf("quiet after %d answers, %v", asked, err)
	}
}

func TestASplitLoadSaysSo(t *testing.T) {
	out, err := holdfast(t, "load", "--split", "--duration", "50ms", "--clients", "1", "--skus", "1")
	if err != nil || !strings.Contains(out, "3 processes, peak memory") || !strings.Contains(out, "audit found 0 breaches") {
		t.Errorf("%v\n%s", err, out)
	}
}
