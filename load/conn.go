package load

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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

// dial connects to the server; every order carries the API key, if there is one.
func dial(server *url.URL, apiKey string) (*conn, error) {
	c, err := connect(server)
	if err != nil {
		return nil, err
	}
	head := "POST /orders HTTP/1.1\r\nHost: " + server.Host + "\r\nContent-Type: application/json\r\n"
	if apiKey != "" {
		head += "Authorization: Bearer " + apiKey + "\r\n"
	}
	return &conn{Conn: c, in: bufio.NewReader(c), head: []byte(head)}, nil
}

func connect(server *url.URL) (net.Conn, error) {
	if server.Scheme == "https" {
		return tls.Dial("tcp", address(server, "443"), nil)
	}
	return net.Dial("tcp", address(server, "80"))
}

func address(server *url.URL, port string) string {
	return net.JoinHostPort(server.Hostname(), cmp.Or(server.Port(), port))
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
