package emf

import (
	"math"

	dto "github.com/prometheus/client_model/go"
)

// series is a metric of one service.
type series struct{ name, service string }

// readings are what was gathered at one time.
type readings map[series]*reading

// reading sums up the children of a metric that count to one service.
type reading struct {
	total   float64 // of counters
	largest float64 // of gauges
	buckets []bucket
}

// bucket is one of a histogram's.
type bucket struct {
	bound float64 // in seconds, the last being +Inf
	count float64 // at most bound, those of the buckets before it included
}

func (r readings) add(s series, child *dto.Metric) {
	sum, known := r[s]
	if !known {
		sum = &reading{largest: math.Inf(-1)}
		r[s] = sum
	}
	sum.total += child.GetCounter().GetValue()
	sum.largest = max(sum.largest, child.GetGauge().GetValue())
	if h := child.GetHistogram(); h != nil {
		sum.observe(h)
	}
}

// observe adds a histogram. All of a family have the same bounds; the last, +Inf,
// is only the count.
func (r *reading) observe(h *dto.Histogram) {
	if r.buckets == nil {
		for _, b := range h.GetBucket() {
			if !math.IsInf(b.GetUpperBound(), 1) {
				r.buckets = append(r.buckets, bucket{bound: b.GetUpperBound()})
			}
		}
		r.buckets = append(r.buckets, bucket{bound: math.Inf(1)})
	}
	last := len(r.buckets) - 1
	for i, b := range h.GetBucket() {
		if i < last {
			r.buckets[i].count += float64(b.GetCumulativeCount())
		}
	}
	r.buckets[last].count += float64(h.GetSampleCount())
}

// value is what a metric has to say of a service since the readings before.
func (r readings) value(m metric, service string, before readings) (any, bool) {
	s := series{m.Name, service}
	now, known := r[s]
	if !known {
		return nil, false
	}
	was := before[s]
	if was == nil {
		was = &reading{}
	}
	switch m.kind {
	case gauge:
		return now.largest, true
	case distribution:
		return now.since(was)
	default:
		return now.total - was.total, true
	}
}

// spread is a distribution: values, and how often each occurred. The rest follows
// from these; CloudWatch may refuse what contradicts itself.
type spread struct {
	Values, Counts       []float64
	Max, Min, Count, Sum float64
}

// maxValues is how many values one metric of a line may have.
const maxValues = 100

// since is what was observed since, in milliseconds. An observation is taken for
// its bucket's upper bound, so that no percentile and no average looks better than
// it was; one past the last bound for that bound, which is all that is known of it. Where there
// are more buckets than values, neighbours go together.
func (r *reading) since(was *reading) (any, bool) {
	var s spread
	step := (len(r.buckets) + maxValues - 1) / maxValues
	bound, below := 0.0, 0.0
	for i, b := range r.buckets {
		if !math.IsInf(b.bound, 1) {
			bound = b.bound * 1000
		}
		if (i+1)%step != 0 && i+1 < len(r.buckets) {
			continue
		}
		upTo := b.count
		if was.buckets != nil {
			upTo -= was.buckets[i].count
		}
		if upTo > below {
			s.add(bound, upTo-below)
		}
		below = upTo
	}
	return s, s.Count > 0
}

// add adds so many of a value that is no smaller than those before.
func (s *spread) add(value, count float64) {
	if s.Count == 0 {
		s.Min = value
	}
	s.Max = value
	s.Count += count
	s.Sum += value * count
	if n := len(s.Values); n > 0 && s.Values[n-1] == value {
		s.Counts[n-1] += count
		return
	}
	s.Values, s.Counts = append(s.Values, value), append(s.Counts, count)
}
