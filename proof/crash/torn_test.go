package crash_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	embedded "holdfast/engine/sqlite"
	"holdfast/event"
)

// records is how many commits a log has before it is torn.
const records = 6

// tears are what a power cut makes of a log whose bytes from some place on were
// being written.
var tears = []struct {
	name string
	tear func(log []byte, from int) []byte
}{
	{"cut off", func(log []byte, from int) []byte { return log[:from] }},
	{"zeroed", func(log []byte, from int) []byte {
		clear(log[from:])
		return log
	}},
	{"rubbish", func(log []byte, from int) []byte {
		chance := rand.New(rand.NewPCG(uint64(from), 0))
		for i := from; i < len(log); i++ {
			log[i] ^= byte(1 + chance.IntN(255))
		}
		return log
	}},
	{"one byte wrong", func(log []byte, from int) []byte {
		log[from] ^= 0x40
		return log
	}},
}

// everyByte is how many bytes there are from one that is torn at to the next.
func everyByte() int { return *every * *every }

// TestEveryTornLogKeepsWhatWasCommittedBefore tears each store's log at every byte
// of its last two frames, in one way after another.
func TestEveryTornLogKeepsWhatWasCommittedBefore(t *testing.T) {
	empty := setUp(t)
	for file, store := range stores {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, empty)
			grown := grow(t, dir, file)
			log := file + "-wal"
			last := grown.files[records-1]
			from, end := lastTwoFrames(t, last[log])
			for n := 0; from < end; n++ {
				way := tears[n%len(tears)]
				image := withFile(last, log, way.tear(slices.Clone(last[log]), from))
				want := grown.committed(log, from)
				if err := holds(t, image, store, want); err != nil {
					t.Fatalf("%s from byte %d of %d on, %d records before: %v", way.name, from, end, want, err)
				}
				from += everyByte()
			}
		})
	}
}

// grown is a folder as it was after each commit of a store.
type grown struct{ files []map[string][]byte }

// grow makes a record a commit, and moves the first ones into the file.
func grow(t *testing.T, dir, file string) grown {
	t.Helper()
	s := stores[file]
	e, err := embedded.Open(embedded.Options{Dir: dir, Services: []event.Service{s.service}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var g grown
	for n := range records {
		if n == records/2 {
			checkpoint(t, dir, file)
		}
		if err := s.commit(e, n+1); err != nil {
			t.Fatal(err)
		}
		g.files = append(g.files, contents(t, dir))
	}
	return g
}

// committed is how many records the first bytes of the last log hold, with those
// that are in the file.
func (g grown) committed(log string, bytes int) int {
	for n := records; n > records/2; n-- {
		if liveEnd(g.files[n-1][log]) <= bytes {
			return n
		}
	}
	return records / 2
}

// The layout of a log (https://sqlite.org/fileformat.html#walformat).
const (
	logHeader   = 32
	frameHeader = 24
)

func frameSize(log []byte) int { return frameHeader + int(binary.BigEndian.Uint32(log[8:])) }

// liveEnd is where the last frame ends that is of the log's present run: one that
// was begun anew after a checkpoint still has older frames behind its own, of
// another salt.
func liveEnd(log []byte) int {
	end := logHeader
	for end+frameSize(log) <= len(log) && string(log[end+8:end+16]) == string(log[16:24]) {
		end += frameSize(log)
	}
	return end
}

// lastTwoFrames is where the last two frames begin and end.
func lastTwoFrames(t *testing.T, log []byte) (from, end int) {
	t.Helper()
	end = liveEnd(log)
	from = end - 2*frameSize(log)
	if from < logHeader {
		t.Fatalf("%d bytes of the log are in use, too few for two frames", end)
	}
	return from, end
}

func withFile(files map[string][]byte, name string, content []byte) map[string][]byte {
	image := make(map[string][]byte)
	for other, is := range files {
		image[other] = is
	}
	image[name] = content
	return image
}

// holds opens what is left and compares it with how many records there must be;
// then it must take another one.
func holds(t *testing.T, image map[string][]byte, s kept, want int) (err error) {
	t.Helper()
	dir := folder(t)
	restore(t, dir, image)
	e, err := embedded.Open(embedded.Options{Dir: dir, Services: []event.Service{s.service}, Shared: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if n, err := s.count(e); n != want || err != nil {
		return fmt.Errorf("%d records, %v", n, err)
	}
	if err := s.commit(e, want+1); err != nil {
		return err
	}
	for name := range stores {
		if stores[name].service == s.service {
			err = errors.Join(err, checkIntegrity(filepath.Join(dir, name)))
		}
	}
	return err
}

// TestEveryTornCheckpointKeepsEverything tears the file where the log was being
// moved into it: pages of before, of after and half written, while the log is
// whole.
func TestEveryTornCheckpointKeepsEverything(t *testing.T) {
	empty := setUp(t)
	for file, store := range stores {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, empty)
			grown := grow(t, dir, file)
			last := grown.files[records-1]
			checkpoint(t, dir, file)
			before, after := last[file], contents(t, dir)[file]
			for from := 0; from < len(after); from += 8 * everyByte() {
				for name, torn := range map[string][]byte{
					"the first bytes": half(after, before, from),
					"the last bytes":  half(before, after, from),
					"half a page":     rubbishPage(after, before, from),
				} {
					if err := holds(t, withFile(last, file, torn), store, records); err != nil {
						t.Fatalf("moved into the file %s, at byte %d: %v", name, from, err)
					}
				}
			}
		})
	}
}

// half is the first bytes of one file and the rest of the other.
func half(first, rest []byte, n int) []byte {
	return slices.Concat(first[:min(n, len(first))], rest[min(n, len(rest)):])
}

// rubbishPage is the page at a place half written, if the log writes it; else the
// file as it was.
func rubbishPage(after, before []byte, at int) []byte {
	const page = 4096
	from := at - at%page
	torn := slices.Clone(before)
	if string(half(after[from:], nil, page)) == string(half(before[min(from, len(before)):], nil, page)) {
		return torn
	}
	for i := from; i < min(from+page/2, len(torn)); i++ {
		torn[i] = byte(i * 31)
	}
	return torn
}
