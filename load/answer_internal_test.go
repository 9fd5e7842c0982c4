package load

import (
	"bufio"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestAnswersOfEveryFormAreReadToTheirEnd(t *testing.T) {
	next := "HTTP/1.1 204 No Content\r\n\r\n"
	for name, c := range map[string]struct {
		text   string
		want   answer
		closes bool
	}{
		"length":              {text: "HTTP/1.1 202 Accepted\r\nLocation: /orders/x\r\nContent-Length: 4\r\n\r\n{12}", want: answer{status: 202, location: []byte("/orders/x"), body: []byte("{12}")}},
		"chunks":              {text: "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n", want: answer{status: 200, body: []byte("abc0123456789")}},
		"nothing":             {text: "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", want: answer{status: 202}},
		"retry":               {text: "HTTP/1.1 503 Service Unavailable\r\nretry-after: 3\r\nContent-Length: 2\r\n\r\nno", want: answer{status: 503, retryAfter: 3 * time.Second, body: []byte("no")}},
		"retry at a date":     {text: "HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n", want: answer{status: 503}},
		"closes":              {text: "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", want: answer{status: 202, closes: true, body: []byte("a")}},
		"informational first": {text: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\nb", want: answer{status: 202, body: []byte("b")}},
		"until the end":       {text: "HTTP/1.0 200 OK\r\n\r\nall", want: answer{status: 200, closes: true, body: []byte("all")}, closes: true},
	} {
		for _, keep := range []bool{true, false} {
			text := c.text + next
			if c.closes {
				text = c.text
			}
			in := bufio.NewReader(iotest.OneByteReader(strings.NewReader(text)))
			got, want := answer{}, c.want
			if !keep {
				want.body = nil
			}
			if err := got.read(in, keep); err != nil || !same(got, want) {
				t.Errorf("%s, keep %t: %+v, %v", name, keep, got, err)
			}
			if err := got.read(in, keep); !c.closes && (err != nil || got.status != 204) {
				t.Errorf("%s, keep %t: what follows is read as %+v, %v", name, keep, got, err)
			}
		}
	}
}

func same(a, b answer) bool {
	return a.status == b.status && a.closes == b.closes && a.retryAfter == b.retryAfter && string(a.location) == string(b.location) && string(a.body) == string(b.body)
}

func TestAnswersThatAreNoneFail(t *testing.T) {
	for _, text := range []string{
		"", "HTTP/1.1 2", "SSH-2.0-x\r\n", "HTTP/1.1 abc Accepted\r\n\r\n", "HTTP/1.1 202 Accepted\r\nContent-Len",
		"HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nshort", "HTTP/1.1 202 Accepted\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 202 Accepted\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 202 A\r\nContent-Length: 900000000\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "HTTP/1.1 202 A\r\nX: " + strings.Repeat("x", 1<<16) + "\r\n\r\n",
	} {
		var a answer
		if err := a.read(bufio.NewReader(strings.NewReader(text)), true); err == nil {
			t.Errorf("%.60q is read as %+v", text, a)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\n{12}")
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		var a answer
		if err := a.read(bufio.NewReader(strings.NewReader(text)), true); err == nil && len(a.body) > len(text) {
			t.Errorf("%q has a body of %d bytes", text, len(a.body))
		}
	})
}

// TestAnOrderAllocatesNothing: the generator shares its cores with the server.
func TestAnOrderAllocatesNothing(t *testing.T) {
	m := newMix(Options{SKUs: 1000, Users: 100_000, Keys: true, Zipf: 1.2, Slow: .1}, shopURL)
	text := strings.NewReader("")
	in := bufio.NewReader(text)
	count := newRecorder().of(0)
	var a answer
	request := m.order(make([]byte, 0, 1024))
	n := testing.AllocsPerRun(1000, func() {
		request = m.order(request[:0])
		text.Reset("HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nLocation: /orders/x\r\nContent-Length: 4\r\n\r\n{12}")
		in.Reset(text)
		if err := a.read(in, false); err != nil {
			t.Fatal(err)
		}
		count.took(accepted, time.Millisecond)
	})
	if n > 0 {
		t.Errorf("%v allocations an order", n)
	}
}
