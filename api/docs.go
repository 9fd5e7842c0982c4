package api

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"

	swagger "github.com/swaggo/files/v2"
)

//go:embed pages
var pages embed.FS

// The content security policies of our pages: nothing from other hosts. Swagger
// UI sets styles of its own and draws with data: images.
const (
	indexPolicy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	docsPolicy  = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// registerPages adds what is no operation of the API. It comes last, when all
// operations are known.
func (a *API) registerPages() {
	a.page("/{$}", "text/html; charset=utf-8", indexPolicy, a.index())
	a.page("/style.css", "text/css; charset=utf-8", "", file(pages, "pages/style.css"))
	a.page("/openapi.json", "application/json", "", a.openAPI())
	a.page("/docs", "text/html; charset=utf-8", docsPolicy, file(pages, "pages/docs.html"))
	a.route(http.MethodGet, "/docs/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/docs", http.StatusMovedPermanently)
	})
	a.page("/docs/initializer.js", "text/javascript; charset=utf-8", "", file(pages, "pages/initializer.js"))
	a.page("/docs/swagger-ui.css", "text/css; charset=utf-8", "", file(swagger.FS, "swagger-ui.css"))
	a.page("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", "", file(swagger.FS, "swagger-ui-bundle.js"))
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

func (a *API) index() []byte {
	var b bytes.Buffer
	t := template.Must(template.ParseFS(pages, "pages/index.html"))
	err := t.Execute(&b, struct {
		Version string
		Metrics bool
		Queues  bool
	}{a.config.Version, a.config.Metrics != nil, a.allow["/queues"] != nil})
	if err != nil {
		panic(err) // the page is compiled in, so the first test would find it
	}
	return b.Bytes()
}

// file reads an embedded file.
func file(files fs.FS, name string) []byte {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		panic(err) // as with index
	}
	return content
}
