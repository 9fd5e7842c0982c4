package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// answer is what the generator wants to know of an HTTP response. Its buffers are
// used again for the next.
type answer struct {
	status     int
	closes     bool          // the server closes the connection after it
	retryAfter time.Duration // 0: not said
	location   []byte
	body       []byte // kept only where asked for
}

// maxBody bounds the body of an answer, in bytes.
const maxBody = 16 << 20

var errTooLong = errors.New("the answer is too long")

// read reads one HTTP/1.1 response (RFC 9112), and its body into a.body if keep is
// set. It is written by hand because net/http's reader allocates a header map for
// each, and the generator shares its cores with the server that it measures.
func (a *answer) read(in *bufio.Reader, keep bool) error {
	for {
		length, chunked, err := a.readHead(in)
		if err != nil {
			return err
		}
		if a.status >= 200 { // what comes before is only informational
			return a.readBody(in, length, chunked, keep)
		}
	}
}

// readHead reads the status line and the headers. length is -1 if not said.
func (a *answer) readHead(in *bufio.Reader) (length int64, chunked bool, err error) {
	*a = answer{location: a.location[:0], body: a.body[:0]}
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, false, err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, false, fmt.Errorf("not an HTTP answer: %.40q", line)
	}
	a.closes = line[len("HTTP/1.")] == '0'
	if a.status, err = number(line[len("HTTP/1.1 "):len("HTTP/1.1 200")]); err != nil {
		return 0, false, err
	}
	for length = -1; ; {
		if line, err = in.ReadSlice('\n'); err != nil {
			return 0, false, err
		}
		name, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(":"))
		if len(name) == 0 {
			return length, chunked, nil
		}
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "Content-Length"):
			n, err := number(value)
			if err != nil {
				return 0, false, err
			}
			length = int64(n)
		case is(name, "Transfer-Encoding"):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		default:
			a.note(name, value)
		}
	}
}

// note keeps what a header says about what to do next.
func (a *answer) note(name, value []byte) {
	switch {
	case is(name, "Connection"):
		a.closes = bytes.EqualFold(value, []byte("close"))
	case is(name, "Retry-After"):
		if s, err := number(value); err == nil { // a date, which it may be too, is left to the default
			a.retryAfter = time.Duration(s) * time.Second
		}
	case is(name, "Location"):
		a.location = append(a.location, value...)
	}
}

func is(name []byte, header string) bool {
	return len(name) == len(header) && bytes.EqualFold(name, []byte(header))
}

func (a *answer) readBody(in *bufio.Reader, length int64, chunked, keep bool) error {
	switch {
	case a.status == 204 || a.status == 304:
		return nil
	case chunked:
		return a.readChunks(in, keep)
	case length >= 0:
		return a.take(in, length, keep)
	}
	a.closes = true
	body, err := io.ReadAll(io.LimitReader(in, maxBody))
	if keep {
		a.body = append(a.body, body...)
	}
	return err
}

func (a *answer) readChunks(in *bufio.Reader, keep bool) error {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if err != nil {
			return fmt.Errorf("a chunk's size: %w", err)
		}
		if n == 0 {
			return skipTrailer(in)
		}
		if err := a.take(in, int64(n), keep); err != nil {
			return err
		}
		if line, err = in.ReadSlice('\n'); err != nil {
			return err
		}
		if len(bytes.TrimRight(line, "\r\n")) > 0 {
			return errors.New("a chunk is longer than it says")
		}
	}
}

// skipTrailer reads on to the empty line that ends a chunked body.
func skipTrailer(in *bufio.Reader) error {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil || len(bytes.TrimRight(line, "\r\n")) == 0 {
			return err
		}
	}
}

// take reads n bytes of a body.
func (a *answer) take(in *bufio.Reader, n int64, keep bool) error {
	switch {
	case int64(len(a.body))+n > maxBody:
		return errTooLong
	case !keep:
		_, err := in.Discard(int(n))
		return err
	}
	from := len(a.body)
	a.body = slices.Grow(a.body, int(n))[:from+int(n)]
	_, err := io.ReadFull(in, a.body[from:])
	return err
}

// number reads a decimal number of at most nine digits, without allocating.
func number(digits []byte) (int, error) {
	n := 0
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, fmt.Errorf("%.20q is not a number", digits)
		}
		n = n*10 + int(d-'0')
	}
	if len(digits) == 0 || len(digits) > 9 {
		return 0, fmt.Errorf("%.20q is not a number", digits)
	}
	return n, nil
}
