// Package keys is who may use the API, and for what. A key is a name, the scopes
// it opens, and a secret of 256 random bits that is shown once: what is stored is
// its SHA-256. Whoever sends the secret is, to the order service, the caller of
// that name.
package keys

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/event"
)

// Scope is what a key opens.
type Scope string

// The scopes.
const (
	Orders    Scope = "orders"    // place orders, and see, cancel and refund one's own
	Inventory Scope = "inventory" // see and count stock
	Ops       Scope = "ops"       // see everything, cancel and refund any order, deal with queues and the gateway
)

// Scopes lists the scopes.
var Scopes = []Scope{Orders, Inventory, Ops}

// Local is the caller of requests without a key. No key can have its name.
const Local = "local"

// Key is an API key without its secret.
type Key struct {
	Name      string
	Scopes    []Scope  // at least one, in the order of Scopes
	Hash      [32]byte // SHA-256 of the secret
	CreatedAt time.Time
	RevokedAt time.Time // zero while the key is good
}

// Has reports whether the key opens the scope.
func (k Key) Has(s Scope) bool { return slices.Contains(k.Scopes, s) }

// Store is where keys are kept. Each write is durable when it returns. Times are
// kept to the millisecond. All methods may be called concurrently, by several
// processes too, see every write that returned before them, and fail with
// event.Unavailable when the store cannot be used now.
type Store interface {
	// Create stores a key, or says Conflict if one of its name is there and not
	// revoked.
	Create(ctx context.Context, k Key) error

	// List returns all keys, revoked ones too, in ascending order of name (byte by
	// byte) and CreatedAt.
	List(ctx context.Context) ([]Key, error)

	// Revoke ends the key of this name as of the time given, or says NotFound if
	// there is none that is not revoked.
	Revoke(ctx context.Context, name string, at time.Time) error
}

// secretPrefix begins every secret, so that one can be told from other tokens
// wherever it turns up.
const secretPrefix = "hf_"

const secretBytes = 32

var secretLen = len(secretPrefix) + base64.RawURLEncoding.EncodedLen(secretBytes)

// New makes a key and its secret. It fails with Invalid for a name or scopes that
// no key can have.
func New(name string, scopes []Scope, now time.Time) (k Key, secret string, err error) {
	if !event.ValidName(name) || name == Local {
		return Key{}, "", event.Errorf(event.Invalid, "a key cannot be named %q: names match %s, and %q is the caller of requests without a key", name, event.NamePattern, Local)
	}
	if len(scopes) == 0 {
		return Key{}, "", event.Errorf(event.Invalid, "a key needs a scope; there are %s", words(Scopes))
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes, s) {
			return Key{}, "", event.Errorf(event.Invalid, "there is no scope %q; there are %s", s, words(Scopes))
		}
	}
	random := make([]byte, secretBytes)
	rand.Read(random) // never fails, see crypto/rand
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(random)
	k = Key{Name: name, Hash: sha256.Sum256([]byte(secret)), CreatedAt: now}
	for _, s := range Scopes {
		if slices.Contains(scopes, s) {
			k.Scopes = append(k.Scopes, s)
		}
	}
	return k, secret, nil
}

func words(scopes []Scope) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(scopes)), ", "), "[]")
}
