package enginetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/keys"
)

var keyTests = []storeTest{
	{"Create keeps every field of a key", keyKeepsEveryField},
	{"Create says Conflict of a name that is there, and changes nothing", keyNameTaken},
	{"Create takes the name of a revoked key, and List keeps both", keyNameReused},
	{"Create keeps any name and scopes that a key can have", keyAnyName},
	{"Revoke ends the key of its name as of the time given, and no other", keyRevoked},
	{"Revoke says NotFound of an unknown name and of a revoked key", keyRevokeUnknown},
	{"List returns all keys in ascending bytes of name and CreatedAt", listKeys},
	{"keys keep their times to the millisecond", keyTimes},
}

var keyRaceTests = []storeTest{
	{"one name taken by many at once is one key", raceCreateKey},
	{"one key revoked by many at once is revoked once", raceRevokeKey},
}

var keyWrites = []write{
	{
		name:    "keys.Store.Create",
		call:    func(ctx context.Context, e *engine.Engine) error { return e.Keys.Create(ctx, newKey("shop", 1)) },
		written: func(t *testing.T, e *engine.Engine) bool { return len(allKeys(t, e)) == 1 },
		again:   event.Conflict,
		right: func(t *testing.T, e *engine.Engine) {
			wantSame(t, "keys", allKeys(t, e), []keys.Key{newKey("shop", 1)})
		},
	},
	{
		name:    "keys.Store.Revoke",
		prepare: func(t *testing.T, e *engine.Engine) { createKeys(t, e, newKey("shop", 1), newKey("desk", 2)) },
		call:    func(ctx context.Context, e *engine.Engine) error { return e.Keys.Revoke(ctx, "shop", after(9)) },
		written: func(t *testing.T, e *engine.Engine) bool { return !allKeys(t, e)[1].RevokedAt.IsZero() },
		again:   event.NotFound,
		right: func(t *testing.T, e *engine.Engine) {
			wantSame(t, "keys", allKeys(t, e), []keys.Key{newKey("desk", 2), revokedAt(newKey("shop", 1), 9)})
		},
	},
}

// newKey is a key made some seconds after start, whose hash is its own.
func newKey(name string, seconds int) keys.Key {
	return keys.Key{Name: name, Scopes: []keys.Scope{keys.Orders, keys.Ops}, Hash: sha256.Sum256(fmt.Append(nil, name, seconds)), CreatedAt: after(seconds)}
}

func revokedAt(k keys.Key, seconds int) keys.Key {
	k.RevokedAt = after(seconds)
	return k
}

func createKeys(t *testing.T, e *engine.Engine, all ...keys.Key) {
	t.Helper()
	for _, k := range all {
		wantNoError(t, e.Keys.Create(t.Context(), k))
	}
}

func allKeys(t *testing.T, e *engine.Engine) []keys.Key {
	t.Helper()
	return must(e.Keys.List(t.Context()))(t)
}

func keyKeepsEveryField(t *testing.T, e *engine.Engine) {
	if all := allKeys(t, e); len(all) != 0 {
		t.Errorf("an empty store has %+v", all)
	}
	k, _, err := keys.New("web-shop_2.eu", []keys.Scope{keys.Ops, keys.Inventory}, after(3))
	wantNoError(t, err)
	createKeys(t, e, k)
	wantSame(t, "keys", allKeys(t, e), []keys.Key{k})
	if got := allKeys(t, e)[0]; !got.Has(keys.Ops) || !got.Has(keys.Inventory) || got.Has(keys.Orders) {
		t.Errorf("the key opens %v", got.Scopes)
	}
}

func keyNameTaken(t *testing.T, e *engine.Engine) {
	first := newKey("shop", 1)
	createKeys(t, e, first)
	second := newKey("shop", 2)
	second.Scopes = []keys.Scope{keys.Inventory}
	wantCode(t, "Create of a name that is there", e.Keys.Create(t.Context(), second), event.Conflict)
	wantCode(t, "Create of the very same key", e.Keys.Create(t.Context(), first), event.Conflict)
	wantSame(t, "keys", allKeys(t, e), []keys.Key{first})
}

func keyNameReused(t *testing.T, e *engine.Engine) {
	for n := 1; n <= 3; n++ {
		createKeys(t, e, newKey("shop", 10*n))
		wantNoError(t, e.Keys.Revoke(t.Context(), "shop", after(10*n+5)))
	}
	last := newKey("shop", 40)
	createKeys(t, e, last)
	wantCode(t, "Create beside it", e.Keys.Create(t.Context(), newKey("shop", 50)), event.Conflict)
	wantSame(t, "keys", allKeys(t, e), []keys.Key{
		revokedAt(newKey("shop", 10), 15), revokedAt(newKey("shop", 20), 25), revokedAt(newKey("shop", 30), 35), last,
	})
}

