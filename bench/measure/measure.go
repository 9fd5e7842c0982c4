// Package measure is what the microbenchmarks of the hot steps share: each step is
// measured by the batch, as it runs, and told by the order. `make microbench` runs
// them all and holds them against bench/baseline.txt.
package measure

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Sizes are the batches that a service is measured with: one as they come at a
// good load, and the largest that a worker takes.
var Sizes = []int{64, 1024}

// Each runs a benchmark over each of the stores, with batches of each of the
// Sizes.
func Each[S any](b *testing.B, stores map[string]func(*testing.B) S, run func(b *testing.B, store S, size int)) {
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		for _, size := range Sizes {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) { run(b, stores[name](b), size) })
		}
	}
}

// Batches runs step on batches of the size given until b has seen enough. Prepare
// makes each batch of new orders, numbered from first on; what it takes is not
// measured. One op is a batch, but the figures are an order's, in place of the
// usual ones:
//
//	ns/order      time as it passes, waits for the disk included
//	cpu-ns/order  processor time of the whole process, its kernel's part included
//	B/order       bytes allocated
//	allocs/order  allocations
func Batches[T any](b *testing.B, size int, prepare func(first int) T, step func(T)) {
	m := meter{b: b}
	orders := 0
	for b.Loop() {
		batch := prepare(orders + 1)
		m.start()
		step(batch)
		m.stop()
		orders += size
	}
	for unit, of := range map[string]float64{
		"ns/order": float64(m.wall), "cpu-ns/order": float64(m.cpu), "B/order": float64(m.bytes), "allocs/order": float64(m.objects),
	} {
		b.ReportMetric(of/float64(orders), unit)
	}
	b.ReportMetric(0, "ns/op") // prepare is in it; zero leaves it out
}

// meter adds up what the process uses between start and stop. The timer of b would
// count only what it measures towards the time that a benchmark is to take, which
// then takes many times that.
type meter struct {
	b              *testing.B
	wall, cpu      time.Duration
	bytes, objects uint64

	since     time.Time
	cpuSince  time.Duration
	heapSince runtime.MemStats
}

func (m *meter) start() {
	runtime.ReadMemStats(&m.heapSince) // slow, so it stands outside what is timed
	m.cpuSince = m.processor()
	m.since = time.Now()
}

func (m *meter) stop() {
	m.wall += time.Since(m.since)
	m.cpu += m.processor() - m.cpuSince
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	m.bytes += heap.TotalAlloc - m.heapSince.TotalAlloc
	m.objects += heap.Mallocs - m.heapSince.Mallocs
}

// processor is the processor time that the process has used since it began.
func (m *meter) processor() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		m.b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
