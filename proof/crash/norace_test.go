//go:build !race

package crash_test

// pace is the usual value of -every.
const pace = 7
