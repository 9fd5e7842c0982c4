package load

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// A chart's measures, in the SVG's own pixels.
const (
	chartWidth   = 1100
	chartHeight  = 300
	marginLeft   = 74
	marginRight  = 16
	marginTop    = 14
	marginBottom = 44
	plotWidth    = chartWidth - marginLeft - marginRight
	plotHeight   = chartHeight - marginTop - marginBottom
)

// chart is figures over time, drawn as lines in SVG.
type chart struct {
	Title string
	Unit  string // of the vertical axis
	log   bool   // whether that axis is logarithmic
	Lines []line
	at    []float64 // seconds
}

// line is one figure. Colour is the number of a colour of the page's palette.
type line struct {
	Name   string
	Colour int
	values []float64
}

// SVG draws the chart.
func (c chart) SVG() template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, chartHeight, template.HTMLEscapeString(c.Title))
	c.drawAxes(&b)
	for _, l := range c.Lines {
		c.drawLine(&b, l)
	}
	c.drawReadings(&b)
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // made of numbers and escaped text
}

func (c chart) drawAxes(b *strings.Builder) {
	const bottom = marginTop + plotHeight
	for _, v := range c.marks() {
		y := c.y(v)
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, marginLeft, marginLeft+plotWidth, y, y)
		fmt.Fprintf(b, `<text class="mark" text-anchor="end" x="%d" y="%.1f">%s</text>`, marginLeft-8, y+4, figure(v))
	}
	for _, s := range steps(c.span(), 10) {
		x := c.x(s)
		fmt.Fprintf(b, `<line class="tick" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, bottom, bottom+5)
		fmt.Fprintf(b, `<text class="mark" text-anchor="middle" x="%.1f" y="%d">%s</text>`, x, bottom+19, figure(s))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`, marginLeft, marginLeft+plotWidth, bottom, bottom)
	fmt.Fprintf(b, `<text class="label" text-anchor="middle" x="%d" y="%d">seconds since the first order</text>`, marginLeft+plotWidth/2, chartHeight-6)
	middle := marginTop + plotHeight/2
	fmt.Fprintf(b, `<text class="label" text-anchor="middle" transform="rotate(-90 14 %d)" x="14" y="%d">%s</text>`, middle, middle, template.HTMLEscapeString(c.Unit))
}

func (c chart) drawLine(b *strings.Builder, l line) {
	fmt.Fprintf(b, `<polyline class="line c%d" points="`, l.Colour)
	for i, v := range l.values {
		fmt.Fprintf(b, "%.1f,%.1f ", c.x(c.at[i]), c.y(v))
	}
	b.WriteString(`"/>`)
	if len(l.values) == 1 { // a line of one point would not show
		fmt.Fprintf(b, `<circle class="dot c%d" r="3" cx="%.1f" cy="%.1f"/>`, l.Colour, c.x(c.at[0]), c.y(l.values[0]))
	}
}

// drawReadings lays an invisible strip over each second, which a browser shows the
// figures of when it is pointed at.
func (c chart) drawReadings(b *strings.Builder) {
	from := float64(marginLeft)
	for i, at := range c.at {
		to := c.x(at)
		fmt.Fprintf(b, `<rect class="strip" x="%.1f" y="%d" width="%.1f" height="%d"><title>%.0f s`, from, marginTop, max(0, to-from), plotHeight, at)
		for _, l := range c.Lines {
			fmt.Fprintf(b, "\n%s: %s", template.HTMLEscapeString(l.Name), figure(l.values[i]))
		}
		b.WriteString("</title></rect>")
		from = to
	}
}

// span is the time the chart shows, in seconds.
func (c chart) span() float64 {
	if len(c.at) == 0 {
		return 1
	}
	const late = .1 // a second's sample comes a moment after it
	return max(1, math.Ceil(c.at[len(c.at)-1]-late))
}

// top is the greatest value of all lines.
func (c chart) top() float64 {
	top := 0.
	for _, l := range c.Lines {
		for _, v := range l.values {
			top = max(top, v)
		}
	}
	return top
}

// bottom is the least value above nothing of all lines.
func (c chart) bottom() float64 {
	least := math.Inf(1)
	for _, l := range c.Lines {
		for _, v := range l.values {
			if v > 0 {
				least = min(least, v)
			}
		}
	}
	return least
}

// marks are the values that the vertical axis names; the first and the last are
// its ends.
func (c chart) marks() []float64 {
	if !c.log {
		return steps(c.top(), 5)
	}
	if c.top() == 0 {
		return []float64{.1, 1}
	}
	first := math.Floor(math.Log10(c.bottom()))
	last := max(first+1, math.Ceil(math.Log10(c.top())))
	var marks []float64
	for e := first; e <= last; e++ {
		marks = append(marks, math.Pow(10, e))
	}
	return marks
}

// steps are round values from 0 to at least top, about n of them.
func steps(top float64, n int) []float64 {
	if top <= 0 {
		top = 1
	}
	raw := top / float64(n)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, by := range []float64{1, 2, 5, 10} {
		if by*step >= raw {
			step *= by
			break
		}
	}
	var all []float64
	for i := 0.; ; i++ {
		all = append(all, i*step)
		if i*step >= top {
			return all
		}
	}
}

func (c chart) x(at float64) float64 {
	marks := steps(c.span(), 10)
	return marginLeft + plotWidth*at/marks[len(marks)-1]
}

func (c chart) y(v float64) float64 {
	marks := c.marks()
	low, high := marks[0], marks[len(marks)-1]
	if c.log {
		v, low, high = math.Log10(max(v, low)), math.Log10(low), math.Log10(high)
	}
	return marginTop + plotHeight*(1-(v-low)/(high-low))
}

// figure writes a value as a person reads it, as 12,500 or 0.25.
func figure(v float64) string {
	switch {
	case v >= 1000:
		text := strconv.FormatFloat(v, 'f', 0, 64)
		for i := len(text) - 3; i > 0; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
		return text
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}
