package main

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
)

// TestAnOutageIsSeen asks for an outage, in one process and in three, and sees the
// gateway tell of it, and an order's timeline of the calls that had no answer.
func TestAnOutageIsSeen(t *testing.T) {
	for name, url := range map[string]string{"one process": serve(t, t.TempDir(), "--log-level", "error").URL, "three": startServices(t, setUp(t))[0].URL} {
		c := client.New(url, nil)
		if g, err := c.Gateway(t.Context()); err != nil || g.OutageUntil != nil || g.Name != "simulated" || len(g.Breakers) != 3 || g.Breakers[0].State != "closed" {
			t.Errorf("%s: before the outage: %+v, %v", name, g, err)
		}
		end, err := c.GatewayOutage(t.Context(), 3600)
		if err != nil {
			t.Fatal(err)
		}
		if g, err := c.Gateway(t.Context()); err != nil || g.OutageUntil == nil || g.OutageUntil.Sub(end.Until).Abs() > time.Minute {
			t.Errorf("%s: in the outage: %+v, %v", name, g, err)
		}
		id := place(t, c, "")
		waitUntil(t, func() bool { return unanswered(t, c, id) })
		if _, err := c.GatewayOutage(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if g, err := c.Gateway(t.Context()); err != nil || g.OutageUntil != nil {
			t.Errorf("%s: after the outage: %+v, %v", name, g, err)
		}
	}
}

// unanswered reports whether an order's timeline tells of a capture without an answer
// and of when it is asked for again.
func unanswered(t *testing.T, c *client.Client, id string) bool {
	t.Helper()
	told, err := c.Timeline(t.Context(), id)
	if err != nil || len(told.Unanswered) > 0 {
		t.Fatal(err, told.Unanswered)
	}
	var called, returned bool
	for _, m := range told.Remembered {
		called = called || m.Kind == "called" && m.Op == "capture" && m.Outcome == "unknown" && strings.Contains(m.Detail, "outage")
		returned = returned || m.Kind == "returned" && m.Next != nil
	}
	return called && returned && told.Payment != nil && told.Payment.State == "CHARGING" && told.Reservation.State == "HELD"
}

func TestNothingCostsAnythingButOnAWS(t *testing.T) {
	_, err := client.New(serve(t, t.TempDir()).URL, nil).Cost(t.Context())
	if p := new(client.Problem); !errors.As(err, &p) || p.Status != http.StatusNotFound {
		t.Errorf("%v", err)
	}
}

// TestAnOpenPageDoesNotHoldUpTheEnd stops a server whose page somebody looks at.
func TestAnOpenPageDoesNotHoldUpTheEnd(t *testing.T) {
	var log bytes.Buffer
	server := serveLogging(t, t.TempDir(), &log, "--log-level", "warn")
	page, err := http.Get(server.URL + "/")
	if err != nil || page.StatusCode != http.StatusOK || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
		t.Fatal(err, page)
	}
	page.Body.Close()
	stream, err := http.Get(server.URL + "/ops/live?at=/")
	if err != nil || stream.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(err, stream)
	}
	defer stream.Body.Close()
	if _, err := bufio.NewReader(stream.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stopWithin(t, server, 30*time.Second)
	if strings.Contains(log.String(), "cut off") {
		t.Errorf("the stream was cut off:\n%s", log.String())
	}
}
