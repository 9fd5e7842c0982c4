package load

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"
)

// conn is one keep-alive HTTP/1.1 connection.
type conn struct {
	net.Conn
	in   *bufio.Reader
	used time.Time // when its last request was sent
}

// A connection that has been idle for so long is not used again: the server may
// be about to close it, and a request lost to that would look like an error.
const maxIdle = 30 * time.Second

// exchange sends one request and reads its answer.
func (c *conn) exchange(request []byte, a *answer, keep bool) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	if err := a.read(c.in, keep); err != nil {
		return fmt.Errorf("no whole answer: %w", err)
	}
	return nil
}

// dialer makes connections to one server and knows those that are open.
type dialer struct {
	dial func(ctx context.Context) (net.Conn, error)

	mu   sync.Mutex
	open map[net.Conn]bool
}

// dialTime bounds the making of one connection.
const dialTime = 10 * time.Second

func newDialer(server *url.URL) *dialer {
	d := &dialer{open: make(map[net.Conn]bool)}
	plain := &net.Dialer{Timeout: dialTime}
	d.dial = func(ctx context.Context) (net.Conn, error) {
		return plain.DialContext(ctx, "tcp", address(server, "80"))
	}
	if server.Scheme == "https" {
		secure := &tls.Dialer{NetDialer: plain}
		d.dial = func(ctx context.Context) (net.Conn, error) {
			return secure.DialContext(ctx, "tcp", address(server, "443"))
		}
	}
	return d
}

func address(server *url.URL, port string) string {
	return net.JoinHostPort(server.Hostname(), cmp.Or(server.Port(), port))
}

// connect makes a connection.
func (d *dialer) connect(ctx context.Context) (*conn, error) {
	c, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[c] = true
	return &conn{Conn: c, in: bufio.NewReader(c), used: time.Now()}, nil
}

// hangUp closes a connection.
func (d *dialer) hangUp(c *conn) {
	d.mu.Lock()
	delete(d.open, c.Conn)
	d.mu.Unlock()
	_ = c.Close() // nothing that has not been read is wanted
}

// cut has every request that is under way fail at once.
func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.open {
		_ = c.SetDeadline(time.Unix(1, 0)) // fails only where there is nothing to cut
	}
}
