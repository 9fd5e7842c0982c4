package enginetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
)

// versionProtocolTests hold each service to its table for messages of each
// version that this build reads.
var versionProtocolTests = func() (tests []storeTest) {
	for version := 1; version <= event.Version; version++ {
		carry := asWrittenBy(version)
		tests = append(tests,
			storeTest{fmt.Sprint("order keeps to its table with messages of version ", version),
				func(t *testing.T, e *engine.Engine) { orderProtocol(e).carried(carry).run(t) }},
			storeTest{fmt.Sprint("inventory keeps to its table with messages of version ", version),
				func(t *testing.T, e *engine.Engine) { inventoryProtocol(e).carried(carry).run(t) }},
			storeTest{fmt.Sprint("payment keeps to its tables with messages of version ", version),
				func(t *testing.T, e *engine.Engine) { paymentProtocol(e).carried(carry).run(t) }},
		)
	}
	return tests
}()

// carrier hands a message over as a queue between two builds does: as text.
type carrier func(t *testing.T, e event.Event) event.Event

// asWrittenBy is what this build reads of an event that a build of the version
// wrote. What passes through no queue stays as it is.
func asWrittenBy(version int) carrier {
	return func(t *testing.T, e event.Event) event.Event {
		t.Helper()
		if _, queued := e.Type.Reader(); !queued {
			return e
		}
		var envelope, data map[string]json.RawMessage
		wantNoError(t, json.Unmarshal(must(e.Encode())(t), &envelope))
		wantNoError(t, json.Unmarshal(envelope["data"], &data))
		if version == 1 {
			data["order_id"] = envelope["subject"]
		}
		envelope["eventversion"], envelope["data"] = fmt.Append(nil, version), must(json.Marshal(data))(t)
		read := event.Decode(must(json.Marshal(envelope))(t))
		if err := read.Check(); err != nil || read.Version != version {
			t.Fatalf("version %d of %s is read as version %d: %v", version, e.Type, read.Version, err)
		}
		return read
	}
}

// carried is the protocol with every message carried so.
func (p protocol[S, R]) carried(carry carrier) protocol[S, R] {
	hand := p.hand
	p.hand = func(t *testing.T, e event.Event, now time.Time) event.Result {
		t.Helper()
		return hand(t, carry(t, e), now)
	}
	return p
}

// everyVersionSameEnds has the services' messages come in one version after
// another, as from builds of each on one set of queues.
func everyVersionSameEnds(t *testing.T, e *engine.Engine) {
	s := seeded(1, func(rng *rand.Rand, n int) int { return rng.IntN(n) }, 8, 1)
	carried := 0
	s.carry = func(t *testing.T, m event.Event) event.Event {
		carried++
		return asWrittenBy(1+carried%event.Version)(t, m)
	}
	sameEnds(t, e, s)
}
