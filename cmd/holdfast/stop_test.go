package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"holdfast/api/client"
	"holdfast/load"
)

// place places an order of one C789.
func place(t testing.TB, c *client.Client, method string) (id string) {
	t.Helper()
	placed, err := c.Place(t.Context(), client.PlaceOrder{UserID: "u", Items: []client.Line{{SKU: "C789", Qty: 1}}, PaymentMethod: method}, "")
	if err != nil {
		t.Fatal(err)
	}
	return placed.OrderID
}

// waitForPayments returns once so many payments are recorded: their cards are
// being asked, and a server that is told to stop waits for them.
func waitForPayments(t *testing.T, data string, n int) {
	t.Helper()
	e, err := onSQLite{dir: data}.toRead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if payments, err := e.Payments.Scan(t.Context(), 0, n); err != nil || len(payments) == n {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

// TestSIGTERMExitsZeroThoughADatabaseIsLocked stops a server that cannot finish:
// cards do not answer, and another process keeps the payments locked.
func TestSIGTERMExitsZeroThoughADatabaseIsLocked(t *testing.T) {
	data := t.TempDir()
	var log bytes.Buffer
	server := serveLogging(t, data, &log, "--log-level", "warn")
	c := client.New(server.URL, nil)
	var slow []string
	for range 5 {
		slow = append(slow, place(t, c, "sim_slow"))
		place(t, c, "sim_down")
	}
	waitForPayments(t, data, 10)
	unlock := lockDatabase(t, filepath.Join(data, "payment.db"))
	slow = append(slow, place(t, c, "sim_slow"))
	go c.Order(context.Background(), slow[0], time.Minute)
	stopWithin(t, server, 30*time.Second)
	unlock()
	if !strings.Contains(log.String(), "the next start takes it up") {
		t.Error("the log does not say what becomes of the work")
	}

	server = serve(t, data, "--log-level", "warn")
	c = client.New(server.URL, &http.Client{Timeout: 2 * time.Minute})
	for _, id := range slow {
		if o, err := c.Order(t.Context(), id, time.Minute); err != nil || o.Status != "COMPLETED" {
			t.Errorf("order %s was not taken up: %v %s", id, err, o.Status)
		}
	}
	if out, err := holdfast(t, "audit", "--data", data); err != nil {
		t.Errorf("audit: %v\n%s", err, out)
	}
}

// stopWithin asks the server to end, and sees it exit with 0.
func stopWithin(t *testing.T, server *load.Server, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	defer context.AfterFunc(ctx, func() { syscall.Kill(server.PID(), syscall.SIGKILL) })()
	begun := time.Now()
	if err := server.Stop(); err != nil {
		t.Errorf("exit: %v", err)
	}
	t.Logf("ended after %s", time.Since(begun))
}

// lockDatabase keeps everybody else from writing to a database.
func lockDatabase(t *testing.T, path string) (unlock func()) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(conn, "BEGIN EXCLUSIVE", nil); err != nil {
		t.Fatal(err)
	}
	return func() { conn.Close() }
}

// TestASecondSignalEndsTheProcessAtOnce signals on and on while a card that does
// not answer holds up the end.
func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	data := t.TempDir()
	server := serve(t, data, "--log-level", "warn")
	place(t, client.New(server.URL, nil), "sim_down")
	waitForPayments(t, data, 1)
	stopped, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stopped.Done():
				return
			case <-tick.C:
				syscall.Kill(server.PID(), syscall.SIGTERM)
			}
		}
	}()
	err := server.Stop()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("the second signal did not end it: %v", err)
	}
}