func keyAnyName(t *testing.T, e *engine.Engine) {
	for i, scopes := range [][]keys.Scope{{keys.Orders}, {keys.Inventory}, {keys.Ops}, keys.Scopes} {
		for _, name := range []string{"0", "..", "-", "_", "A.b-C_9", "select", "NULL"} {
			k, _, err := keys.New(fmt.Sprint(name, i), scopes, after(i))
			wantNoError(t, err)
			createKeys(t, e, k)
			found := false
			for _, got := range allKeys(t, e) {
				if got.Name == k.Name {
					found = true
					wantSame(t, "key", got, k)
				}
			}
			if !found {
				t.Errorf("no key %q is listed", k.Name)
			}
		}
	}
}

func keyRevoked(t *testing.T, e *engine.Engine) {
	createKeys(t, e, newKey("shop", 1), newKey("Shop", 1), newKey("shop2", 1))
	wantNoError(t, e.Keys.Revoke(t.Context(), "shop", after(5)))
	wantSame(t, "keys", allKeys(t, e), []keys.Key{newKey("Shop", 1), revokedAt(newKey("shop", 1), 5), newKey("shop2", 1)})
}

func keyRevokeUnknown(t *testing.T, e *engine.Engine) {
	createKeys(t, e, newKey("shop", 1))
	for _, name := range []string{"desk", "SHOP", "", "sho"} {
		wantCode(t, "Revoke of "+name, e.Keys.Revoke(t.Context(), name, after(5)), event.NotFound)
	}
	wantNoError(t, e.Keys.Revoke(t.Context(), "shop", after(6)))
	wantCode(t, "Revoke again", e.Keys.Revoke(t.Context(), "shop", after(7)), event.NotFound)
	wantSame(t, "keys", allKeys(t, e), []keys.Key{revokedAt(newKey("shop", 1), 6)})
}

func listKeys(t *testing.T, e *engine.Engine) {
	createKeys(t, e, newKey("b", 20))
	wantNoError(t, e.Keys.Revoke(t.Context(), "b", after(30)))
	createKeys(t, e, newKey("b", 10), newKey("a", 50), newKey("B", 40), newKey("a.b", 3), newKey("a-b", 2), newKey("_", 1))
	wantSame(t, "keys", allKeys(t, e), []keys.Key{
		newKey("B", 40), newKey("_", 1), newKey("a", 50), newKey("a-b", 2), newKey("a.b", 3), newKey("b", 10), revokedAt(newKey("b", 20), 30),
	})
}

func keyTimes(t *testing.T, e *engine.Engine) {
	exact := start.Add(999*time.Microsecond + 999)
	k := newKey("shop", 0)
	k.CreatedAt = exact.In(time.FixedZone("", 3600))
	createKeys(t, e, k)
	wantNoError(t, e.Keys.Revoke(t.Context(), "shop", exact.Add(time.Millisecond)))
	got := allKeys(t, e)[0]
	wantSame(t, "made at", got.CreatedAt.Truncate(time.Millisecond), start)
	wantSame(t, "revoked at", got.RevokedAt.Truncate(time.Millisecond), start.Add(time.Millisecond))
}

func raceCreateKey(t *testing.T, e *engine.Engine) {
	for round := range 5 {
		var won atomic.Int32
		name := fmt.Sprint("shop-", round)
		inParallel(t, 20, func(i int) error {
			err := e.Keys.Create(t.Context(), newKey(name, i+1))
			if errors.Is(err, event.Conflict) {
				return nil
			}
			won.Store(int32(i + 1))
			return err
		})
		all := allKeys(t, e)
		if len(all) != round+1 {
			t.Fatalf("%d keys of %d names", len(all), round+1)
		}
		wantSame(t, "the key", all[round], newKey(name, int(won.Load())))
	}
}

func raceRevokeKey(t *testing.T, e *engine.Engine) {
	createKeys(t, e, newKey("shop", 1))
	var won atomic.Int32
	inParallel(t, 20, func(i int) error {
		err := e.Keys.Revoke(t.Context(), "shop", after(10+i))
		if errors.Is(err, event.NotFound) {
			return nil
		}
		if !won.CompareAndSwap(0, int32(10+i)) {
			t.Error("one key was revoked twice")
		}
		return err
	})
	wantSame(t, "keys", allKeys(t, e), []keys.Key{revokedAt(newKey("shop", 1), int(won.Load()))})
}
