package ops

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
)

// hourOf are points ten seconds apart, the last at nine.
func hourOf(n int) []client.Point {
	points := make([]client.Point, n)
	for i := range points {
		points[i].At = nine.Add(time.Duration(i-n+1) * 10 * time.Second)
	}
	return points
}

func TestPath(t *testing.T) {
	gap := math.NaN()
	for name, c := range map[string]struct {
		values       []float64
		drawn, alone string
	}{
		"none":               {nil, "", ""},
		"one point is a dot": {[]float64{5}, "", "M360 50.0h0"},
		"a line":             {[]float64{0, 5, 10}, "M358 100.0L359 50.0L360 0.0", ""},
		"a gap":              {[]float64{10, gap, gap, 0, 10}, "M359 100.0L360 0.0", "M356 0.0h0"},
		"a gap at the end":   {[]float64{10, 0, gap}, "M358 0.0L359 100.0", ""},
		"dots alone":         {[]float64{10, gap, 0}, "", "M358 0.0h0M360 100.0h0"},
		"all unknown":        {[]float64{gap, gap}, "", ""},
	} {
		if got := path(nine, hourOf(len(c.values)), c.values, 10); got.Path != c.drawn || got.Dots != c.alone {
			t.Errorf("%s: %+v, want %q and %q", name, got, c.drawn, c.alone)
		}
	}
}

// TestPathStaysInItsFrame: an hour of points fills it, and what is older is at its edge.
func TestPathStaysInItsFrame(t *testing.T) {
	points := hourOf(400)
	values := make([]float64, len(points))
	for i := range values {
		values[i] = float64(i)
	}
	steps := strings.FieldsFunc(path(nine, points, values, roundUp(399)).Path, func(r rune) bool { return r == 'L' || r == 'M' })
	if len(steps) != len(points) {
		t.Fatalf("%d steps of %d points", len(steps), len(points))
	}
	for _, step := range steps {
		x, y, _ := strings.Cut(step, " ")
		left, xErr := strconv.ParseFloat(x, 64)
		down, yErr := strconv.ParseFloat(y, 64)
		if xErr != nil || yErr != nil || left < 0 || left > chartWidth || down < 0 || down > chartHeight {
			t.Fatalf("%q is not in the frame", step)
		}
	}
	if !strings.HasPrefix(steps[40], "1 ") || !strings.HasPrefix(steps[39], "0 ") || !strings.HasPrefix(steps[399], "360 ") {
		t.Errorf("the hour goes from %q to %q", steps[39], steps[399])
	}
}

func TestRoundUp(t *testing.T) {
	for v, want := range map[float64]float64{
		0: 1, -3: 1, 1: 1, 1.1: 2, 2: 2, 2.1: 5, 5: 5, 5.1: 10, 10: 10, 11: 20, 99: 100, 100: 100, 101: 200, 999: 1000, 1000: 1000, 1001: 2000, 14300: 20000,
	} {
		if got := roundUp(v); got != want {
			t.Errorf("%v is rounded up to %v, want %v", v, got, want)
		}
	}
	for v := 1e-6; v < 1e9; v *= 1.07 {
		if top := roundUp(v); top < v || top > 2.6*v {
			t.Errorf("%v is rounded up to %v", v, top)
		}
	}
}

func TestChart(t *testing.T) {
	points, label := hourOf(3), func(v float64) string { return count(int(v)) + " a second" }
	gap := math.NaN()
	c := draw("Orders", nine, points, label, series{"accepted", []float64{3, 14, 7}}, series{"ended", []float64{1, 2, gap}})
	if c.Nothing || c.Top != "20 a second" || len(c.Lines) != 2 || c.Lines[0].Name != "accepted" {
		t.Errorf("%+v", c)
	}
	for _, part := range []string{"Orders", "accepted 7 a second", "ended nothing yet", "20 a second"} {
		if !strings.Contains(c.Says, part) {
			t.Errorf("%q does not say %q", c.Says, part)
		}
	}
	if hours := strings.Join(c.Hours, " "); hours != "08:00 08:15 08:30 08:45 09:00" {
		t.Errorf("below it is written %s", hours)
	}
	if !strings.HasSuffix(c.Lines[0].Path, "L360 65.0") {
		t.Errorf("7 of 20 is drawn as %q", c.Lines[0].Path)
	}
	for name, values := range map[string][]float64{"no points": nil, "nothing known": {gap, gap, gap}} {
		if c := draw("Orders", nine, points[:len(values)], label, series{"accepted", values}); !c.Nothing || c.Lines[0].Path+c.Lines[0].Dots != "" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := draw("Orders", nine, points, label, series{"accepted", []float64{0, 0, 0}}); c.Nothing || !strings.HasPrefix(c.Lines[0].Path, "M358 100.0") {
		t.Errorf("of nothing but zeros: %+v", c)
	}
}
