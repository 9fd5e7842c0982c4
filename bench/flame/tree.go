package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/google/pprof/profile"
)

// frame is a function as reached by one path of calls, with all samples that
// were taken there.
type frame struct {
	function string // with its whole package path, but no type arguments; a word of ours where it is none
	layer    layer
	time     int64 // nanoseconds of CPU, in it and in what it called
	self     int64 // nanoseconds of CPU, in itself
	children map[string]*frame
}

// child is the frame of a function that this one called.
func (f *frame) child(function string) *frame {
	c := f.children[function]
	if c == nil {
		c = &frame{function: function, layer: layerOf(function), children: make(map[string]*frame)}
		f.children[function] = c
	}
	return c
}

// merge makes one tree of a profile's samples. It fails on a profile of anything
// else than CPU time, and on an empty one.
func merge(p *profile.Profile) (*frame, error) {
	cpu := slices.IndexFunc(p.SampleType, func(t *profile.ValueType) bool { return t.Type == "cpu" && t.Unit == "nanoseconds" })
	if cpu < 0 {
		return nil, errors.New("not a profile of CPU time")
	}
	root := &frame{function: "all", layer: elsewhere, children: make(map[string]*frame)}
	for _, s := range p.Sample {
		root.add(functions(s), s.Value[cpu])
	}
	if root.time == 0 {
		return nil, errors.New("the profile has no samples; was the process idle?")
	}
	return root, nil
}

// functions are those on a sample's stack, the outermost first, inlined ones too.
func functions(s *profile.Sample) (stack []string) {
	for _, location := range s.Location { // the innermost first, as its lines are
		if len(location.Line) == 0 {
			stack = append(stack, fmt.Sprintf("%#x", location.Address))
		}
		for _, line := range location.Line {
			name := fmt.Sprintf("%#x", location.Address)
			if line.Function != nil {
				name = plain(line.Function.Name)
			}
			stack = append(stack, name)
		}
	}
	slices.Reverse(stack)
	return stack
}

func (f *frame) add(stack []string, time int64) {
	f.time += time
	for _, function := range stack {
		f = f.child(function)
		f.time += time
	}
	f.self += time
}

// called are the frames below this one that took at least as long as the
// narrowest that is shown, the dearest first. The others stand last as one, if
// that one is wide enough.
func (f *frame) called(narrowest int64) []*frame {
	var shown []*frame
	folded := frame{layer: elsewhere}
	narrow := 0
	for _, c := range f.children {
		if c.time >= narrowest {
			shown = append(shown, c)
			continue
		}
		narrow++
		folded.time += c.time
	}
	slices.SortFunc(shown, func(a, b *frame) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.function, b.function))
	})
	if narrow > 0 && folded.time >= narrowest {
		folded.function = fmt.Sprintf("%d narrow ones", narrow)
		shown = append(shown, &folded)
	}
	return shown
}

// share is what a layer took of the time, in nanoseconds.
type share struct {
	own     int64 // in functions of its own
	charged int64 // in them, and in what they had the runtime, the kernel and libraries do
}

// shares adds up what each layer took, of a frame that was reached from the one
// given.
func (f *frame) shares(from layer, all map[layer]share) {
	owner := f.layer
	if owner.helps() && !from.helps() {
		owner = from
	}
	s := all[f.layer]
	s.own += f.self
	all[f.layer] = s
	s = all[owner]
	s.charged += f.self
	all[owner] = s
	for _, c := range f.children {
		c.shares(owner, all)
	}
}
