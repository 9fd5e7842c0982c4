package main

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// The graph's measures, in pixels.
const (
	width     = 1200
	margin    = 10
	header    = 142
	row       = 17
	letter    = 6.3 // of the frames' type, of which all letters are as wide
	legendRow = 20
	perRow    = 4 // layers in a row of the legend
)

// narrowestShare is the share of all samples below which a frame is folded.
const narrowestShare = 0.002

// heading is what stands above the graph.
type heading struct {
	title   string
	elapsed int64 // nanoseconds that the profile covers; 0 where it does not say
}

// drawing writes a tree.
type drawing struct {
	*bufio.Writer
	total     int64
	narrowest int64
}

// write writes the tree as an SVG.
func write(w io.Writer, root *frame, h heading) error {
	d := drawing{Writer: bufio.NewWriter(w), total: root.time, narrowest: max(1, int64(narrowestShare*float64(root.time)))}
	height := header + row*d.depth(root) + margin
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">`+"\n", width, height, width, height)
	fmt.Fprintln(d, `<style>
text { font: 12px system-ui, sans-serif; fill: #222; }
.h { font-size: 18px; font-weight: 600; }
.f { font: 10.5px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; pointer-events: none; }
g rect { stroke: #fff; stroke-width: .6; }
g:hover rect { stroke: #000; stroke-width: 1; }
</style>
<rect width="100%" height="100%" fill="#fff"/>`)
	d.heading(root, h)
	d.frame(root, margin, header)
	fmt.Fprintln(d, "</svg>")
	return d.Flush()
}

// depth is how many rows a tree takes.
func (d drawing) depth(f *frame) int {
	below := 0
	for _, c := range f.called(d.narrowest) {
		below = max(below, d.depth(c))
	}
	return 1 + below
}

// heading writes the title, the sum, and the legend with each layer's share.
func (d drawing) heading(root *frame, h heading) {
	fmt.Fprintf(d, `<text class="h" x="%d" y="26">%s</text>`+"\n", margin, escape(h.title))
	sum := fmt.Sprintf("%.1f s of CPU", seconds(d.total))
	if h.elapsed > 0 {
		sum += fmt.Sprintf(" in %.1f s: %.2f cores", seconds(h.elapsed), float64(d.total)/float64(h.elapsed))
	}
	fmt.Fprintf(d, `<text x="%d" y="46">%s. A frame is as wide as its share, with all that it called, which stands below it; under %g %% it is folded.</text>`+"\n",
		margin, sum, 100*narrowestShare)
	fmt.Fprintf(d, `<text x="%d" y="63">By layer: its share with what it had the runtime, the system and libraries do for it; then that of its own functions.</text>`+"\n", margin)
	d.legend(root)
}

// legend writes what each layer took.
func (d drawing) legend(root *frame) {
	shares := make(map[layer]share)
	root.shares(root.layer, shares)
	for i, l := range layers {
		x, y := margin+i%perRow*(width/perRow), 76+i/perRow*legendRow
		fmt.Fprintf(d, `<rect x="%d" y="%d" width="13" height="13" fill="%s"/><text x="%d" y="%d">%s: %.1f %%, %.1f %% own</text>`+"\n",
			x, y, l.colour, x+18, y+11, escape(l.name), d.percent(shares[l].charged), d.percent(shares[l].own))
	}
}

// frame writes a frame with its left edge at x, and below it those it called.
func (d drawing) frame(f *frame, x, y float64) {
	wide := float64(f.time) / float64(d.total) * (width - 2*margin)
	fmt.Fprintf(d, `<g><title>%s&#10;%.2f %%, %s; in itself %.2f %%</title><rect x="%.2f" y="%.0f" width="%.2f" height="%d" fill="%s"/>`,
		escape(f.function), d.percent(f.time), milliseconds(f.time), d.percent(f.self), x, y, wide, row-1, f.layer.colour)
	if label := fit(short(f.function), wide); label != "" {
		fmt.Fprintf(d, `<text class="f" x="%.2f" y="%.0f">%s</text>`, x+3, y+row-5, escape(label))
	}
	fmt.Fprintln(d, "</g>")
	for _, c := range f.called(d.narrowest) {
		d.frame(c, x, y+row)
		x += float64(c.time) / float64(d.total) * (width - 2*margin)
	}
}

func (d drawing) percent(time int64) float64 { return 100 * float64(time) / float64(d.total) }

// fit cuts a name to what a frame has room for; empty where that says nothing.
func fit(name string, wide float64) string {
	room := int((wide - 6) / letter)
	switch {
	case utf8.RuneCountInString(name) <= room:
		return name
	case room < 4:
		return ""
	}
	return string([]rune(name)[:room-1]) + "…"
}

func seconds(nanoseconds int64) float64 { return time.Duration(nanoseconds).Seconds() }

func milliseconds(nanoseconds int64) string {
	return fmt.Sprintf("%.0f ms", float64(nanoseconds)/float64(time.Millisecond))
}

// escape writes a text as XML has it.
func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes all
	return b.String()
}
