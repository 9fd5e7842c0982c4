package aws

import (
	"context"
	"sync"
)

// batcher puts the entries that many callers hand in into as few requests as it
// can: SQS takes ten entries a request and charges for the request. A lone entry
// goes at once; what comes while a request is under way waits for the next, unless
// it fills one.
type batcher[E any] struct {
	post    func(context.Context, []E) []error // one request; an error an entry, nil for none at all
	entries int                                // of one request at most
	bytes   int                                // of one request at most; a larger entry goes alone
	weigh   func(E) int                        // an entry's bytes
	flights int                                // requests under way at most

	mu       sync.Mutex
	waiting  []handedIn[E]
	underway int
}

// handedIn is an entry that waits for its request.
type handedIn[E any] struct {
	entry E
	done  func(error)
}

// do hands entries in and returns when each has been posted, with what went wrong
// with each. It fails when ctx ends first; the entries are posted all the same,
// unless it had ended before.
func (b *batcher[E]) do(ctx context.Context, entries []E) ([]error, error) {
	if err := ctx.Err(); err != nil || len(entries) == 0 {
		return nil, err
	}
	var posted sync.WaitGroup
	posted.Add(len(entries))
	errs := make([]error, len(entries))
	b.mu.Lock()
	for i, e := range entries {
		b.waiting = append(b.waiting, handedIn[E]{e, func(err error) { errs[i] = err; posted.Done() }})
	}
	b.launch(context.WithoutCancel(ctx))
	b.mu.Unlock()
	all := make(chan struct{})
	go func() { posted.Wait(); close(all) }()
	select {
	case <-all:
		return errs, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// launch starts the requests that can go now. The caller holds the lock.
func (b *batcher[E]) launch(ctx context.Context) {
	for b.underway < b.flights && len(b.waiting) > 0 {
		n, full := b.next()
		if !full && b.underway > 0 {
			return // more may come before the one under way is back
		}
		batch := b.waiting[:n:n]
		b.waiting = b.waiting[n:]
		b.underway++
		go b.fly(ctx, batch)
	}
}

// next is how many of the waiting entries go into one request, and whether they
// fill it. The caller holds the lock.
func (b *batcher[E]) next() (n int, full bool) {
	bytes := 0
	for n < len(b.waiting) {
		if bytes += b.weigh(b.waiting[n].entry); n == b.entries || n > 0 && bytes > b.bytes {
			return n, true
		}
		n++
	}
	return n, n == b.entries
}

// fly posts one request and tells those who wait for it.
func (b *batcher[E]) fly(ctx context.Context, batch []handedIn[E]) {
	entries := make([]E, len(batch))
	for i, w := range batch {
		entries[i] = w.entry
	}
	errs := b.post(ctx, entries)
	b.mu.Lock()
	b.underway--
	b.launch(ctx)
	b.mu.Unlock()
	for i, w := range batch {
		if errs == nil {
			w.done(nil)
		} else {
			w.done(errs[i])
		}
	}
}
