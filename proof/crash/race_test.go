//go:build race

package crash_test

// pace is the usual value of -every: under the race detector SQLite takes ten
// times as long.
const pace = 31
