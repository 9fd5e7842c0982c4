package event_test

import (
	"strings"
	"testing"

	"holdfast/event"
)

func TestValidName(t *testing.T) {
	for s, want := range map[string]bool{
		"A": true, "..": true, "a.B_c-9": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "a b": false, "a/b": false, "a\n": false, "\x00": false, "é": false, "\xff": false,
	} {
		if event.ValidName(s) != want {
			t.Errorf("%q: want %t", s, want)
		}
	}
}
