package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"holdfast/event"
)

// maxBody is the largest body that is read, in bytes.
const maxBody = 64 << 10

// JSON is embedded in the input of an operation that needs a body. It reads the
// body in huma's stead, once and strictly: huma would accept duplicate keys and
// other letter case, read the body twice, echo it in errors, and answer 500 to
// one that breaks off.
type JSON[T any] struct{ Value T }

// OptionalJSON is JSON for a body that may be left out.
type OptionalJSON[T any] struct{ Value T }

// Resolve is called by huma for each request.
func (j *JSON[T]) Resolve(ctx huma.Context) []error {
	return readJSON(ctx, &j.Value, true)
}

// Resolve is called by huma for each request.
func (j *OptionalJSON[T]) Resolve(ctx huma.Context) []error {
	return readJSON(ctx, &j.Value, false)
}

func (*JSON[T]) requestBody(r huma.Registry) *huma.RequestBody {
	return requestBody[T](r, true)
}

func (*OptionalJSON[T]) requestBody(r huma.Registry) *huma.RequestBody {
	return requestBody[T](r, false)
}

func requestBody[T any](r huma.Registry, required bool) *huma.RequestBody {
	schema := r.Schema(reflect.TypeFor[T](), true, "Empty")
	return &huma.RequestBody{Required: required, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func readJSON(ctx huma.Context, into any, required bool) []error {
	r, _ := humago.Unwrap(ctx)
	body := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(body)
	body.Reset()
	if err := readBody(r, body); err != nil {
		return []error{err}
	}
	if body.Len() == 0 && !required {
		return nil
	}
	if err := checkMedia(r.Header); err != nil {
		return []error{err}
	}
	if err := decode(body.Bytes(), into); err != nil {
		return []error{err}
	}
	return nil
}

func readBody(r *http.Request, into *bytes.Buffer) error {
	// One byte more than is allowed tells a body that is too large.
	n, err := into.ReadFrom(io.LimitReader(r.Body, maxBody+1))
	switch {
	case n > maxBody:
		return event.Errorf(tooLarge, "a body may have %d bytes at most", maxBody)
	case err != nil:
		return event.Errorf(malformed, "the body broke off before its end")
	}
	return nil
}

func checkMedia(header http.Header) error {
	if e := header.Get("Content-Encoding"); e != "" && e != "identity" {
		return event.ErrorAt(unsupportedMedia, "header.Content-Encoding", "send the body without Content-Encoding")
	}
	text := header.Get("Content-Type")
	if text == "application/json" {
		return nil
	}
	media, params, err := mime.ParseMediaType(text)
	if charset, ok := params["charset"]; ok && strings.EqualFold(charset, "utf-8") {
		delete(params, "charset")
	}
	if err != nil || media != "application/json" || len(params) > 0 {
		return event.Errorf(unsupportedMedia, "send Content-Type: application/json")
	}
	return nil
}

var null = []byte("null")

// decode reads a body that must be one JSON value of the shape of into. A body
// that is not JSON, or names a member twice, is malformed; one that is JSON of
// another shape is Invalid, and the error names the first place where it is, or
// all members that are missing.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	if err == nil && !bytes.Contains(body, null) {
		return checkMissing(body, into)
	}
	// A body that is no JSON at all is that first, wherever its shape went wrong.
	var whole jsontext.Value
	if broken := json.Unmarshal(body, &whole); broken != nil {
		return syntaxError(body, broken)
	}
	// Unmarshal takes null for the zero value.
	if at, found := findNull(body); found {
		return invalid(at, "must not be null", nil)
	}
	if err != nil {
		return shapeError(err)
	}
	return checkMissing(body, into)
}

func syntaxError(body []byte, err error) error {
	var s *jsontext.SyntacticError
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return event.Errorf(malformed, "the body is empty; send a JSON object")
	case !errors.As(err, &s):
		return event.Errorf(malformed, "the body is not valid JSON: it breaks off")
	case errors.Is(err, jsontext.ErrDuplicateName):
		e := event.Errorf(malformed, "the body names a member twice")
		e.Fields = []event.Field{{Location: location(s.JSONPointer), Message: "stands there twice"}}
		return e
	}
	return event.Errorf(malformed, "the body is not valid JSON: %s, at byte %d", s.Err, s.ByteOffset)
}

func findNull(body []byte) (string, bool) {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		switch t, err := d.ReadToken(); {
		case err != nil:
			return "", false
		case t.Kind() == 'n':
			return location(d.StackPointer()), true
		}
	}
}

// shapeError names the place at which a body does not have the shape wanted.
func shapeError(err error) error {
	var s *json.SemanticError
	if !errors.As(err, &s) {
		return event.Errorf(event.Invalid, "the body does not have the shape wanted")
	}
	at := location(s.JSONPointer)
	if errors.Is(err, json.ErrUnknownName) {
		return invalid(at, "is not a known field; names match exactly, case included", nil)
	}
	return invalid(at, wanted(s), s.JSONValue)
}

// wanted says what should have stood in the place of the error.
func wanted(s *json.SemanticError) string {
	t := s.GoType
	if t == nil {
		return "has the wrong type"
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		if errors.Is(s.Err, strconv.ErrRange) {
			return "is out of range"
		}
		return "must be a whole number, written without fraction or exponent"
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Slice:
		return "must be an array"
	}
	return "must be an object"
}

// location writes a JSON pointer (RFC 6901) as clients know places:
// "body.items[0].qty".
func location(p jsontext.Pointer) string {
	var b strings.Builder
	b.WriteString("body")
	for name := range p.Tokens() {
		if b.Len() > maxLocation {
			break
		}
		if _, err := strconv.ParseUint(name, 10, 32); err == nil {
			fmt.Fprintf(&b, "[%s]", name)
		} else {
			b.WriteString("." + name)
		}
	}
	return b.String()
}
