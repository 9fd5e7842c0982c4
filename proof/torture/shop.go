package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// shop is what the clients of one Holdfast share: where it is, what is on sale,
// what was ordered, and what was found wrong.
type shop struct {
	clock
	url     string
	orders  *atomic.Int64 // accepted in the whole run
	patient bool          // nothing but a restart heals: see episode

	mu       sync.Mutex
	bookings []*booking
	shelves  []*shelf // every SKU there was
	onSale   []*shelf
	blind    map[string]bool   // users whose only order may have been accepted without an answer
	poison   map[string]string // the queue of each message planted there, by id
	broken   []breach
}

// breach is something that Holdfast must never do, with the history that shows it,
// if one does.
type breach struct {
	what string
	of   *history
}

func (b breach) String() string {
	if b.of == nil {
		return b.what
	}
	return b.what + "\n" + b.of.String()
}

// breach notes one.
func (s *shop) breach(of *history, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = append(s.broken, breach{fmt.Sprintf(format, args...), of})
}

// breaches are all so far.
func (s *shop) breaches() []breach {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.broken)
}

// book notes an order before it is placed.
func (s *shop) book(b *booking) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bookings = append(s.bookings, b)
}

// recent is how many of the last orders clients look after.
const recent = 40

// pick chooses one of the last orders that is known by its id and whose history
// has room; nil if that one is not so.
func (s *shop) pick(rng *rand.Rand) *booking {
	s.mu.Lock()
	last := s.bookings[max(0, len(s.bookings)-recent):]
	s.mu.Unlock()
	if len(last) == 0 {
		return nil
	}
	b := last[rng.IntN(len(last))]
	if b.known() == "" || b.len() >= maxCalls {
		return nil
	}
	return b
}

// sku chooses one of those on sale, the first as often as all others together.
func (s *shop) sku(rng *rand.Rand) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rng.IntN(2) == 0 {
		return s.onSale[0].sku
	}
	return s.onSale[rng.IntN(len(s.onSale))].sku
}
