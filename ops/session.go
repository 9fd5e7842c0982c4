package ops

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"holdfast/api/client"
)

// cookie holds the secret of the key that a viewer signed in with: so nothing is
// kept on this side, a restart signs nobody out, every process knows everybody, and a
// revoked key ends the session. Scripts cannot read it, other sites' pages do not
// send it, and the API does not look at it.
const cookie = "holdfast_key"

// viewer is who looks at a page.
type viewer struct {
	client.Caller
	Client *client.Client // asks in the viewer's name
	secret string
}

// May reports whether the viewer's key opens the scope.
func (v viewer) May(scope string) bool { return slices.Contains(v.Scopes, scope) }

// SignedIn reports whether the viewer has a key.
func (v viewer) SignedIn() bool { return v.secret != "" }

// secretOf is the secret of the key that the browser signed in with; empty without one.
func secretOf(r *http.Request) string {
	c, err := r.Cookie(cookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// viewer tells who sent a request. It fails as GET /caller does.
func (p *Pages) viewer(r *http.Request) (viewer, error) {
	secret := secretOf(r)
	if secret == "" {
		return p.keyless(r)
	}
	v := viewer{Client: p.base.WithKey(secret), secret: secret}
	var err error
	if v.Caller, err = v.Client.Caller(r.Context()); statusOf(err) != http.StatusUnauthorized {
		return v, err
	}
	if open, err := p.keyless(r); err == nil { // a cookie is of all ports of a host, so it may be another server's
		return open, nil
	}
	return v, err
}

func (p *Pages) keyless(r *http.Request) (viewer, error) {
	v := viewer{Client: p.base}
	var err error
	v.Caller, err = v.Client.Caller(r.Context())
	return v, err
}

// admit lets through who may see the pages: whoever holds a key with the scope ops,
// and everybody where no keys are required. It answers all others.
func (p *Pages) admit(w http.ResponseWriter, r *http.Request) (viewer, bool) {
	v, err := p.viewer(r)
	switch {
	case statusOf(err) == http.StatusUnauthorized:
		next := ""
		if to := here(r); to != "" {
			next = "?next=" + url.QueryEscape(to)
		}
		http.Redirect(w, r, "/ops/sign-in"+next, http.StatusSeeOther)
	case err != nil:
		p.fail(w, r, v, err)
	case !v.May("ops"):
		p.signInPage(w, r, http.StatusForbidden, v, here(r), &failure{
			Title:  "This key does not open the ops page",
			Detail: "“" + v.Name + "” has no scope ops. Sign in with a key that has it; holdfast keys create makes one.",
		})
	default:
		return v, true
	}
	return v, false
}

// here is the address that was asked for, to come back to; empty for an act.
func here(r *http.Request) string {
	if r.Method != http.MethodGet {
		return ""
	}
	return r.URL.RequestURI()
}

var signInPage = parse("signin.html")

func (p *Pages) signInForm(w http.ResponseWriter, r *http.Request) {
	v, err := p.viewer(r)
	var failed *failure
	if v.secret != "" && statusOf(err) == http.StatusUnauthorized {
		failed = &failure{Title: "The key that you signed in with is not taken any more", Detail: "it was revoked, or is another server's. Nothing that you sent since was done."}
	}
	p.signInPage(w, r, http.StatusOK, v, r.FormValue("next"), failed)
}

func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request, status int, v viewer, next string, failed *failure) {
	p.write(w, r, status, signInPage, view{Title: "Sign in", Viewer: v, Failed: failed, Body: ownPath(next)})
}

func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) {
	secret, next := strings.TrimSpace(r.PostFormValue("key")), r.PostFormValue("next")
	v := viewer{Client: p.base.WithKey(secret), secret: secret}
	if !asSecret(secret) {
		p.signInPage(w, r, http.StatusUnprocessableEntity, viewer{}, next, &failure{
			Title: "That is no API key", Detail: "Paste the secret that holdfast keys create printed; it begins with hf_.",
		})
		return
	}
	var err error
	if v.Caller, err = v.Client.Caller(r.Context()); err != nil {
		p.config.Log.Warn("sign-in refused", "status", statusOf(err))
		p.signInPage(w, r, statusOf(err), viewer{}, next, failureOf(err))
		return
	}
	p.config.Log.Info("signed in", "key", v.Name)
	http.SetCookie(w, session(r, secret))
	http.Redirect(w, r, ownPath(next), http.StatusSeeOther)
}

// asSecret reports whether a text can be sent as an API key's secret.
func asSecret(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`",;\`, c) })
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) {
	endSession(w, r)
	http.Redirect(w, r, "/ops/sign-in", http.StatusSeeOther)
}

func endSession(w http.ResponseWriter, r *http.Request) {
	gone := session(r, "")
	gone.MaxAge = -1
	http.SetCookie(w, gone)
}

// session is the cookie. It ends with the browser.
func session(r *http.Request, secret string) *http.Cookie {
	return &http.Cookie{
		Name: cookie, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}

// ownPath is a path of ours to go on to, whatever was sent.
func ownPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || u.Opaque != "" || !strings.HasPrefix(path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\") {
		return "/"
	}
	return path
}
