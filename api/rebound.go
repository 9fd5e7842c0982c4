package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"holdfast/event"
)

// servePages has the ops page answer at / and below /ops/, to everybody: it guards
// itself.
func (a *API) servePages() {
	pages := func(w http.ResponseWriter, r *http.Request) {
		if a.rebound(r.Host) {
			writeProblem(w, errRebound)
			return
		}
		a.config.Pages.ServeHTTP(w, r)
	}
	a.mux.HandleFunc("/{$}", pages)
	a.mux.HandleFunc("/ops/", pages)
	a.mux.Handle("/ops", http.RedirectHandler("/", http.StatusMovedPermanently))
}

var errRebound = event.Errorf(crossOrigin, "the host name is not one of this machine alone, and a page of another site may have sent this by pointing its own name here; "+
	"open Holdfast as http://127.0.0.1:PORT or http://localhost:PORT, or start it with --require-keys")

// rebound reports whether a browser that asks for this Host may have been led here by
// DNS rebinding: a site's name that points to this machine by now, so that the
// browser takes this server for that site, and its pages for ours. Numbers and
// localhost (RFC 6761, section 6.3) point nowhere else. Where keys are required, such
// a page has none to send.
func (a *API) rebound(host string) bool {
	if a.config.RequireKeys || host == "" {
		return false
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return false
	}
	return name != "localhost" && !strings.HasSuffix(name, ".localhost")
}
