package enginetest

import (
	"testing"

	"holdfast/engine"
)

// serialTests are what only an engine promises whose writes pass one after
// another.
var serialTests = []storeTest{
	{"Create makes orders visible in the order of their Numbers", numbersBecomeVisibleInOrder},
	{"Snapshot marks no SKU as moved while others write", snapshotStill},
}

// RunSerialStores runs, beside RunStores, what an engine promises whose writes
// pass one after another, as those of one database on one machine do.
func RunSerialStores(t *testing.T, open func(t *testing.T) *engine.Engine) {
	for _, test := range serialTests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// SerialStoreTests names the subtests of RunSerialStores.
func SerialStoreTests() (names []string) {
	for _, test := range serialTests {
		names = append(names, test.name)
	}
	return names
}
