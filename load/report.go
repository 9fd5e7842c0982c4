package load

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes the result for a person. What is not known it leaves out.
func (r Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "orders accepted    %d in all, %.0f/s while placing, %d errors", r.Orders, r.AcceptedPerS, r.Errors)
	if r.Lost != nil {
		fmt.Fprintf(&b, ", %d lost\norders completed   %.0f/s, from the first POST to the last end (%.1f s); %.0f/s while placing", *r.Lost, r.CompletedPerS, r.DurationS, r.PlacingPerS)
	}
	fmt.Fprintf(&b, "\nlatency of the 202 p50 %.2f ms, p90 %.2f, p99 %.2f, p99.9 %.2f, max %.2f\n", r.P50Ms, r.P90Ms, r.P99Ms, r.P999Ms, r.MaxMs)
	if r.FirstError != "" {
		fmt.Fprintf(&b, "first error        %s\n", r.FirstError)
	}
	if r.Breaches != nil {
		fmt.Fprintf(&b, "private server     %d process%s, peak memory %.0f MB, CPU %.1f s, audit found %d breaches\n",
			r.Processes, map[bool]string{true: "", false: "es"}[r.Processes == 1], r.PeakRSSMB, r.CPUS, *r.Breaches)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
