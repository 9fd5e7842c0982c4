// Package enginetest holds every engine to the contracts that stand on the
// services' ports, and to PROTOCOL's decision tables as the services carry them
// out over that engine's stores. It names no engine and skips nothing:
//
//	func TestStores(t *testing.T) {
//		enginetest.RunStores(t, func(t *testing.T) *engine.Engine { … })
//	}
//
// Times are given to the stores by the tests, and the time of a queue is virtual,
// or moved on by whoever opened the queue, so nothing here waits.
package enginetest

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/engine"
	"holdfast/event"
)

// storeTest is one sentence of a contract, run on a fresh engine.
type storeTest struct {
	name string
	run  func(t *testing.T, e *engine.Engine)
}

// queueTest is one sentence of event.Queue's contract, run on a fresh queue.
type queueTest struct {
	name string
	run  func(t *testing.T, q queue)
}

// sharedQueueTest is one sentence of event.Queue's contract for two processes,
// run on two handles of a fresh queue.
type sharedQueueTest struct {
	name string
	run  func(t *testing.T, a, b queue)
}

// storeGroups are the tests of RunStores by what they are about.
var storeGroups = []struct {
	name  string
	tests []storeTest
}{
	{"order.Store", slices.Concat(createTests, changeTests, listTests, dueTests, tallyTests)},
	{"inventory.Store", slices.Concat(reservationTests, countTests, adjustTests, stockTests, stockPageTests)},
	{"payment.Store", paymentTests},
	{"event.DeadLetters", slices.Concat(deadLetterTests, deadLetterKeepTests)},
	{"simulated.Ledger", ledgerTests},
	{"keys.Store", keyTests},
	{"protocol", slices.Concat(orderProtocolTests, inventoryProtocolTests, paymentProtocolTests, ageProtocolTests, versionProtocolTests)},
	{"delivery", deliveryTests},
	{"races", slices.Concat(stockRaceTests, recordRaceTests, adjustRaceTests, keyRaceTests)},
	{"faults", slices.Concat(faultTests, batchFaultTests)},
	{"aliasing", aliasTests},
}

// remoteQueueTests are the tests of RunRemoteQueue, allQueueTests those of
// RunQueue.
var (
	remoteQueueTests = slices.Concat(queueTests, leaseTests, queueLoadTests)
	allQueueTests    = slices.Concat(remoteQueueTests, embeddedTests)
)

// allSharedQueueTests are the tests of RunSharedQueue.
var allSharedQueueTests = slices.Concat(sharedQueueTests, sharedEmbeddedTests)

// RunStores runs the suite on the stores, the dead letters and the ledger of an
// engine. Each call of open returns a fresh, empty engine, and registers its
// cleanup with t.
func RunStores(t *testing.T, open func(t *testing.T) *engine.Engine) {
	for _, group := range storeGroups {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
			}
		})
	}
}

// RunQueue runs the suite on a queue. Each call of open returns a fresh, empty
// queue that holds fewer than 100,000 events, and registers its cleanup with t.
// It is called inside a testing/synctest bubble, so time is virtual: a queue may
// use package time's clock and timers, and files, but nothing else that waits
// outside the bubble.
func RunQueue(t *testing.T, open func(t *testing.T) event.Queue) {
	for _, test := range allQueueTests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test.run(t, embeddedQueue(open(t))) })
		})
	}
}

// RunRemoteQueue runs on a queue behind a network, which has a clock of its own,
// those tests of RunQueue that hold for every queue; the others are about what
// only a queue within one machine promises. Each call of open returns a fresh,
// empty queue, and what has its time pass. The tests do not run in parallel, so
// queues may share a clock.
func RunRemoteQueue(t *testing.T, open func(t *testing.T) (q event.Queue, advance func(time.Duration))) {
	for _, test := range remoteQueueTests {
		t.Run(test.name, func(t *testing.T) { test.run(t, remoteQueue(open(t))) })
	}
}

// RunSharedQueue runs the suite on a queue that several processes use. Each call
// of open returns two handles of one fresh, empty queue, each as a process of its
// own has it. Otherwise it is as RunQueue's.
func RunSharedQueue(t *testing.T, open func(t *testing.T) (a, b event.Queue)) {
	for _, test := range allSharedQueueTests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := open(t)
				test.run(t, embeddedQueue(a), embeddedQueue(b))
			})
		})
	}
}

// RunRemoteSharedQueue is to RunSharedQueue what RunRemoteQueue is to RunQueue.
func RunRemoteSharedQueue(t *testing.T, open func(t *testing.T) (a, b event.Queue, advance func(time.Duration))) {
	for _, test := range sharedQueueTests {
		t.Run(test.name, func(t *testing.T) {
			a, b, advance := open(t)
			test.run(t, remoteQueue(a, advance), remoteQueue(b, advance))
		})
	}
}

// StoreTests names the subtests of RunStores, each as "group/sentence", for
// documents that quote them.
func StoreTests() (names []string) {
	for _, group := range storeGroups {
		for _, test := range group.tests {
			names = append(names, group.name+"/"+test.name)
		}
	}
	return names
}

// QueueTests names the subtests of RunQueue.
func QueueTests() (names []string) {
	for _, test := range allQueueTests {
		names = append(names, test.name)
	}
	return names
}

// RemoteQueueTests names the subtests of RunRemoteQueue.
func RemoteQueueTests() (names []string) {
	for _, test := range remoteQueueTests {
		names = append(names, test.name)
	}
	return names
}

// SharedQueueTests names the subtests of RunSharedQueue.
func SharedQueueTests() (names []string) {
	for _, test := range allSharedQueueTests {
		names = append(names, test.name)
	}
	return names
}
