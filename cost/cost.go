// Package cost is the meter that says what Holdfast spends on AWS: DynamoDB's
// write and read units and SQS's requests, by service and by operation, and what
// they come to at the prices of prices.json.
//
//	client ─▶ [ask for capacity] ─▶ serialize ─▶ sign, retry ─▶ [count] ─▶ wire
//	           once a call                                  every attempt
//
// It counts every attempt, so what the SDK repeats by itself is in it. Most of it
// stands in the answers, which the meter has every call ask for. What does not is counted from
// the request, and never below what AWS bills:
//
//   - A write refused by its condition is billed the size of the item that is
//     there, at least one unit. That item is in the refusal if the request asked for
//     it (ALL_OLD); if not, the size of what was to be written stands in for it.
//   - A cancelled transaction is counted as if it had been carried out: two units a
//     started KiB an item, one to prepare and one to commit. AWS does not say how
//     much of that a transaction has used when it is cancelled. Items that were
//     throttled or invalid cost nothing.
//   - A single write refused for a transaction on its item is counted as carried out.
//   - An attempt without an answer, or with one of the 500s, may have been carried
//     out: its writes are counted, without their index entries and as single KiBs
//     where the request does not carry the item. Reads without an answer are not.
//   - An answer that does not tell, as some emulators' do not, is counted from the
//     items that the request carries, or a batch of reads brings.
//   - An attempt that never reached AWS, a throttled, an invalid and an unauthorized
//     request cost nothing on DynamoDB. SQS bills them all but those that never
//     reached it.
//
// The rules are those of the DynamoDB Developer Guide, "Read and write operations"
// and "DynamoDB transactions: how it works", and of the SQS pricing page: each
// started 64 KiB of what a request carries is one request.
//
// Storage, backups, log lines and the network are not counted; nor are the books of
// the simulated gateway, which in its place a payment processor keeps and pays for.
package cost

import (
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Meter counts what the clients that it watches spend. Its methods may be called
// concurrently. It is a prometheus.Collector.
type Meter struct {
	// Process is the service to which requests for what no single service owns are
	// counted, as the API keys; Shared if empty.
	Process string

	mu      sync.Mutex
	tally   tally
	leftOut map[string]float64 // units, by the name of a table that is not Holdfast's
}

// NewMeter returns a meter at zero.
func NewMeter() *Meter {
	return &Meter{tally: make(tally), leftOut: make(map[string]float64)}
}

// Watch has every client that is made from the configuration from now on counted.
func (m *Meter) Watch(c *aws.Config) {
	c.APIOptions = append(c.APIOptions, m.watch)
}

// Report is what has been spent so far. The orders, those that have ended since
// the meter was at zero, are what it is divided by; 0: not known.
func (m *Meter) Report(orders int64) Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tally.report(orders, m.leftOut)
}

// add counts figures to one line.
func (m *Meter) add(l line, f figures) {
	if l.service == "" {
		l.service = m.Process
	}
	if l.service == "" {
		l.service = Shared
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.service == leftOut {
		if units := f.write + f.read; units > 0 {
			m.leftOut[l.resource] += units
		}
		return
	}
	m.tally.add(l, f)
}
