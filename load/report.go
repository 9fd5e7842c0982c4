package load

import (
	"fmt"
	"io"
)

// WriteText writes the result for a person.
func (r Result) WriteText(w io.Writer) error {
	_, err := fmt.Fprintf(w, `orders accepted    %d in all, %.0f/s while placing, %d errors, %d lost
orders completed   %.0f/s, from the first POST to the last end (%.1f s); %.0f/s while placing
latency of the 202 p50 %.2f ms, p90 %.2f, p99 %.2f, p99.9 %.2f, max %.2f
`, r.Orders, r.AcceptedPerS, r.Errors, r.Lost, r.CompletedPerS, r.DurationS, r.PlacingPerS, r.P50Ms, r.P90Ms, r.P99Ms, r.P999Ms, r.MaxMs)
	if err == nil && r.FirstError != "" {
		_, err = fmt.Fprintf(w, "first error        %s\n", r.FirstError)
	}
	if err == nil && r.CPUS > 0 {
		_, err = fmt.Fprintf(w, "private server     peak memory %.0f MB, CPU %.1f s, audit found %d breaches\n", r.PeakRSSMB, r.CPUS, r.Breaches)
	}
	return err
}
