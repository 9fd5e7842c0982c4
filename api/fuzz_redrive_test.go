package api_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/event"
)

// FuzzRedrive redrives and deletes dead letters of any messages with any body and
// any id. Whatever is answered, each letter is afterwards where it was, or on the
// queue word for word, or deleted by its own id; and never a 5xx.
func FuzzRedrive(f *testing.F) {
	event1, err := letter("a").Event.Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{
		`{"all": true}`, `{"ids": ["a:OrderPlaced"]}`, `{"ids": ["a:OrderPlaced", "a:OrderPlaced", "x"]}`, `{"ids": []}`, `{"all": true, "ids": null}`, `{"all": 1}`, "", "[]",
		`{"ids": ["\u0000", "\ud800", "é"]}`, `{"ids": ["undecodable:d41d8cd98f00b204e9800998ecf8427e"]}`,
	} {
		f.Add([]byte(body), event1, []byte("garbage"), "a:OrderPlaced")
		f.Add([]byte(body), []byte(`{"specversion":"1.0","id":"é /?#%2F..","type":"holdfast.Future"}`), []byte{}, "é /?#%2F..")
		f.Add([]byte(body), []byte(`{"specversion":"1.0","id":"..","type":"holdfast.Future"}`), []byte("\x00\xff"), "..")
	}
	q := newQueue(event.Payment)
	s := start(f, withQueue(event.Payment, q))
	f.Fuzz(func(t *testing.T, body, one, two []byte, id string) {
		s.reset(t)
		buried := map[string]event.DeadLetter{}
		for _, message := range [][]byte{one, two} {
			l := dead(message)
			buried[l.ID] = l
		}
		bury(t, q, slices.Collect(maps.Values(buried))...)
		a := s.do(http.MethodPost, "/queues/payment/redrive", string(body), jsonType)
		left, sent := takeAll(t, q)
		wantNothingLost(t, a, buried, left, sent)
		bury(t, q, slices.Collect(maps.Values(left))...)
		s.wantDeleted(t, q, left, id)
	})
}

func dead(message []byte) event.DeadLetter {
	e := event.Decode(message)
	return event.DeadLetter{ID: e.ID(), Event: e, Reason: "poison", Count: 1, DeadAt: epoch.Truncate(time.Millisecond)}
}

// takeAll empties the queue and its dead letters, and returns both.
func takeAll(t *testing.T, q api.Queue) (left map[string]event.DeadLetter, sent []event.Event) {
	t.Helper()
	letters, err := q.List(t.Context(), "", 10)
	if err == nil {
		_, err = q.Delete(t.Context(), letters)
	}
	if err != nil {
		t.Fatal(err)
	}
	left = map[string]event.DeadLetter{}
	for _, l := range letters {
		left[l.ID] = l
	}
	for d, err := q.Depth(t.Context()); d.Ready > 0; d, err = q.Depth(t.Context()) {
		got, errGot := q.Receive(t.Context(), 10, time.Hour)
		if err != nil || errGot != nil {
			t.Fatal(err, errGot)
		}
		for _, delivery := range got {
			sent = append(sent, delivery.Event)
			if err := q.Ack(t.Context(), delivery.Receipt); err != nil {
				t.Fatal(err)
			}
		}
	}
	return left, sent
}

// wantNothingLost wants each letter left as it was or sent once, one that nobody can
// read left in any case, and as many sent as the answer says: none, where it is a
// problem.
func wantNothingLost(t *testing.T, a answer, buried, left map[string]event.DeadLetter, sent []event.Event) {
	t.Helper()
	redriven := 0
	if a.status == http.StatusOK {
		redriven = read[client.Redriven](t, a).Redriven
	} else if a.problem(t, a.status); a.status >= 500 {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	if redriven != len(sent) {
		t.Fatalf("%d letters: %d redriven, %d sent, %d left: %s", len(buried), redriven, len(sent), len(left), a.body)
	}
	gone := maps.Clone(buried)
	for id := range left {
		delete(gone, id)
	}
	for _, e := range sent {
		l, there := buried[e.ID()]
		if _, still := left[e.ID()]; !there || still != (e.Check() != nil) || text(t, e) != text(t, l.Event) {
			t.Fatalf("sent was %q", text(t, e))
		}
		delete(gone, e.ID())
	}
	if len(gone) > 0 {
		t.Fatalf("neither left nor sent: %v", gone)
	}
}

func text(t *testing.T, e event.Event) string {
	t.Helper()
	message, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}

// wantDeleted deletes by an id and wants that letter alone gone, if there was one.
func (s *server) wantDeleted(t *testing.T, q api.Queue, buried map[string]event.DeadLetter, id string) {
	t.Helper()
	status, rest := http.StatusNotFound, maps.Clone(buried)
	if _, there := buried[id]; there {
		status = http.StatusNoContent
		delete(rest, id)
	}
	const path = "/queues/payment/dead-letters/"
	a := s.serve(&http.Request{Method: http.MethodDelete, Header: http.Header{}, URL: &url.URL{Path: path + id, RawPath: path + url.PathEscape(id)}})
	if a.want(t, status); status >= 400 {
		a.problem(t, status)
	}
	if left, _ := takeAll(t, q); !slices.Equal(slices.Sorted(maps.Keys(left)), slices.Sorted(maps.Keys(rest))) {
		t.Fatalf("after the deletion of %q, of %d letters are left %d", id, len(buried), len(left))
	}
}
