package ops

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// inProcess is an http.RoundTripper to a handler of this process.
type inProcess struct{ handler http.Handler }

// RoundTrip has the handler answer. It fails where the handler aborts its answer, as the
// door does when another process dies half way through one: many goroutines ask, and a
// panic in one of them would end this process too.
func (t inProcess) RoundTrip(r *http.Request) (response *http.Response, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			response, err = nil, fmt.Errorf("the answer broke off: %v", reason)
		}
	}()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.RemoteAddr, r.RequestURI = "in process", r.URL.RequestURI()
	a := answer{header: make(http.Header), status: http.StatusOK}
	t.handler.ServeHTTP(&a, r)
	if err := r.Context().Err(); err != nil {
		return nil, err // whatever was written, or not, for somebody who has left
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}, nil
}

// answer is an http.ResponseWriter that keeps what is written.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
