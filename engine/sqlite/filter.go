package sqlite

import (
	"context"
	"math"

	"zombiezen.com/go/sqlite"
)

// filterBits is the size of the filter, 8 MB. With 5 million orders it is wrong about
// one new id in a hundred, with 20 million about one in four.
const filterBits = 1 << 26

// filter tells which hashes are surely not in orders_by_id: a Bloom filter, four bits
// a hash (https://en.wikipedia.org/wiki/Bloom_filter). An order that is new, as nearly
// all are, then needs no look into a table whose pages are in no cache.
type filter struct {
	words    []uint64 // nil while there is nothing in it
	complete bool     // whether every hash of the table is in
}

// bitsOf are the four bits of a hash, all in one line of the processor's cache.
func bitsOf(hash int64) (at [4]uint64) {
	const line = 512
	h := uint64(hash)
	first := h % (filterBits / line) * line
	for i := range at {
		h >>= 11
		at[i] = first + h>>8%line
	}
	return at
}

// add puts a hash in. A nil filter takes none.
func (f *filter) add(hash int64) {
	switch {
	case f == nil:
		return
	case f.words == nil:
		f.words = make([]uint64, filterBits/64)
	}
	for _, b := range bitsOf(hash) {
		f.words[b/64] |= 1 << (b % 64)
	}
}

// lacks reports whether the table surely has no such hash. A nil filter knows nothing.
func (f *filter) lacks(hash int64) bool {
	switch {
	case f == nil || !f.complete:
		return false
	case f.words == nil:
		return true
	}
	for _, b := range bitsOf(hash) {
		if f.words[b/64]&(1<<(b%64)) == 0 {
			return true
		}
	}
	return false
}

// filterBatch is how many hashes go into the filter at a time: others wait so long.
const filterBatch = 1024

// fillFilter reads the table into the filter, until ctx ends.
func (s orders) fillFilter(ctx context.Context) {
	after, n := int64(math.MinInt64), filterBatch
	for n == filterBatch && ctx.Err() == nil {
		err := s.db.view(ctx, func(conn *sqlite.Conn) error {
			found, err := numbers(conn, "SELECT DISTINCT hash FROM orders_by_id WHERE hash > ? ORDER BY hash LIMIT ?", func(s *statement) { s.integer(after).integer(filterBatch) })
			if n = len(found); n > 0 {
				after = found[n-1]
			}
			s.lookups.mu.Lock()
			defer s.lookups.mu.Unlock()
			for _, h := range found {
				s.lookups.filter.add(h)
			}
			return err
		})
		if err != nil {
			return // the table itself is asked, as long as it can be
		}
	}
	s.lookups.mu.Lock()
	defer s.lookups.mu.Unlock()
	if f := s.lookups.filter; f != nil && ctx.Err() == nil {
		if f.words != nil {
			f.add(math.MinInt64) // which the query leaves out
		}
		f.complete = true
	}
}
