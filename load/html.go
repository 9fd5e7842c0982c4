package load

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"runtime"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// Setting is a flag of the command as it was given.
type Setting struct{ Name, Value string }

// WriteHTML writes the result as one page that needs nothing else: figures, charts
// over time, and how they came about.
func (r Result) WriteHTML(w io.Writer, title string, settings []Setting) error {
	return page.Execute(w, struct {
		Title    string
		Headline string
		Rows     []Row
		Charts   []chart
		Settings []Setting
		Machine  string
	}{title, r.headline(), r.Rows(), r.charts(), settings,
		fmt.Sprintf("%d cores, %s/%s, %s; the load runs on the same machine as a private server", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())})
}

func (r Result) headline() string {
	return fmt.Sprintf("%s orders a second, p99 %s ms", figure(r.CompletedPerS), figure(r.P99Ms))
}

// charts are the course of the load over time.
func (r Result) charts() []chart {
	draw := func(title, unit string, lines ...drawn) chart {
		c := chart{Title: title, Unit: unit}
		for _, s := range r.Samples {
			c.at = append(c.at, s.At)
		}
		for i, d := range lines {
			l := line{Name: d.name, Colour: i + 1}
			for _, s := range r.Samples {
				l.values = append(l.values, d.of(s))
			}
			c.Lines = append(c.Lines, l)
		}
		return c
	}
	latency := draw("Latency of the 202", "milliseconds (log)",
		drawn{"p50", func(s Sample) float64 { return s.P50Ms }},
		drawn{"p99", func(s Sample) float64 { return s.P99Ms }},
		drawn{"p99.9", func(s Sample) float64 { return s.P999Ms }})
	latency.log = true
	return []chart{
		draw("Throughput", "orders a second",
			drawn{"offered", func(s Sample) float64 { return s.Offered }},
			drawn{"accepted", func(s Sample) float64 { return s.Accepted }},
			drawn{"completed", func(s Sample) float64 { return s.Completed }}),
		latency,
		draw("Open orders and queue depth", "orders, messages",
			drawn{"open orders", func(s Sample) float64 { return float64(s.Open) }},
			drawn{"order queue", func(s Sample) float64 { return float64(s.Order) }},
			drawn{"inventory queue", func(s Sample) float64 { return float64(s.Inventory) }},
			drawn{"payment queue", func(s Sample) float64 { return float64(s.Payment) }}),
	}
}

// drawn is a figure of a sample, as a chart names it.
type drawn struct {
	name string
	of   func(Sample) float64
}
