package event

import "regexp"

// NamePattern is what names things for clients and services alike: 1 to 64 ASCII
// letters, digits, dots, underscores and hyphens. None of them needs escaping in
// a URL, a queue's message or a store's key.
const NamePattern = `^[A-Za-z0-9._-]{1,64}$`

var namePattern = regexp.MustCompile(NamePattern)

// ValidName reports whether s matches NamePattern, and so can be an order id, a
// SKU or a payment method.
func ValidName(s string) bool { return namePattern.MatchString(s) }
