//go:build browser

package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// badPage does all that a visitor must notice.
const badPage = `<!doctype html><html lang="en"><title>Bad</title>
<main><h1>Bad</h1><p style="color: #ccc; background: #fff">pale</p><img src="/dot.gif"><input></main>
<img alt="far" src="http://127.0.0.2:9/far.gif"><script src="/bad.js"></script><script>document.title = "inline"</script></html>`

const badScript = `console.error("told", 7); setTimeout(() => { throw new Error("thrown") })`

// serveBadly serves the bad page.
func serveBadly(t *testing.T) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Security-Policy", "script-src 'self'; style-src 'unsafe-inline'")
			_, _ = w.Write([]byte(badPage))
		case "/bad.js":
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(badScript))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestTheBrowsersComplaintsAreHeard opens a page with every fault that the other tests
// are to fail by.
func TestTheBrowsersComplaintsAreHeard(t *testing.T) {
	v := visit(t, serveBadly(t))
	v.goTo("/")
	for _, fault := range []string{
		"console.error: told 7", "exception: Uncaught Error: thrown", "violates the following Content Security Policy directive",
		"/dot.gif", "a request to another host: http://127.0.0.2:9/far.gif",
	} {
		v.until("hearing "+fault, func(context.Context) error { return v.complaints.lacks(fault) })
	}
	var rules []string
	for _, b := range v.barriers() {
		rules = append(rules, b.Rule)
	}
	slices.Sort(rules)
	if got := strings.Join(rules, " "); got != "color-contrast image-alt label" {
		t.Errorf("axe-core finds %s", got)
	}
	v.complaints.expect("") // all of them
}

// lacks fails unless a complaint with the text was heard.
func (c *complaints) lacks(text string) error {
	all := c.all()
	if slices.ContainsFunc(all, func(complaint string) bool { return strings.Contains(complaint, text) }) {
		return nil
	}
	return fmt.Errorf("only heard %q", all)
}
