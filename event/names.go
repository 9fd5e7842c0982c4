package event

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// NamePattern is what names things for clients and services alike: 1 to 64 ASCII
// letters, digits, dots, underscores and hyphens. None of them needs escaping in
// a URL, a queue's message or a store's key.
const NamePattern = `^[A-Za-z0-9._-]{1,64}$`

// maxName is the longest name, in bytes.
const maxName = 64

// ValidName reports whether s matches NamePattern, and so can be an order id, a
// SKU or a payment method. It reads the bytes itself: every line of every order
// and message is checked, and the expression takes ten times as long.
func ValidName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return 1 <= len(s) && len(s) <= maxName
}

// Printable reports whether s is UTF-8 text of printable characters only.
func Printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
