package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/api/client"
	"holdfast/emulator"
	"holdfast/order"
)

// TestAnOutageOfAWSLosesNothing takes AWS away under three processes at work and
// gives it back: first nobody listens there, then somebody who never answers.
func TestAnOutageOfAWSLosesNothing(t *testing.T) {
	line := newLine(t, emulator.ForTest(t).URL)
	onAWSAt(t, line.url)
	at := fresh()
	setUpAt(t, at, "--stock", stockFile(t, plentyStock))
	c := newCrew(t, at)
	door := c.client()
	var placed []string
	for _, broken := range []state{refusing, silent} {
		for range 20 {
			placed = append(placed, place(t, door, "sim_approve"))
		}
		line.become(broken)
		wantRefused(t, c.member["order"].URL)
		line.become(carrying)
	}
	placed = append(placed, placeAgain(t, door))
	for _, id := range placed {
		if o, err := door.Order(t.Context(), id, time.Minute); err != nil || o.Status != string(order.Completed) {
			t.Errorf("order %s is %s, %v", id, o.Status, err)
		}
	}
	for _, queue := range []string{"order", "inventory", "payment"} {
		for l, err := range door.DeadLetters(t.Context(), queue) {
			t.Errorf("the %s queue has a dead letter: %v, %v", queue, l.Reason, err)
		}
	}
	waitUntilDrained(t, at)
}

// TestAnOutageOfTheQueuesAloneRefusesNoOrder has nobody answer where SQS was.
func TestAnOutageOfTheQueuesAloneRefusesNoOrder(t *testing.T) {
	at := onEmulator(t)
	line := newLine(t, emulator.ForTest(t).URL)
	t.Setenv("AWS_ENDPOINT_URL_SQS", line.url)
	setUpAt(t, at)
	server := startAt(t, "serve", at, "--sweep", "1s", "--log-level", "error")
	line.become(silent)
	id := place(t, client.New(server.URL, &http.Client{Timeout: patience}), "sim_approve")
	line.become(carrying)
	o, err := client.New(server.URL, &http.Client{Timeout: 2 * time.Minute}).Order(t.Context(), id, time.Minute)
	if err != nil || o.Status != string(order.Completed) {
		t.Errorf("order %s is %s, %v", id, o.Status, err)
	}
}

// wantRefused places an order, which must be refused, while a command of ours would
// still wait, with a 503 that says when to come again.
func wantRefused(t *testing.T, server string) {
	t.Helper()
	hasty := &http.Client{Timeout: patience}
	answer, err := hasty.Post(server+"/orders", "application/json", strings.NewReader(`{"user_id": "u", "items": [{"sku": "C789", "qty": 1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", answer.Status, answer.Header.Get("Retry-After"))
	}
}

// placeAgain places an order as soon as orders are taken again.
func placeAgain(t *testing.T, c *client.Client) (id string) {
	t.Helper()
	waitUntil(t, func() bool {
		placed, err := c.Place(t.Context(), client.PlaceOrder{UserID: "u", Items: []client.Line{{SKU: "C789", Qty: 1}}, PaymentMethod: "sim_approve"}, "")
		id = placed.OrderID
		return err == nil
	})
	return id
}

// state is what a line does with a connection.
type state int

const (
	carrying state = iota
	refusing       // ends it
	silent         // takes it, and carries nothing
)

// line is a way to a server that can be broken.
type line struct {
	url string
	to  string

	mu    sync.Mutex
	state state
	open  map[net.Conn]bool
}

func newLine(t *testing.T, server string) *line {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l := &line{url: "http://" + listener.Addr().String(), to: u.Host, open: make(map[net.Conn]bool)}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(conn)
		}
	}()
	return l
}

// become changes what happens to connections, and ends those that there are.
func (l *line) become(s state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
	for conn := range l.open {
		conn.Close()
	}
	clear(l.open)
}

// carry takes one connection as the line's state says.
func (l *line) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer far.Close()
	l.mu.Lock()
	is := l.state
	if is != refusing {
		l.open[near] = true
	}
	l.mu.Unlock()
	switch is {
	case silent:
		io.Copy(io.Discard, near)
	case carrying:
		go io.Copy(near, far)
		io.Copy(far, near)
	}
	l.mu.Lock()
	delete(l.open, near)
	l.mu.Unlock()
}
