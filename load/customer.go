package load

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// customer is one connection's worth of clients: it sends what arrives, one
// request after the other.
type customer struct {
	*mix
	dialer  *dialer
	count   *shard
	conn    *conn // nil until dialled, and after an error
	request []byte
	answer  answer
	recent  [16][]byte // paths of orders it placed lately
	placed  int
	old     []byte // the path of an order that a list ended with
}

// work sends arrivals as they come due, until the schedule is over. Whichever
// connection is free takes the next: a slow answer keeps up only itself, until all
// are busy.
func (c *customer) work(ctx context.Context, s *schedule) {
	for now := time.Now(); ctx.Err() == nil; now = time.Now() {
		n, due, ok := s.take(now)
		if !ok {
			return
		}
		sleep(ctx, due.Sub(now))
		switch kind := c.kind(n); {
		case ctx.Err() != nil:
			return
		case s.over(now):
			c.giveUp(kind, now.Sub(due))
		case kind == placing:
			c.place(ctx, due)
		case kind == polling && c.known():
			c.ask(ctx, polled, c.poll(c.request[:0], c.path()), due)
		default:
			c.ask(ctx, listed, c.list(c.request[:0]), due)
		}
	}
}

func (c *customer) giveUp(k kind, waited time.Duration) {
	if k == placing {
		c.count.waited(waited)
	}
}

// tries is how often a request is sent before it counts as an error.
const tries = 5

// place places one order, as often as it takes. It is the same request each time,
// so with a key it makes one order however often the server has seen it.
func (c *customer) place(ctx context.Context, due time.Time) {
	c.request = c.order(c.request[:0])
	for try := 1; ; try++ {
		sent := time.Now()
		err := c.send(ctx, sent, false)
		var pause time.Duration
		switch {
		case err != nil:
			pause = backoff(try)
			if !c.again(ctx, try, c.Keys || err.unsent) {
				c.count.fail(err.Error())
				return
			}
		case c.answer.status == http.StatusAccepted:
			c.count.took(accepted, time.Since(due))
			c.remember(ctx)
			return
		case refusal(c.answer.status):
			c.count.took(refused, time.Since(sent))
			pause = c.asked()
			switch {
			case c.NoRetry:
				return
			case !c.again(ctx, try, true):
				c.count.fail(fmt.Sprintf("status %d, %d times", c.answer.status, try))
				return
			}
		default:
			c.count.fail(fmt.Sprintf("status %d", c.answer.status))
			return
		}
		c.count.retried()
		sleep(ctx, pause)
	}
}

// again reports whether a request that failed is sent again.
func (c *customer) again(ctx context.Context, try int, safe bool) bool {
	return safe && !c.NoRetry && try < tries && ctx.Err() == nil
}

// refusal reports whether a status means that the server takes no more for now.
func refusal(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// How long a client waits before it sends a request again: as the server says, a
// second where it does not, within bounds.
const (
	defaultRetry = time.Second
	longestRetry = 5 * time.Second
)

// asked is how long the last answer asks to wait, and up to half as much again, so
// that those who were refused together do not come back together.
func (c *customer) asked() time.Duration {
	wait := c.answer.retryAfter
	if wait == 0 {
		wait = defaultRetry
	}
	wait = min(wait, longestRetry)
	return wait + time.Duration(c.random.Int64N(int64(wait/2)))
}

// backoff is how long to wait after a broken connection: 50 ms, doubled each time,
// and up to half as much again.
func backoff(try int) time.Duration {
	wait := 25 * time.Millisecond << try
	return wait + time.Duration(rand.Int64N(int64(wait/2)))
}

// broken is a connection that failed.
type broken struct {
	error
	unsent bool // nothing of the request has reached the server
}

// send sends c.request and reads c.answer, over a new connection if there is none.
func (c *customer) send(ctx context.Context, now time.Time, keep bool) *broken {
	if c.conn != nil && now.Sub(c.conn.used) > maxIdle {
		c.hangUp()
	}
	if c.conn == nil {
		if err := c.connect(ctx); err != nil {
			return &broken{error: err, unsent: true}
		}
	}
	if err := c.conn.exchange(c.request, &c.answer, keep); err != nil {
		c.hangUp()
		return &broken{error: err}
	}
	if c.answer.closes {
		c.hangUp()
		return nil
	}
	c.conn.used = now
	return nil
}

func (c *customer) connect(ctx context.Context) (err error) {
	c.conn, err = c.dialer.connect(ctx)
	return err
}

func (c *customer) hangUp() {
	if c.conn != nil {
		c.dialer.hangUp(c.conn)
		c.conn = nil
	}
}

// remember keeps the path of the order just placed for later polls, and cancels a
// share of them.
func (c *customer) remember(ctx context.Context) {
	if len(c.answer.location) == 0 {
		return
	}
	at := c.placed % len(c.recent)
	c.recent[at] = append(c.recent[at][:0], c.answer.location...)
	c.placed++
	if !c.cancels() {
		return
	}
	c.request = c.cancel(c.request[:0], c.recent[at])
	err := c.send(ctx, time.Now(), false)
	switch status := c.answer.status; {
	case err != nil:
		c.count.fail("cancel: " + err.Error())
	case status != http.StatusAccepted && status != http.StatusConflict && !refusal(status):
		c.count.fail(fmt.Sprintf("cancel: status %d", status))
	}
}

// known reports whether this connection knows any order to ask for.
func (c *customer) known() bool { return c.placed > 0 || len(c.old) > 0 }

// path is that of an order to ask for: half the time one that this connection
// placed lately, half one that a list ended with, which may be as old as the store.
func (c *customer) path() []byte {
	if c.placed == 0 || len(c.old) > 0 && c.random.IntN(2) == 0 {
		return c.old
	}
	return c.recent[c.random.IntN(min(c.placed, len(c.recent)))]
}

// ask sends one question. What is refused is not asked again.
func (c *customer) ask(ctx context.Context, m measure, request []byte, due time.Time) {
	c.request = request
	sent := time.Now()
	err := c.send(ctx, sent, m == listed)
	switch {
	case err != nil && ctx.Err() == nil:
		c.count.fail(err.Error())
	case err != nil:
	case refusal(c.answer.status):
		c.count.took(refused, time.Since(sent))
	case c.answer.status != http.StatusOK:
		c.count.fail(fmt.Sprintf("status %d of a GET", c.answer.status))
	default:
		c.count.took(m, time.Since(due))
		c.learn()
	}
}

// learn keeps the path of the last order of a list.
func (c *customer) learn() {
	name := []byte(`"order_id":"`)
	at := bytes.LastIndex(c.answer.body, name)
	if at < 0 {
		return
	}
	id, _, whole := bytes.Cut(c.answer.body[at+len(name):], []byte(`"`))
	if whole {
		c.old = append(append(c.old[:0], "/orders/"...), id...)
	}
}
