package load

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// conn is one keep-alive HTTP/1.1 connection that posts orders. It writes its
// requests as bytes made beforehand, since the generator shares its two cores
// with the server it measures.
type conn struct {
	net.Conn
	in     *bufio.Reader
	head   []byte
	out    bytes.Buffer
	length []byte
}

func dial(host string) (*conn, error) {
	c, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	return &conn{
		Conn: c, in: bufio.NewReader(c),
		head: []byte("POST /orders HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\n"),
	}, nil
}

// post sends one order and returns the answer's status. key may be empty.
func (c *conn) post(key string, body []byte) (int, error) {
	c.out.Reset()
	c.out.Write(c.head)
	if key != "" {
		c.out.WriteString("Idempotency-Key: " + key + "\r\n")
	}
	c.length = strconv.AppendInt(c.length[:0], int64(len(body)), 10)
	c.out.WriteString("Content-Length: ")
	c.out.Write(c.length)
	c.out.WriteString("\r\n\r\n")
	c.out.Write(body)
	if _, err := c.Write(c.out.Bytes()); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, fmt.Errorf("half an answer: %w", err)
	}
	return response.StatusCode, nil
}
