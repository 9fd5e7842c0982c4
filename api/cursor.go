package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"holdfast/event"
)

// sealLen is how many bytes of a hash stand before the store's cursor. They bind
// it to its list and filters, and tell a mangled one; they keep nothing secret.
const sealLen = 8

// sealCursor makes an opaque cursor for clients of a store's own.
func sealCursor(inner string, filters ...string) string {
	if inner == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(seal(inner, filters), inner...))
}

// openCursor gives back the store's cursor. It fails with BadCursor unless this
// list, with these filters, gave the cursor out.
func openCursor(outer string, filters ...string) (string, error) {
	if outer == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(outer)
	if err != nil || len(text) <= sealLen || string(seal(string(text[sealLen:]), filters)) != string(text[:sealLen]) {
		return "", &event.Error{Code: event.BadCursor, Detail: "this list, with these filters, did not give out the cursor; start again without one",
			Fields: []event.Field{{Location: "query.cursor", Message: "must be the next_cursor of the page before, with the same filters"}}}
	}
	return string(text[sealLen:]), nil
}

func seal(inner string, filters []string) []byte {
	var text []byte
	for _, s := range append(filters, inner) {
		text = binary.AppendUvarint(text, uint64(len(s)))
		text = append(text, s...)
	}
	sum := sha256.Sum256(text)
	return sum[:sealLen]
}
