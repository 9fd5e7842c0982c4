package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// post is a request that takes ten milliseconds; it notes how many entries each
// had, and fails the entries that say so.
type post struct {
	mu    sync.Mutex
	sizes []int
}

var errEntry = errors.New("entry refused")

func (p *post) request(_ context.Context, entries []string) []error {
	p.mu.Lock()
	p.sizes = append(p.sizes, len(entries))
	p.mu.Unlock()
	time.Sleep(10 * time.Millisecond)
	errs := make([]error, len(entries))
	for i, e := range entries {
		if e == "bad" {
			errs[i] = errEntry
		}
	}
	return errs
}

func newTestBatcher(p *post) *batcher[string] {
	return &batcher[string]{post: p.request, entries: 10, bytes: 100, weigh: func(s string) int { return len(s) }, flights: 4}
}

func TestALoneEntryGoesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p post
		b := newTestBatcher(&p)
		began := time.Now()
		if errs, err := b.do(t.Context(), []string{"a"}); err != nil || errs[0] != nil || time.Since(began) != 10*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestEntriesOfManyShareRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p post
		b := newTestBatcher(&p)
		var wg sync.WaitGroup
		for i := range 51 {
			wg.Go(func() {
				if errs, err := b.do(t.Context(), []string{fmt.Sprint(i)}); err != nil || errs[0] != nil {
					t.Error(errs, err)
				}
			})
		}
		wg.Wait()
		slices.Sort(p.sizes)
		if !slices.Equal(p.sizes, []int{1, 10, 10, 10, 10, 10}) {
			t.Errorf("requests of %v entries", p.sizes)
		}
	})
}

func TestNoRequestIsOverItsBytesUnlessAnEntryIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p post
		b := newTestBatcher(&p)
		long, over := string(make([]byte, 45)), string(make([]byte, 120))
		if _, err := b.do(t.Context(), []string{over, long, long, long}); err != nil {
			t.Error(err)
		}
		slices.Sort(p.sizes)
		if !slices.Equal(p.sizes, []int{1, 1, 2}) {
			t.Errorf("requests of %v entries", p.sizes)
		}
	})
}

func TestAnEntryThatFailsFailsItsCallerOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p post
		b := newTestBatcher(&p)
		var wg sync.WaitGroup
		for _, e := range []string{"good", "bad", "fine"} {
			wg.Go(func() {
				if errs, err := b.do(t.Context(), []string{e}); err != nil || errors.Is(errs[0], errEntry) != (e == "bad") {
					t.Errorf("%s: %v, %v", e, errs, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestACallerThatLeavesLeavesItsEntriesToBePosted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p post
		b := newTestBatcher(&p)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := b.do(ctx, []string{"a"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(p.sizes) != 1 || b.underway != 0 {
			t.Errorf("requests of %v entries, %d under way", p.sizes, b.underway)
		}
	})
}
