package api_test

import (
	"compress/gzip"
	"flag"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

var openAPI = flag.String("openapi", "", "write the document of a server that serves everything to this file, for a linter")

func TestTheDocumentIsWhole(t *testing.T) {
	s := everything(t)
	text := s.get("/openapi.json").body
	document := read[map[string]any](t, s.get("/openapi.json"))
	description := dig(document, "info", "description").(string)
	for _, want := range []string{
		seedBody, "curl -X POST http://127.0.0.1:8000/orders -H 'Content-Type: application/json'", "?wait=10s", "test_user",
		"`malformed` | 400 |", "`not_found` | 404 |", "`mismatch` | 422 |", "`no_answer` | 503 |", "`cross_origin` | 403 |",
		"out_of_stock", "unknown_sku", "mixed_currency", "card_declined", "cancelled_by_client", "hold_expired",
	} {
		if !strings.Contains(description, want) {
			t.Errorf("the description lacks %s:\n%s", want, description)
		}
	}
	if first := allDocumented(t, s)[0]; first.ID != "place-order" {
		t.Errorf("the first operation is %s", first.ID)
	}
	if *openAPI != "" {
		if err := os.WriteFile(*openAPI, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// What is kept packed is the same to a client that cannot unpack.
func TestAssetsWithAndWithoutGzip(t *testing.T) {
	s := start(t)
	for _, target := range []string{"/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"} {
		plain, packed := s.get(target), s.get(target, "Accept-Encoding: br, gzip")
		unpacking, err := gzip.NewReader(strings.NewReader(packed.body))
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(unpacking)
		if err != nil || string(unpacked) != plain.body || plain.status != http.StatusOK || !strings.Contains(plain.body, "swagger") {
			t.Errorf("%s: %d, %v, %d bytes unpacked and %d plain", target, plain.status, err, len(unpacked), len(plain.body))
		}
		if packed.header.Get("Content-Encoding") != "gzip" || plain.header.Get("Content-Encoding") != "" || packed.header.Get("Content-Type") != plain.header.Get("Content-Type") {
			t.Errorf("%s: %v, %v", target, packed.header, plain.header)
		}
	}
}
