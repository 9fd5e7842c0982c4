package keys_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/engine/memory"
	"holdfast/keys"
)

// shelf is a store that counts its reads, and fails them while it is out.
type shelf struct {
	keys.Store
	reads atomic.Int32
	out   atomic.Pointer[error]
}

func (s *shelf) List(ctx context.Context) ([]keys.Key, error) {
	s.reads.Add(1)
	if err := s.out.Load(); err != nil {
		return nil, *err
	}
	return s.Store.List(ctx)
}

func newRing() (*keys.Ring, *shelf) {
	s := &shelf{Store: memory.New().Keys}
	return &keys.Ring{Store: s, Now: time.Now}, s
}

// create makes a key and stores it; the answer is its secret.
func create(t *testing.T, s keys.Store, name string, scopes ...keys.Scope) string {
	t.Helper()
	k, secret := newKey(t, name, scopes...)
	if err := s.Create(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	return secret
}

func revoke(t *testing.T, s keys.Store, name string) {
	t.Helper()
	if err := s.Revoke(t.Context(), name, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// unknown looks like a secret, so that a ring has the store read again for it.
var unknown = "hf_" + strings.Repeat("A", 43)

// wantFound wants the secret to be that key's; nobody's if name is empty.
func wantFound(t *testing.T, r *keys.Ring, secret, name string) {
	t.Helper()
	k, ok, err := r.Find(t.Context(), secret)
	if err != nil || ok != (name != "") || k.Name != name {
		t.Errorf("found %q, %t, %v; want %q", k.Name, ok, err, name)
	}
}

func TestASecretFindsItsOwnKeyAndNoOtherTextDoes(t *testing.T) {
	r, s := newRing()
	shop, desk := create(t, s, "shop", keys.Orders), create(t, s, "desk", keys.Ops)
	wantFound(t, r, shop, "shop")
	wantFound(t, r, desk, "desk")
	if k, _, _ := r.Find(t.Context(), desk); !k.Has(keys.Ops) || k.Has(keys.Orders) {
		t.Errorf("the key found opens %v", k.Scopes)
	}
	hash := hashOf(t, s, "shop")
	for _, wrong := range []string{
		"", "hf_", shop[:len(shop)-1], shop[1:], shop + "A", shop + "\n", " " + shop, shop + desk, "shop", hash,
		strings.ToUpper(shop), strings.ToLower(shop), strings.TrimPrefix(shop, "hf_"), "HF_" + strings.TrimPrefix(shop, "hf_"),
	} {
		wantFound(t, r, wrong, "")
	}
}

// hashOf is what the store has of a key, as text: who reads the store can use
// nothing of it.
func hashOf(t *testing.T, s keys.Store, name string) string {
	t.Helper()
	all, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if k.Name == name {
			return string(k.Hash[:])
		}
	}
	t.Fatalf("no key %q", name)
	return ""
}

func TestANewKeyIsKnownAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRing()
		wantFound(t, r, create(t, s, "first", keys.Orders), "first")
		second := create(t, s, "second", keys.Orders)
		wantFound(t, r, second, "second")
	})
}

func TestARevokedKeyIsRefusedASecondLaterAtTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRing()
		secret := create(t, s, "shop", keys.Orders)
		for range 3 { // whenever within a second it was last read
			time.Sleep(300 * time.Millisecond)
			wantFound(t, r, secret, "shop")
		}
		revoke(t, s, "shop")
		time.Sleep(time.Second)
		wantFound(t, r, secret, "")
		again := create(t, s, "shop", keys.Orders)
		wantFound(t, r, secret, "")
		wantFound(t, r, again, "shop")
	})
}

func TestAClockThatGoesBackKeepsNoRevokedKeyGood(t *testing.T) {
	r, s := newRing()
	now := morning
	r.Now = func() time.Time { return now }
	secret := create(t, s, "shop", keys.Orders)
	wantFound(t, r, secret, "shop")
	revoke(t, s, "shop")
	now = now.Add(-time.Hour)
	wantFound(t, r, secret, "")
}

func TestAGoodKeyCostsOneReadASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRing()
		secret := create(t, s, "shop", keys.Orders)
		for range 100 {
			wantFound(t, r, secret, "shop")
			time.Sleep(9 * time.Millisecond)
		}
		if n := s.reads.Load(); n != 1 {
			t.Errorf("a hundred requests within a second read the store %d times", n)
		}
	})
}

func TestAStoreThatIsOutIsAnErrorAndNeverAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRing()
		secret := create(t, s, "shop", keys.Orders)
		wantFound(t, r, secret, "shop")
		out := errors.New("the disk is gone")
		s.out.Store(&out)
		wantFound(t, r, secret, "shop") // read a moment ago
		for _, wait := range []time.Duration{time.Second, time.Hour} {
			time.Sleep(wait)
			for _, secret := range []string{secret, unknown} {
				if k, ok, err := r.Find(t.Context(), secret); ok || !errors.Is(err, out) || k.Name != "" {
					t.Errorf("found %q, %t, %v; want the store's error", k.Name, ok, err)
				}
			}
		}
		s.out.Store(nil)
		wantFound(t, r, secret, "shop")
		wantFound(t, r, "wrong", "")
	})
}

func TestManyMayAskARingWhileKeysComeAndGo(t *testing.T) {
	r, s := newRing()
	steady := create(t, s, "steady", keys.Orders)
	var wg sync.WaitGroup
	for i := range 8 {
		k, secret := newKey(t, fmt.Sprint("key-", i), keys.Inventory)
		wg.Go(func() {
			for range 20 {
				if err := s.Create(t.Context(), k); err != nil {
					t.Errorf("Create: %v", err)
				}
				wantFound(t, r, secret, k.Name)
				wantFound(t, r, steady, "steady")
				if err := s.Revoke(t.Context(), k.Name, morning); err != nil {
					t.Errorf("Revoke: %v", err)
				}
				wantFound(t, r, unknown, "")
				wantFound(t, r, secret, "") // the unknown secret had the store read again
			}
		})
	}
	wg.Wait()
}
