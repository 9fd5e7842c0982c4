package load_test

import (
	"encoding/json"
	"strings"
	"testing"

	"holdfast/load"
)

func full() load.Result {
	zero, bytes := 0, 640.
	r := load.Result{Lost: &zero, Oversold: &zero, Breaches: &zero, BytesPerOrd: &bytes, Rate: 7500, StubPerS: 60_000, Ratio: .25, Processes: 1,
		FirstError: "status 500 <script>", Orders: 10, CompletedPerS: 14_999.6, P99Ms: 12.3456, Refused: 2, Unsent: 3, PollP99Ms: 1}
	for i := range 60 {
		r.Samples = append(r.Samples, load.Sample{At: float64(i + 1), Offered: 15_000, Accepted: 14_900, Completed: 14_800, P50Ms: 1.5, P99Ms: 20, P999Ms: 45, Open: 800 + i, Payment: 12})
	}
	return r
}

// TestTheNamesOfTheFiguresStay: programs read them.
func TestTheNamesOfTheFiguresStay(t *testing.T) {
	out, err := json.MarshalIndent(full(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), `": `); ok {
			got = append(got, strings.Trim(name, `"`))
		}
	}
	const want = "accepted_per_s completed_per_s p50_ms p90_ms p99_ms p999_ms max_ms end_to_end_p99_ms errors lost oversold orders duration_s peak_rss_mb cpu_s " +
		"rate offered_per_s unsent refused refused_p99_ms retries poll_p99_ms list_p99_ms load_cpu_s processes breaches bytes_per_order stub_per_s ratio first_error"
	if strings.Join(got, " ") != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestFiguresThatAreNotKnownAreLeftOut(t *testing.T) {
	out, err := json.Marshal(load.Result{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lost", "oversold", "breaches", "bytes_per_order", "rate", "ratio", "processes"} {
		if strings.Contains(string(out), `"`+name+`"`) {
			t.Errorf("%s in %s", name, out)
		}
	}
}

func TestAReportHasItsChartsAndNeedsNothingElse(t *testing.T) {
	var b strings.Builder
	if err := full().WriteHTML(&b, "Holdfast under load", []load.Setting{{Name: "rate", Value: "max"}}); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"15,000 orders a second, p99 12.35 ms", "Throughput", "Latency of the 202", "Open orders and queue depth", "orders a second", "milliseconds",
		"seconds since the first order", "offered", "accepted", "completed", "p99.9", "payment queue", "prefers-color-scheme: dark", ">rate<", ">max<", "cores", "go1", "60 s\noffered: 15,000", ">5,000<"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if n := strings.Count(page, "<polyline"); n != 10 {
		t.Errorf("%d lines, want 10", n)
	}
	for _, not := range []string{"<script", "http://", "https://", "NaN", "Inf", "ZgotmplZ"} {
		if strings.Contains(page, not) {
			t.Errorf("%q in it", not)
		}
	}
}

func TestAReportOfAMomentIsStillAPage(t *testing.T) {
	for _, r := range []load.Result{{}, {Samples: []load.Sample{{At: 1}}}} {
		var b strings.Builder
		if err := r.WriteHTML(&b, "x", nil); err != nil || strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("%v\n%s", err, b.String())
		}
	}
}

func TestProgressIsALineThatIsWrittenOverOrOneNowAndThen(t *testing.T) {
	for terminal, want := range map[bool]string{
		true:  "\r  1 s: 7500 orders/s accepted, p99 3.5 ms, 12 open \x1b[K\rtrying 8000/s: 7500 orders/s accepted, p99 3.5 ms, 12 open \x1b[K\n",
		false: " 10 s: 7500 orders/s accepted, p99 3.5 ms, 12 open\n",
	} {
		var b strings.Builder
		each, done := load.Progress(&b, terminal)
		s := load.Sample{At: 1, Accepted: 7500, P99Ms: 3.5, Open: 12}
		if each(s); terminal {
			s.Doing = "trying 8000/s"
			each(s)
		} else {
			for range 9 {
				s.At++
				each(s)
			}
		}
		done()
		if b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	}
}
