package load

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes the result for a person. What is not known it leaves out.
func (r Result) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, row := range r.Rows() {
		fmt.Fprintf(&b, "%-19s%s\n", row.Name, row.Value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Row is a line of a summary.
type Row struct{ Name, Value string }

// Rows is the result in words.
func (r Result) Rows() []Row {
	rows := []Row{{"orders accepted", r.acceptedRow()}}
	add := func(when bool, name, format string, args ...any) {
		if when {
			rows = append(rows, Row{name, fmt.Sprintf(format, args...)})
		}
	}
	add(r.Lost != nil, "orders completed", "%.0f/s, from the first arrival to the last end (%.1f s); creation to end p99 %.1f ms", r.CompletedPerS, r.DurationS, r.EndToEndP99Ms)
	add(true, "latency of the 202", "p50 %.2f ms, p90 %.2f, p99 %.2f, p99.9 %.2f, max %.2f; %s", r.P50Ms, r.P90Ms, r.P99Ms, r.P999Ms, r.MaxMs, r.latencyFrom())
	add(r.PollP99Ms+r.ListP99Ms > 0, "questions", "an order p99 %.2f ms, a user's orders p99 %.2f", r.PollP99Ms, r.ListP99Ms)
	add(r.Refused > 0, "refused", "%d answers 503 or 429, p99 %.2f ms from sending; %d sent again", r.Refused, r.RefusedP99Ms, r.Retries)
	add(r.Unsent > 0, "not sent", "%d orders that no connection was free for; the time they waited is in the latency", r.Unsent)
	add(r.FirstError != "", "first error", "%s", r.FirstError)
	add(r.Processes > 0, "private server", "%s", r.serverRow())
	add(r.Orders > 0, "CPU an order", "%.1f µs the server, %.1f µs the load", r.CPUS*1e6/float64(max(1, r.Orders)), r.LoadCPUS*1e6/float64(max(1, r.Orders)))
	add(r.BytesPerOrd != nil, "disk an order", "%.0f bytes", value(r.BytesPerOrd))
	add(r.StubPerS > 0, "against a stub", "%.3f of the %.0f/s that a handler which does nothing answers", r.Ratio, r.StubPerS)
	return rows
}

func (r Result) acceptedRow() string {
	text := fmt.Sprintf("%d in all, %.0f/s", r.Orders, r.AcceptedPerS)
	if r.Rate > 0 {
		text += fmt.Sprintf(" of %.0f/s offered", r.OfferedPerS)
	}
	text += fmt.Sprintf(", %d errors", r.Errors)
	if r.Lost != nil {
		text += fmt.Sprintf(", %d lost", *r.Lost)
	}
	return text
}

func (r Result) latencyFrom() string {
	if r.Rate > 0 {
		return "from when an order was due"
	}
	return "from when it was sent, so stalls are left out"
}

func (r Result) serverRow() string {
	text := fmt.Sprintf("%d process", r.Processes)
	if r.Processes > 1 {
		text += "es"
	}
	text += fmt.Sprintf(", peak memory %.0f MB, CPU %.1f s", r.PeakRSSMB, r.CPUS)
	if r.Breaches != nil {
		text += fmt.Sprintf(", audit found %d breaches", *r.Breaches)
	}
	return text
}

func value(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}
