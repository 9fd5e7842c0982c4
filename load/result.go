package load

import "time"

// Result is what was measured while the rate was held; what a search placed before
// is not in it, but in Lost and Breaches. Latencies are those of the 202, from when
// the order was due to arrive, and include those of orders that were given up
// because no connection was free for them. In a closed loop (Saturate) an order is
// due when its connection is free, so the time that stalls keep others waiting is
// not in them.
type Result struct {
	AcceptedPerS  float64 `json:"accepted_per_s"`  // from the first arrival to the last answer
	CompletedPerS float64 `json:"completed_per_s"` // COMPLETED orders over DurationS, so what is left to do at the end counts against it
	P50Ms         float64 `json:"p50_ms"`
	P90Ms         float64 `json:"p90_ms"`
	P99Ms         float64 `json:"p99_ms"`
	P999Ms        float64 `json:"p999_ms"`
	MaxMs         float64 `json:"max_ms"`
	EndToEndP99Ms float64 `json:"end_to_end_p99_ms"`  // creation to end, from the server's histogram; interpolated within its buckets
	Errors        int     `json:"errors"`             // answered otherwise than they should be, or not at all, retries included
	Lost          *int    `json:"lost,omitempty"`     // accepted, and not ended when the others had; nil if the server could not be asked
	Oversold      *int    `json:"oversold,omitempty"` // breaches of the audit that are overselling; nil without an audit
	Orders        int     `json:"orders"`             // answered with a 202
	DurationS     float64 `json:"duration_s"`         // from the first arrival to the last order's end
	PeakRSSMB     float64 `json:"peak_rss_mb"`        // of a private server's processes together, each at its own peak; 0: not known
	CPUS          float64 `json:"cpu_s"`              // that the server took over DurationS

	Rate         float64  `json:"rate,omitempty"` // orders a second asked for; 0: none, a closed loop
	OfferedPerS  float64  `json:"offered_per_s"`  // that arrived
	Unsent       int      `json:"unsent"`         // that no connection was free for until a second after the end
	Refused      int      `json:"refused"`        // answers 503 or 429, retries included
	RefusedP99Ms float64  `json:"refused_p99_ms"` // from when the request was sent: how soon a client is told
	Retries      int      `json:"retries"`
	PollP99Ms    float64  `json:"poll_p99_ms"` // GET /orders/{id}, from when it was due
	ListP99Ms    float64  `json:"list_p99_ms"` // GET /orders?user_id=, from when it was due
	LoadCPUS     float64  `json:"load_cpu_s"`  // that this process took
	Processes    int      `json:"processes,omitempty"`
	Breaches     *int     `json:"breaches,omitempty"`        // that the audit named; nil without an audit
	BytesPerOrd  *float64 `json:"bytes_per_order,omitempty"` // in a private server's databases, the gateway's ledger apart; nil if it did not start empty
	StubPerS     float64  `json:"stub_per_s,omitempty"`      // answers of a stub to the same load, in a closed loop
	Ratio        float64  `json:"ratio,omitempty"`           // CompletedPerS over StubPerS
	FirstError   string   `json:"first_error,omitempty"`

	// Samples are the course of it, one a second; Placed all orders that were
	// accepted, in a search too.
	Samples []Sample `json:"-"`
	Placed  int      `json:"-"`
}

// Sound reports whether nothing was lost and no promise broken, as far as that
// was looked at.
func (r Result) Sound() bool {
	return (r.Lost == nil || *r.Lost == 0) && (r.Breaches == nil || *r.Breaches == 0)
}

// summarise puts together what the customers saw.
func (r *run) summarise(s *schedule, took time.Duration) Result {
	t := r.count.whole
	result := Result{
		Orders: int(t.accepted), Errors: int(t.errors), FirstError: t.firstError, Unsent: int(t.unsent), Retries: int(t.retries),
		Refused: int(t.latency[refused].TotalCount()), AcceptedPerS: float64(t.accepted) / took.Seconds(),
		OfferedPerS: float64(r.orders(s.arrived(time.Now()))) / took.Seconds(), Rate: max(0, r.Rate),
		P50Ms: t.ms(accepted, 50), P90Ms: t.ms(accepted, 90), P99Ms: t.ms(accepted, 99), P999Ms: t.ms(accepted, 99.9), MaxMs: t.maxMs(accepted),
		RefusedP99Ms: t.ms(refused, 99), PollP99Ms: t.ms(polled, 99), ListP99Ms: t.ms(listed, 99),
		Samples: r.samples, Placed: r.accepted,
	}
	if s.rate > 0 {
		result.OfferedPerS = s.rate / r.perOrder()
	}
	return result
}

// conclude adds what the server counted by the end.
func (r *Result) conclude(of *run, took time.Duration, after figures) {
	before := of.settled
	lost := of.missing(after)
	r.Lost = &lost
	r.DurationS = took.Seconds()
	r.CompletedPerS = float64(after.completed-before.completed) / r.DurationS
	r.EndToEndP99Ms = endToEnd(before, after, .99)
	r.CPUS = after.cpu - before.cpu
}
