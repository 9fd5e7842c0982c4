// Package browsertest tries the ops page as a person would: in a real browser, against
// the real binary.
//
//	test ──▶ visitor: a window of chromium that nobody else has ──▶ shop: holdfast serve
//
// Things on a page are found as a screen reader finds them, by role and name, so what
// has no name cannot be used here either. Whatever the browser complains of on the way
// fails the test: an error on the console, a breach of the page's content security
// policy, a request to another host.
//
// The tests need chromium, and npm for axe-core, so they stand behind the build tag
// browser and `make test` leaves them out; `make test-browser` runs them.
package browsertest
