package api_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"holdfast/api"
	"holdfast/event"
	"holdfast/keys"
)

// spent is a Config.Cost that says what it was given.
func spent(metrics ...io.Reader) (any, error) {
	var said []string
	for _, m := range metrics {
		text, err := io.ReadAll(m)
		if err != nil {
			return nil, err
		}
		if len(text) > 0 {
			said = append(said, strings.TrimSpace(string(text)))
		}
	}
	return map[string]any{"spent": said}, nil
}

// onAWS has the server's own figures be these, and the rest cost something.
func onAWS(figures string) func(*api.Config) {
	return func(c *api.Config) {
		c.Cost = spent
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, figures) })
	}
}

func TestTheCostIsThatOfAllProcesses(t *testing.T) {
	if a := start(t, onAWS("here 1\n")).get("/cost"); a.status != 200 || a.body != `{"spent":["here 1"]}`+"\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	var ring *keys.Ring
	stock := start(t, requireKeys, onAWS("inventory 1\n"), func(c *api.Config) { ring = c.Keys })
	payments := start(t, requireKeys, onAWS("payment 1\n"), func(c *api.Config) { c.Keys = ring })
	door := start(t, requireKeys, onAWS("order 1\n"), func(c *api.Config) {
		c.Keys = ring
		c.Elsewhere = map[event.Service]*url.URL{event.Inventory: listen(t, stock), event.Payment: listen(t, payments)}
	})
	if a := door.get("/cost", stock.key("ops", keys.Ops)); a.status != 200 || a.body != `{"spent":["order 1","inventory 1","payment 1"]}`+"\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	start(t).get("/cost").problem(t, 404)
}

// A sum without one of the processes would pass for the whole.
func TestTheCostWithoutOneProcess(t *testing.T) {
	refusing := listen(t, http.NotFoundHandler())
	endless := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("\n", 5<<20)) }))
	for _, at := range []*url.URL{parse(t, "http://user:secret@127.0.0.1:1"), refusing, endless} {
		s := start(t, onAWS("order 1\n"), func(c *api.Config) { c.Elsewhere = map[event.Service]*url.URL{event.Payment: at} })
		a := s.get("/cost")
		if p := a.problem(t, 503); !strings.Contains(p.Detail, "the payment service does not answer at "+at.Redacted()) || strings.Contains(a.body+s.log.String(), "secret") {
			t.Errorf("%s, logged %s", a.body, s.log)
		}
		if !strings.Contains(s.log.String(), "service=payment") {
			t.Errorf("log %s", s.log)
		}
	}
}

func TestACostThatCannotBeTold(t *testing.T) {
	for name, broken := range map[string]func(*api.Config){
		"figures": func(c *api.Config) {
			c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "collecting failed", 500) })
		},
		"sum": func(c *api.Config) {
			c.Cost = func(...io.Reader) (any, error) { return nil, errors.New("collecting failed") }
		},
	} {
		s := start(t, onAWS("order 1\n"), broken)
		if p := s.get("/cost").problem(t, 500); strings.Contains(p.Detail, "collecting") || !strings.Contains(s.log.String(), "collecting failed") {
			t.Errorf("%s: %s, logged %s", name, p.Detail, s.log)
		}
	}
}
