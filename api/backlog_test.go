package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"holdfast/api"
	"holdfast/keys"
)

// unread is a body that is not to be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of an order that is refused was read")
	return 0, io.EOF
}

func (unread) Close() error { return nil }

// TestABacklogIsRefusedAtTheDoor: a queue in memory drops what it has no room for, so
// while it is behind no more orders are taken. Who may place none learns nothing of
// it, and everything else is served.
func TestABacklogIsRefusedAtTheDoor(t *testing.T) {
	backlog := 0
	s := start(t, func(c *api.Config) { c.Backlog = func() int { return backlog } }, requireKeys)
	key := s.key("shop", keys.Orders)
	for _, c := range []struct {
		backlog int
		key     []string
		status  int
	}{
		{8191, []string{key}, http.StatusAccepted},
		{8192, []string{key}, http.StatusServiceUnavailable},
		{100_000, []string{key}, http.StatusServiceUnavailable},
		{8192, nil, http.StatusUnauthorized},
		{0, []string{key}, http.StatusAccepted},
	} {
		backlog = c.backlog
		r := newRequest(http.MethodPost, "/orders", seedBody, append(c.key, jsonType)...)
		if c.status != http.StatusAccepted {
			r.Body = unread{t}
		}
		a := s.serve(r)
		if a.status != c.status {
			t.Errorf("%d messages wait: %d %s, want %d", backlog, a.status, a.body, c.status)
		}
		if a.status == http.StatusServiceUnavailable && (a.header.Get("Retry-After") != "1" || !strings.Contains(a.body, "urn:holdfast:problem:overloaded")) {
			t.Errorf("the refusal is %s, %v", a.body, a.header)
		}
	}
	backlog = 8192
	if a := s.get("/orders", key); a.status != http.StatusOK || len(s.stored()) != 2 {
		t.Errorf("a list during a backlog: %d; %d orders stored, want 2", a.status, len(s.stored()))
	}
}
