package keys_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/keys"
)

var morning = time.Date(2026, 11, 23, 9, 0, 0, 5e6, time.UTC)

// newKey makes a key that must be a good one.
func newKey(t *testing.T, name string, scopes ...keys.Scope) (keys.Key, string) {
	t.Helper()
	k, secret, err := keys.New(name, scopes, morning)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func TestASecretIs256RandomBitsUnderAPrefix(t *testing.T) {
	seen := make(map[string]bool)
	var everSet, everClear [32]byte
	for range 200 {
		_, secret := newKey(t, "shop", keys.Orders)
		text, ok := strings.CutPrefix(secret, "hf_")
		bits, err := base64.RawURLEncoding.DecodeString(text)
		if !ok || err != nil || len(bits) != 32 || seen[secret] {
			t.Fatalf("the secret %q has %d bytes, %v; seen before: %t", secret, len(bits), err, seen[secret])
		}
		seen[secret] = true
		for i, b := range bits {
			everSet[i] |= b
			everClear[i] |= ^b
		}
	}
	// Of 200 fair bits all are alike once in 2^199 times.
	for i := range everSet {
		if everSet[i] != 0xff || everClear[i] != 0xff {
			t.Errorf("byte %d has bits that never change", i)
		}
	}
}

func TestAKeyKeepsTheHashOfItsSecretAndNothingElseOfIt(t *testing.T) {
	k, secret := newKey(t, "shop", keys.Ops, keys.Orders, keys.Ops)
	want := keys.Key{Name: "shop", Scopes: []keys.Scope{keys.Orders, keys.Ops}, Hash: sha256.Sum256([]byte(secret)), CreatedAt: morning}
	if !reflect.DeepEqual(k, want) {
		t.Errorf("made %+v, want %+v", k, want)
	}
}

func TestAKeyOpensItsScopesOnly(t *testing.T) {
	k, _ := newKey(t, "shop", keys.Inventory, keys.Orders)
	for scope, want := range map[keys.Scope]bool{keys.Orders: true, keys.Inventory: true, keys.Ops: false, "": false} {
		if k.Has(scope) != want {
			t.Errorf("opens %q: want %t", scope, want)
		}
	}
}

func TestNamesAndScopesHaveBounds(t *testing.T) {
	all := []keys.Scope{keys.Orders, keys.Inventory, keys.Ops}
	for _, c := range []struct {
		name   string
		scopes []keys.Scope
		says   string // empty: it is a good key
	}{
		{"s", all, ""},
		{strings.Repeat("s", 64), all[:1], ""},
		{"web-shop_2.eu", all[1:], ""},
		{"LOCAL", all, ""},
		{"", all, "cannot be named"},
		{strings.Repeat("s", 65), all, "cannot be named"},
		{"web shop", all, "cannot be named"},
		{"web\n", all, "cannot be named"},
		{"local", all, "the caller of requests without a key"},
		{"shop", nil, "needs a scope; there are orders, inventory, ops"},
		{"shop", []keys.Scope{keys.Orders, "admin"}, `no scope "admin"; there are orders, inventory, ops`},
		{"shop", []keys.Scope{""}, `no scope ""`},
		{"shop", []keys.Scope{"Orders"}, `no scope "Orders"`},
	} {
		k, secret, err := keys.New(c.name, c.scopes, morning)
		if c.says == "" {
			if err != nil || secret == "" {
				t.Errorf("%q with %v: %v", c.name, c.scopes, err)
			}
			continue
		}
		if !errors.Is(err, event.Invalid) || !strings.Contains(err.Error(), c.says) || secret != "" || k.Name != "" {
			t.Errorf("%q with %v: made %q, %v; want Invalid that says %q", c.name, c.scopes, k.Name, err, c.says)
		}
	}
}
