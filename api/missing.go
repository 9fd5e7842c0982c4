package api

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"holdfast/event"
)

// checkMissing names the members that a body lacks and its type requires. Only
// where a required member came out zero is the body read again, to tell a zero
// that was sent from a member that was not.
func checkMissing(body []byte, read any) error {
	zeros := requiredZeros(reflect.ValueOf(read))
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

// requiredZeros finds the places in v that are zero and may not be left out. Hardly
// a body has one, and only then is a place put into words.
func requiredZeros(v reflect.Value) (zeros []jsontext.Pointer) {
	switch v.Kind() {
	case reflect.Pointer:
		return requiredZeros(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			for _, at := range requiredZeros(v.Index(i)) {
				zeros = append(zeros, jsontext.Pointer("").AppendToken(strconv.Itoa(i))+at)
			}
		}
	case reflect.Struct:
		for _, m := range membersOf(v.Type()) {
			field := v.Field(m.index)
			if m.required && field.IsZero() {
				zeros = append(zeros, m.place)
			}
			for _, at := range requiredZeros(field) {
				zeros = append(zeros, m.place+at)
			}
		}
	}
	return zeros
}

// member is a member of the JSON of a struct.
type member struct {
	index    int
	place    jsontext.Pointer
	required bool
}

var members sync.Map // []member by the struct's reflect.Type, which reflection is slow to read

// membersOf are the members of a struct. Those are required whose tag has no
// omitempty or omitzero, as huma has it too.
func membersOf(t reflect.Type) []member {
	if known, ok := members.Load(t); ok {
		return known.([]member)
	}
	var all []member
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "-" {
			all = append(all, member{i, jsontext.Pointer("").AppendToken(name), !strings.Contains(options, "omit")})
		}
	}
	members.Store(t, all)
	return all
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
