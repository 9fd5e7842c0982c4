package api

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/swaggest/swgui/v5/static"
)

//go:embed pages
var pages embed.FS

// docsPolicy is the content security policy of /docs: nothing from other hosts.
// Swagger UI sets styles of its own and draws with data: images.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerPages adds what is no operation of the API. It comes last, when all
// operations are known.
func (a *API) registerPages() {
	if a.config.Pages != nil {
		a.servePages()
	}
	a.page("/openapi.json", "application/json", "", a.openAPI())
	a.page("/docs", "text/html; charset=utf-8", docsPolicy, file(pages, "pages/docs.html"))
	a.route(http.MethodGet, "/docs/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/docs", http.StatusMovedPermanently)
	})
	a.page("/docs/initializer.js", "text/javascript; charset=utf-8", "", file(pages, "pages/initializer.js"))
	a.page("/docs/docs.css", "text/css; charset=utf-8", "", file(pages, "pages/docs.css"))
	a.zipped("/docs/swagger-ui.css", "text/css; charset=utf-8", file(static.FS, "swagger-ui.css.gz"))
	a.zipped("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", file(static.FS, "swagger-ui-bundle.js.gz"))
}

// page serves the same content at a path to everybody.
func (a *API) page(path, contentType, policy string, content []byte) {
	a.route(http.MethodGet, path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
			w.Header().Set("Referrer-Policy", "no-referrer")
		}
		_, _ = w.Write(content) // a client that has left needs no answer
	})
}

// zipped serves the same content at a path to everybody. It is kept as gzip, and
// unpacked for the few who do not take that.
func (a *API) zipped(path, contentType string, content []byte) {
	a.route(http.MethodGet, path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(content) // a client that has left needs no answer
			return
		}
		plain, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			panic(err) // it is compiled in, so the first test would find it
		}
		_, _ = io.Copy(w, plain) // as above
	})
}

// takesGzip reports whether a client names gzip among what it can unpack. With a
// weight beside it the name is not looked at: plain text anybody can read.
func takesGzip(r *http.Request) bool {
	for name := range strings.SplitSeq(strings.Join(r.Header["Accept-Encoding"], ","), ",") {
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return true
		}
	}
	return false
}

// file reads an embedded file.
func file(files fs.FS, name string) []byte {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		panic(err) // it is compiled in, so the first test would find it
	}
	return content
}
