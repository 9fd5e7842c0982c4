package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"holdfast/event"
	"holdfast/keys"
)

// keyStore is keys.Store.
type keyStore struct{ *core }

func (s keyStore) Create(ctx context.Context, k keys.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	taken := false
	err := s.write(func() {
		if taken = s.good(k.Name) >= 0; !taken {
			s.Keys = append(s.Keys, unsharedKey(k))
		}
	})
	if err == nil && taken {
		return event.Errorf(event.Conflict, "there is a key named %q", k.Name)
	}
	return err
}

func (s keyStore) Revoke(ctx context.Context, name string, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	found := -1
	err := s.write(func() {
		if found = s.good(name); found >= 0 {
			s.Keys[found].RevokedAt = at
		}
	})
	if err == nil && found < 0 {
		return event.Errorf(event.NotFound, "there is no good key named %q", name)
	}
	return err
}

// good is the index of the key of this name that is not revoked, -1 if there is
// none. The caller holds the lock.
func (s keyStore) good(name string) int {
	return slices.IndexFunc(s.Keys, func(k keys.Key) bool { return k.Name == name && k.RevokedAt.IsZero() })
}

func (s keyStore) List(ctx context.Context) (all []keys.Key, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.read(func() {
		for _, k := range s.Keys {
			all = append(all, unsharedKey(k))
		}
	})
	slices.SortStableFunc(all, func(a, b keys.Key) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), a.CreatedAt.Compare(b.CreatedAt))
	})
	return all, nil
}

func unsharedKey(k keys.Key) keys.Key {
	k.Scopes = slices.Clone(k.Scopes)
	return k
}
