package keys

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"sync"
	"time"
)

// freshness is how long a Ring trusts what it has read: a revoked key is refused
// that much later at the latest.
const freshness = time.Second

// Ring tells whose a secret is. Its methods may be called concurrently.
type Ring struct {
	Store Store
	Now   func() time.Time

	mu     sync.Mutex
	good   []Key
	readAt time.Time
}

// Find returns the key that the secret belongs to; false if it is no good key's.
// It fails as Store.List does. A key that was just made is known at once.
func (r *Ring) Find(ctx context.Context, secret string) (Key, bool, error) {
	if len(secret) != secretLen || !strings.HasPrefix(secret, secretPrefix) {
		return Key{}, false, nil // not worth a look at the store
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	hash := sha256.Sum256([]byte(secret))
	if now := r.Now(); now.Sub(r.readAt).Abs() < freshness {
		if k, ok := r.match(hash); ok {
			return k, true, nil
		}
	}
	if err := r.read(ctx); err != nil {
		return Key{}, false, err
	}
	k, ok := r.match(hash)
	return k, ok, nil
}

func (r *Ring) read(ctx context.Context) error {
	all, err := r.Store.List(ctx)
	if err != nil {
		return err
	}
	r.good, r.readAt = r.good[:0], r.Now()
	for _, k := range all {
		if k.RevokedAt.IsZero() {
			r.good = append(r.good, k)
		}
	}
	return nil
}

// match compares the hash with every key's, each in constant time.
func (r *Ring) match(hash [32]byte) (found Key, ok bool) {
	for _, k := range r.good {
		if subtle.ConstantTimeCompare(k.Hash[:], hash[:]) == 1 {
			found, ok = k, true
		}
	}
	return found, ok
}
