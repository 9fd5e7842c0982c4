package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"holdfast/event"
	"holdfast/keys"
)

// scopesOf are the scopes of which one opens an operation; none: it needs no key.
// Ops may read everything, and take back anybody's order. What is not named here is
// for ops alone.
func scopesOf(method, path string) []keys.Scope {
	switch path {
	case "/caller":
		return keys.Scopes
	case "/orders/{id}/cancel", "/orders/{id}/refund":
		return []keys.Scope{keys.Orders, keys.Ops}
	case "/orders/{id}/timeline":
		return []keys.Scope{keys.Ops}
	}
	switch part(path) {
	case "docs", "openapi.json", "livez", "readyz":
		return nil
	case "orders":
		return readBy(method, keys.Orders)
	case "inventory":
		return readBy(method, keys.Inventory)
	}
	return []keys.Scope{keys.Ops}
}

// readBy adds ops to a scope where the method only reads.
func readBy(method string, scope keys.Scope) []keys.Scope {
	if method == http.MethodGet {
		return []keys.Scope{scope, keys.Ops}
	}
	return []keys.Scope{scope}
}

// part is the first segment of a path.
func part(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// local is the caller of requests without a key, where those are let in.
var local = keys.Key{Name: keys.Local, Scopes: keys.Scopes}

type callerKey struct{}

// callerOf is who makes a request that a guard has let through.
func callerOf(ctx context.Context) *keys.Key { return ctx.Value(callerKey{}).(*keys.Key) }

// view is the caller whose orders a request may see; empty: everybody's.
func view(ctx context.Context) string {
	k := callerOf(ctx)
	if k.Has(keys.Ops) {
		return ""
	}
	return k.Name
}

// guard lets through only callers with one of these scopes. It reads no body.
func (a *API) guard(scopes []keys.Scope, next http.HandlerFunc) http.HandlerFunc {
	if len(scopes) == 0 {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		caller, err := a.identify(r)
		if err == nil {
			err = permit(caller, scopes)
		}
		if err != nil {
			a.refuse(r.Context(), r.Pattern, err).write(w)
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
	}
}

// identify tells who makes a request. It fails with unauthenticated, or as
// keys.Ring.Find does. A header that names nobody is refused even where none is
// needed: who sends one means somebody.
func (a *API) identify(r *http.Request) (*keys.Key, error) {
	given := r.Header["Authorization"]
	if len(given) == 0 {
		if a.config.RequireKeys {
			return nil, event.Errorf(unauthenticated, "send an API key as Authorization: Bearer and its secret; holdfast keys create makes one")
		}
		return &local, nil
	}
	secret, ok := bearer(given)
	if !ok {
		return nil, event.Errorf(unauthenticated, "send Authorization once, as Bearer and an API key's secret")
	}
	if a.config.Keys != nil {
		switch k, ok, err := a.config.Keys.Find(r.Context(), secret); {
		case err != nil:
			return nil, err
		case ok:
			return &k, nil
		}
	}
	return nil, event.Errorf(unauthenticated, "this is the secret of no API key, or of one that is revoked; holdfast keys list names those that are good")
}

// bearer takes the secret out of an Authorization header (RFC 6750, section 2.1;
// the scheme's letter case does not matter, RFC 9110, section 11.1).
func bearer(header []string) (secret string, ok bool) {
	scheme, secret, _ := strings.Cut(header[0], " ")
	secret = strings.Trim(secret, " ")
	return secret, len(header) == 1 && strings.EqualFold(scheme, "Bearer") && secret != "" && !strings.ContainsAny(secret, " \t,")
}

// permit fails with forbidden unless the key opens one of the scopes.
func permit(k *keys.Key, scopes []keys.Scope) error {
	if slices.ContainsFunc(scopes, k.Has) {
		return nil
	}
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return event.Errorf(forbidden, "this needs an API key with the scope %s, which %q has not", strings.Join(names, " or "), k.Name)
}
