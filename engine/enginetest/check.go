package enginetest

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"holdfast/event"
)

// must returns what a call returned, or ends the test if the call failed.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

func wantNoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func wantCode(t *testing.T, what string, err error, code event.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Errorf("%s: error %v, want code %q", what, err, code)
	}
}

// wantSame compares two records as a store must keep them.
func wantSame(t *testing.T, what string, got, want any) {
	t.Helper()
	if !equal(reflect.ValueOf(got), reflect.ValueOf(want)) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// equal is reflect.DeepEqual, save that times are equal when they are the same
// instant, whatever their zone, and that a nil slice equals an empty one.
func equal(a, b reflect.Value) bool {
	if a.Type() != b.Type() {
		return false
	}
	if t, ok := a.Interface().(time.Time); ok {
		return t.Equal(b.Interface().(time.Time))
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if !equal(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	return a.Interface() == b.Interface()
}

// pages follows a list to its end. page returns what comes after the last item
// that the pages before it held, the zero one at first.
func pages[T any](t *testing.T, limit int, page func(last T) ([]T, error)) []T {
	t.Helper()
	var all []T
	var last T
	for range 1000 {
		part := must(page(last))(t)
		if len(part) > limit {
			t.Fatalf("a page of %d, limit %d", len(part), limit)
		}
		if len(part) == 0 {
			return all
		}
		all = append(all, part...)
		last = part[len(part)-1]
	}
	t.Fatal("the list has no end")
	return nil
}

// inParallel runs n calls of f at once, and ends the test if one fails.
func inParallel(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-begin
			errs[i] = f(i)
		})
	}
	close(begin)
	wg.Wait()
	wantNoError(t, errors.Join(errs...))
}
