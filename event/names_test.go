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

func TestPrintable(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "fell off, twice": true, "é ☃ 日本": true,
		"a\nb": false, "\x00": false, "\u200b": false, "\u202e": false, "\x7f": false, "\xff": false,
	} {
		if event.Printable(s) != want {
			t.Errorf("%q: want %t", s, want)
		}
	}
}
