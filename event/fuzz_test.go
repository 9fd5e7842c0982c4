package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"holdfast/event"
)

// FuzzDecode holds whatever a queue may hand over to two rules: what this build
// reads, it writes again with the same meaning; what it cannot read is kept word
// for word, refused with a reason, and can be named and shown.
func FuzzDecode(f *testing.F) {
	for version := 1; version <= event.Version; version++ {
		for _, text := range golden(f, version) {
			f.Add(text)
			f.Add(text[:len(text)/2])
			f.Add(bytes.Replace(text, []byte("1"), []byte("-7"), 1))
		}
	}
	for message := range foreign {
		f.Add([]byte(message))
	}
	f.Add([]byte(nil))
	f.Add([]byte(" \tno event\n"))
	f.Fuzz(func(t *testing.T, message []byte) {
		e := event.Decode(message)
		err := e.Check()
		if e.Unread == nil {
			wantReadable(t, e, err)
			return
		}
		if text, failed := e.Encode(); failed != nil || !bytes.Equal(text, message) {
			t.Errorf("given back as %q, %v", text, failed)
		}
		if !errors.Is(err, event.UnknownEvent) {
			t.Errorf("Check = %v, want UnknownEvent", err)
		}
		id := e.ID()
		if id == "" || len(id) > 200 || strings.ContainsAny(id, "\x00\r\n") || id != event.Decode(message).ID() {
			t.Errorf("the id is %q", id)
		}
		if text, err := json.Marshal(e); err != nil || !json.Valid(text) {
			t.Errorf("shown as %q, %v", text, err)
		}
	})
}

// wantReadable wants an event to survive being written and read again.
func wantReadable(t *testing.T, e event.Event, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("Check of what was read = %v", err)
	}
	if _, ok := e.Type.Reader(); !ok || !event.ValidName(e.OrderID) || e.Number < 1 {
		t.Errorf("read as %+v", e)
	}
	text := encode(t, e)
	again := event.Decode(text)
	if again.Unread != nil || !bytes.Equal(encode(t, again), text) {
		t.Errorf("read as %+v, written as %s, read as %+v", e, text, again)
	}
}
