package ops

import (
	"fmt"
	"math"
	"strings"
	"time"

	"holdfast/api/client"
)

// chart is a picture of the last hour: one or two lines over time, drawn as SVG. Its
// labels are text beside it, so that they stay readable at any width.
type chart struct {
	Title   string
	Says    string // what is to be seen, for who does not see it
	Top     string // the label of the upper edge
	Lines   []line
	Hours   []string
	Nothing bool // there are no values yet
}

// line is one line of a chart.
type line struct {
	Name string
	// Path and Dots are SVG paths' data, in a frame of chartWidth by chartHeight. A
	// value that is not known breaks the line; one that stands alone is a dot.
	Path, Dots string
}

// The frame that lines are drawn in; the page stretches it.
const (
	chartWidth  = 360 // an interval each, for an hour
	chartHeight = 100
)

// hour is the span of a chart.
const hour = time.Hour

// series are the values of one line, one for each point; NaN where there is none.
type series struct {
	name   string
	values []float64
}

// draw draws lines over the points' times, up to now. label writes a value.
func draw(title string, now time.Time, points []client.Point, label func(float64) string, lines ...series) chart {
	c := chart{Title: title, Nothing: true}
	top := 0.0
	for _, l := range lines {
		for _, v := range l.values {
			if !math.IsNaN(v) {
				c.Nothing, top = false, math.Max(top, v)
			}
		}
	}
	top = roundUp(top)
	c.Top = label(top)
	var latest []string
	for _, l := range lines {
		made := path(now, points, l.values, top)
		made.Name = l.name
		c.Lines = append(c.Lines, made)
		text := "nothing yet"
		if n := len(l.values); n > 0 && !math.IsNaN(l.values[n-1]) {
			text = label(l.values[n-1])
		}
		latest = append(latest, l.name+" "+text)
	}
	c.Says = fmt.Sprintf("%s over the last hour. Now: %s. Highest on the scale: %s.", title, strings.Join(latest, ", "), c.Top)
	for ago := hour; ago >= 0; ago -= hour / 4 {
		c.Hours = append(c.Hours, now.Add(-ago).UTC().Format("15:04"))
	}
	return c
}

// path draws a line through the values.
func path(now time.Time, points []client.Point, values []float64, top float64) line {
	var lines, dots strings.Builder
	known := func(i int) bool { return i >= 0 && i < len(values) && !math.IsNaN(values[i]) }
	for i, v := range values {
		if !known(i) {
			continue
		}
		x := math.Max(chartWidth*(1-float64(now.Sub(points[i].At))/float64(hour)), 0)
		y := chartHeight * (1 - v/top)
		switch {
		case known(i - 1):
			fmt.Fprintf(&lines, "L%.0f %.1f", x, y)
		case known(i + 1):
			fmt.Fprintf(&lines, "M%.0f %.1f", x, y)
		default:
			fmt.Fprintf(&dots, "M%.0f %.1fh0", x, y) // nothing but its round ends
		}
	}
	return line{Path: lines.String(), Dots: dots.String()}
}

// roundUp is the least of 1, 2 and 5 times a power of ten that is no less; never 0.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if v <= n*power {
			return n * power
		}
	}
	return 10 * power
}
