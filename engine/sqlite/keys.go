package sqlite

import (
	"context"
	"strings"
	"time"

	"holdfast/event"
	"holdfast/keys"

	"zombiezen.com/go/sqlite"
)

// keyStore is keys.Store over keys.db. A folder from before there were keys may
// be read without one: it lists none.
type keyStore struct{ db *database }

const (
	insertKey  = "INSERT INTO keys (hash, name, scopes, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING"
	revokeKey  = "UPDATE keys SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL"
	selectKeys = "SELECT hash, name, scopes, created_at, revoked_at FROM keys ORDER BY name, created_at"
)

func (s keyStore) Create(ctx context.Context, k keys.Key) error {
	created, err := s.write(ctx, insertKey, func(s *statement) {
		s.blob(k.Hash[:]).text(k.Name).text(joinScopes(k.Scopes)).integer(k.CreatedAt.UnixMilli())
	})
	if err == nil && !created {
		return event.Errorf(event.Conflict, "there is a key named %q", k.Name)
	}
	return err
}

func (s keyStore) Revoke(ctx context.Context, name string, at time.Time) error {
	revoked, err := s.write(ctx, revokeKey, func(s *statement) { s.integer(at.UnixMilli()).text(name) })
	if err == nil && !revoked {
		return event.Errorf(event.NotFound, "there is no good key named %q", name)
	}
	return err
}

// write runs one statement and reports whether it changed anything.
func (s keyStore) write(ctx context.Context, query string, bind func(*statement)) (changed bool, err error) {
	if s.db == nil {
		return false, event.Errorf(event.Unavailable, "the keys are open to be read only")
	}
	err = s.db.update(ctx, 1, func(t *tx) error {
		err := t.exec(query, bind)
		changed = t.conn.Changes() > 0
		return err
	})
	return changed, err
}

func (s keyStore) List(ctx context.Context) (all []keys.Key, err error) {
	if s.db == nil {
		return nil, nil
	}
	err = s.db.view(ctx, func(conn *sqlite.Conn) error {
		all = nil
		s, err := prepare(conn, selectKeys)
		if err != nil {
			return err
		}
		return s.rows(func(r *row) error {
			var k keys.Key
			r.blob(k.Hash[:])
			k.Name, k.Scopes = r.text(), splitScopes(r.text())
			k.CreatedAt, k.RevokedAt = r.time(), r.time()
			all = append(all, k)
			return nil
		})
	})
	return all, err
}

func joinScopes(scopes []keys.Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

func splitScopes(text string) (scopes []keys.Scope) {
	for word := range strings.SplitSeq(text, ",") {
		scopes = append(scopes, keys.Scope(word))
	}
	return scopes
}
