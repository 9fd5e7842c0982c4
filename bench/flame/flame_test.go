package main

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// stacks are those of a second, in milliseconds, each the outermost first; a bar
// stands where a function was inlined into the one before.
var stacks = map[string]int64{
	"net/http.(*conn).serve > holdfast/api.(*API).ServeHTTP|holdfast/api.(*API).guard":                          200,
	"net/http.(*conn).serve > holdfast/api.(*API).ServeHTTP > runtime.mallocgc":                                 100,
	"holdfast/engine/sqlite.(*writer).run > modernc.org/sqlite/lib._walFrames > syscall.Syscall6":               400,
	"holdfast/engine/sqlite.(*writer).run > holdfast/event.Decide[go.shape.string,go.shape.struct { A <b> }]":   150,
	"holdfast/engine/sqlite.(*writer).run > holdfast/event.Decide[go.shape.string,go.shape.struct { C []int }]": 50,
	"runtime.gcBgMarkWorker": 97,
	"runtime.a":              1,
	"runtime.b":              1,
	"runtime.c":              1,
}

// written is a profile of these stacks as a file has it.
func written(t *testing.T, stacks map[string]int64, unit string) string {
	t.Helper()
	p := &profile.Profile{
		SampleType:    []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: unit}},
		DurationNanos: 2e9,
	}
	function := func(name string) profile.Line {
		f := &profile.Function{ID: uint64(len(p.Function) + 1), Name: name}
		p.Function = append(p.Function, f)
		return profile.Line{Function: f}
	}
	for stack, milliseconds := range stacks {
		s := &profile.Sample{Value: []int64{milliseconds, milliseconds * 1e6}}
		for _, place := range strings.Split(stack, " > ") {
			l := &profile.Location{ID: uint64(len(p.Location) + 1)}
			for _, name := range strings.Split(place, "|") {
				l.Line = append([]profile.Line{function(name)}, l.Line...)
			}
			p.Location = append(p.Location, l)
			s.Location = append([]*profile.Location{l}, s.Location...)
		}
		p.Sample = append(p.Sample, s)
	}
	path := filepath.Join(t.TempDir(), "cpu.prof")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := p.Write(file); err != nil {
		t.Fatal(err)
	}
	return path
}

type (
	image struct {
		Texts []string `xml:"text"`
		Boxes []box    `xml:"g"`
	}
	box struct {
		Title string `xml:"title"`
		Rect  struct {
			X      string `xml:"x,attr"`
			Y      string `xml:"y,attr"`
			Width  string `xml:"width,attr"`
			Colour string `xml:"fill,attr"`
		} `xml:"rect"`
		Text string `xml:"text"`
	}
)

// drawn is the flame graph of the stacks.
func drawn(t *testing.T) image {
	t.Helper()
	var svg strings.Builder
	if err := draw(&svg, written(t, stacks, "nanoseconds"), "One & two"); err != nil {
		t.Fatal(err)
	}
	var i image
	if err := xml.Unmarshal([]byte(svg.String()), &i); err != nil {
		t.Fatal(err)
	}
	return i
}

