package api

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"holdfast/event"
)

// checkMissing names the members that a body lacks and its type requires. Only
// where a required member came out zero is the body read again, to tell a zero
// that was sent from a member that was not.
func checkMissing(body []byte, read any) error {
	zeros := requiredZeros(reflect.ValueOf(read), "")
	if len(zeros) == 0 {
		return nil
	}
	given := places(body)
	missing := &event.Error{Code: event.Invalid}
	for _, at := range zeros {
		if !given[at] {
			missing.Fields = append(missing.Fields, event.Field{Location: location(at), Message: "is required"})
		}
	}
	if len(missing.Fields) == 0 {
		return nil
	}
	return missing
}

// requiredZeros finds the members of v that are zero and may not be left out,
// which are those whose tag has no omitempty or omitzero, as huma has it too.
func requiredZeros(v reflect.Value, at jsontext.Pointer) (zeros []jsontext.Pointer) {
	switch v.Kind() {
	case reflect.Pointer:
		return requiredZeros(v.Elem(), at)
	case reflect.Slice:
		for i := range v.Len() {
			zeros = append(zeros, requiredZeros(v.Index(i), at.AppendToken(strconv.Itoa(i)))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			member := at.AppendToken(name)
			if v.Field(i).IsZero() && !strings.Contains(options, "omit") {
				zeros = append(zeros, member)
			}
			zeros = append(zeros, requiredZeros(v.Field(i), member)...)
		}
	}
	return zeros
}

// places are all places of a JSON text.
func places(text []byte) map[jsontext.Pointer]bool {
	all := make(map[jsontext.Pointer]bool)
	d := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := d.ReadToken(); err != nil {
			return all
		}
		all[d.StackPointer()] = true
	}
}
