package event

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NamePattern is what names things for clients and services alike: 1 to 64 ASCII
// letters, digits, dots, underscores and hyphens. None of them needs escaping in
// a URL, a queue's message or a store's key.
const NamePattern = `^[A-Za-z0-9._-]{1,64}$`

var namePattern = regexp.MustCompile(NamePattern)

// ValidName reports whether s matches NamePattern, and so can be an order id, a
// SKU or a payment method.
func ValidName(s string) bool { return namePattern.MatchString(s) }

// Printable reports whether s is UTF-8 text of printable characters only.
func Printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