// box is the one frame whose function is named so.
func (i image) box(t *testing.T, function string) box {
	t.Helper()
	var found []box
	for _, b := range i.Boxes {
		if strings.HasPrefix(b.Title, function+"\n") {
			found = append(found, b)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d frames of %s", len(found), function)
	}
	return found[0]
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFrameIsAsWideAsItsShareAndStandsBelowItsCaller(t *testing.T) {
	i := drawn(t)
	const all = width - 2*margin
	for _, c := range []struct {
		function string
		share    float64
		x        float64 // as a share of all
		rows     float64 // below the root
		label    string
		layer    layer
		says     string
	}{
		{"all", 1, 0, 0, "all", elsewhere, "100.00 %, 1000 ms; in itself 0.00 %"},
		{"holdfast/engine/sqlite.(*writer).run", .6, 0, 1, "sqlite.writer.run", engine, "60.00 %, 600 ms; in itself 0.00 %"},
		{"modernc.org/sqlite/lib._walFrames", .4, 0, 2, "walFrames", sqlite, "40.00 %, 400 ms; in itself 0.00 %"},
		{"syscall.Syscall6", .4, 0, 3, "syscall.Syscall6", kernel, "40.00 %, 400 ms; in itself 40.00 %"},
		{"net/http.(*conn).serve", .3, .6, 1, "http.conn.serve", web, "30.00 %, 300 ms; in itself 0.00 %"},
		{"holdfast/api.(*API).guard", .2, .6, 3, "api.API.guard", door, "20.00 %, 200 ms; in itself 20.00 %"},
		{"runtime.mallocgc", .1, .8, 3, "runtime.mallocgc", collector, "10.00 %, 100 ms; in itself 10.00 %"},
	} {
		b := i.box(t, c.function)
		if w := number(t, b.Rect.Width); w < c.share*all-.01 || w > c.share*all+.01 {
			t.Errorf("%s is %g wide, want %g", c.function, w, c.share*all)
		}
		if x, want := number(t, b.Rect.X), margin+c.x*all; x < want-.01 || x > want+.01 {
			t.Errorf("%s stands at %g, want %g", c.function, x, want)
		}
		if y := number(t, b.Rect.Y); y != header+c.rows*row {
			t.Errorf("%s stands at a height of %g, want %g", c.function, y, header+c.rows*row)
		}
		if b.Text != c.label || b.Rect.Colour != c.layer.colour || !strings.HasSuffix(b.Title, "\n"+c.says) {
			t.Errorf("%s: %+v, want %q and %q in the colour of %s", c.function, b, c.label, c.says, c.layer.name)
		}
	}
}

func TestShapesOfAGenericFunctionAreOne(t *testing.T) {
	if b := drawn(t).box(t, "holdfast/event.Decide"); !strings.Contains(b.Title, "20.00 %, 200 ms") {
		t.Errorf("drawn as %+v", b)
	}
}

func TestNarrowFramesAreFolded(t *testing.T) {
	i := drawn(t)
	if b := i.box(t, "3 narrow ones"); !strings.Contains(b.Title, "0.30 %, 3 ms") || b.Text != "" {
		t.Errorf("folded as %+v", b)
	}
	for _, b := range i.Boxes {
		if strings.HasPrefix(b.Title, "runtime.a") {
			t.Errorf("drawn: %+v", b)
		}
	}
}

func TestTheHeadingAddsUp(t *testing.T) {
	texts := strings.Join(drawn(t).Texts, "\n")
	for _, want := range []string{
		"One & two", "1.0 s of CPU in 2.0 s: 0.50 cores",
		"API and keys: 30.0 %, 20.0 % own", "net/http, huma, JSON: 0.0 %, 0.0 % own", "events, queues, workers: 20.0 %, 20.0 % own",
		"SQLite: 40.0 %, 0.0 % own", "system calls: 0.0 %, 40.0 % own", "Go runtime, GC: 10.0 %, 20.0 % own",
	} {
		if !strings.Contains(texts, want) {
			t.Errorf("no %q in\n%s", want, texts)
		}
	}
}

func TestAFunctionHasAShortNameAndALayer(t *testing.T) {
	for function, want := range map[string]struct {
		short string
		layer layer
	}{
		"holdfast/order.(*Service).Place":                             {"order.Service.Place", orders},
		"holdfast/inventory.(*Service).Handle.func2":                  {"inventory.Service.Handle.func2", stock},
		"holdfast/gateway/simulated.(*Gateway).Capture":               {"simulated.Gateway.Capture", money},
		"holdfast/engine/memory.(*Queue).Send":                        {"memory.Queue.Send", passing},
		"holdfast/ordering.Sort":                                      {"ordering.Sort", elsewhere},
		"github.com/danielgtaylor/huma/v2/adapters/humago.(*x).Y":     {"humago.x.Y", web},
		"github.com/danielgtaylor/huma/v2.Register[...].func1":        {"huma.Register.func1", web},
		"gopkg.in/yaml%2ev3.Unmarshal":                                {"yaml.v3.Unmarshal", elsewhere},
		"zombiezen.com/go/sqlite.(*Stmt).Step":                        {"sqlite.Stmt.Step", sqlite},
		"internal/runtime/syscall/linux.Syscall6":                     {"linux.Syscall6", kernel},
		"internal/runtime/maps.(*Iter).Next":                          {"maps.Iter.Next", collector},
		"runtime.futex":                                               {"runtime.futex", kernel},
		"memeqbody":                                                   {"memeqbody", collector},
		"sync.(*Pool).Get":                                            {"sync.Pool.Get", collector},
		"maps.Clone[go.shape.map[string]int,go.shape.string].func1.1": {"maps.Clone.func1.1", elsewhere},
	} {
		if got := short(plain(function)); got != want.short || layerOf(plain(function)) != want.layer {
			t.Errorf("%s: %q in %q, want %q in %q", function, got, layerOf(plain(function)).name, want.short, want.layer.name)
		}
	}
}

func TestALabelIsCutToItsFrame(t *testing.T) {
	for _, c := range []struct {
		wide float64
		want string
	}{{200, "order.Place"}, {11*letter + 6, "order.Place"}, {10*letter + 6, "order.Pla…"}, {4*letter + 6, "ord…"}, {3*letter + 6, ""}, {1, ""}} {
		if got := fit("order.Place", c.wide); got != c.want {
			t.Errorf("%g wide: %q, want %q", c.wide, got, c.want)
		}
	}
}

func TestWhatIsNoCPUProfileIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		path, says string
	}{
		"bytes for seconds": {written(t, stacks, "bytes"), "not a profile of CPU time"},
		"nothing sampled":   {written(t, nil, "nanoseconds"), "no samples"},
		"no profile":        {"flame_test.go", "flame_test.go: "},
		"no file":           {filepath.Join(t.TempDir(), "none"), "none"},
	} {
		var svg strings.Builder
		if err := draw(&svg, c.path, ""); err == nil || !strings.Contains(err.Error(), c.says) || svg.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes", name, err, svg.Len())
		}
	}
}
