package crash_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
)

// fate is what a power cut does to a write that was not synced.
type fate string

const (
	lost    fate = "lost"    // nothing of any such write is there
	reached fate = "reached" // all of each is there, as after a mere kill
	torn    fate = "torn"    // of each there is all, nothing, some sectors, or rubbish
)

var fates = []fate{lost, reached, torn}

// sector is what a disk writes wholly or not at all, unless it writes rubbish.
const sector = 512

// image is the folder's files as a power cut after so many requests leaves them.
func (d *disk) image(before map[string][]byte, n int, f fate, chance *rand.Rand) map[string][]byte {
	files := make(map[string][]byte)
	for name, content := range before {
		files[name] = slices.Clone(content)
	}
	safe := d.safe(n)
	for i, o := range d.ops[:n] {
		if safe(i, o) {
			o.on(files)
		} else {
			o.meets(f, files, chance)
		}
	}
	return files
}

// safe tells of each of the first n requests whether a sync has followed that makes
// it outlast the power. The first sync of a journal or log that was just made
// syncs the folder with it, which makes what was deleted before stay so.
func (d *disk) safe(n int) func(i int, o op) bool {
	lastSync, old, folder := make(map[string]int), make(map[string]bool), 0
	for i, o := range d.ops[:n] {
		switch o.kind {
		case synced:
			if !old[o.file] && filepath.Ext(o.file) != ".db" {
				folder = i
			}
			lastSync[o.file], old[o.file] = i, true
		case deleted:
			old[o.file] = false
		}
	}
	return func(i int, o op) bool { return i < lastSync[o.file] || o.kind == deleted && i < folder }
}

// on carries a request out.
func (o op) on(files map[string][]byte) {
	switch content := files[o.file]; o.kind {
	case written:
		end := int(o.at) + len(o.data)
		if end > len(content) {
			content = append(content, make([]byte, end-len(content))...)
		}
		copy(content[o.at:], o.data)
		files[o.file] = content
	case shortened:
		files[o.file] = content[:min(int(o.at), len(content))]
	case deleted:
		delete(files, o.file)
	}
}

// meets carries out what a fate leaves of a request that was not synced.
func (o op) meets(f fate, files map[string][]byte, chance *rand.Rand) {
	switch {
	case f == lost:
	case f == reached, chance.IntN(3) == 0:
		o.on(files)
	case o.kind != written || chance.IntN(2) == 0:
	default:
		o.tear(files, chance)
	}
}

// tear writes some sectors of a write, and rubbish to some.
func (o op) tear(files map[string][]byte, chance *rand.Rand) {
	for from := 0; from < len(o.data); from += sector {
		part := op{kind: written, file: o.file, at: o.at + int64(from), data: slices.Clone(o.data[from:min(from+sector, len(o.data))])}
		switch chance.IntN(3) {
		case 0:
			part.on(files)
		case 1:
			for i := range part.data {
				part.data[i] = byte(chance.Uint32())
			}
			part.on(files)
		}
	}
}
