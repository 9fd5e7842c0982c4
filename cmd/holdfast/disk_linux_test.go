package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/api/client"
	"holdfast/order"
)

// TestTheDiskFailsAndComesBack lets the server write files up to a size only,
// as a full disk would: it must answer 503, write nothing by halves, lose nothing
// that it had accepted, and go on by itself once there is room again.
func TestTheDiskFailsAndComesBack(t *testing.T) {
	data := t.TempDir()
	server := serve(t, data, "--log-level", "error")
	c := client.New(server.URL, &http.Client{Timeout: 2 * time.Minute})
	var before unix.Rlimit
	if err := unix.Prlimit(server.PID(), unix.RLIMIT_FSIZE, nil, &before); err != nil {
		t.Fatal(err)
	}
	limitFileSize(t, server.PID(), unix.Rlimit{Cur: 1 << 20, Max: before.Max})

	request := client.PlaceOrder{UserID: strings.Repeat("u", 128), Items: []client.Line{{SKU: "C789", Qty: 1}}, PaymentMethod: "sim_approve"}
	accepted, refused := placeUntilRefused(t, c, request)
	if refused == nil || refused.Status != http.StatusServiceUnavailable {
		t.Fatalf("after %d orders: %v, want a 503", len(accepted), refused)
	}
	t.Logf("accepted %d, then: %v", len(accepted), refused)

	limitFileSize(t, server.PID(), before)
	placed, err := c.Place(t.Context(), request, "")
	if err != nil {
		t.Fatalf("with room again: %v", err)
	}
	for _, id := range append(accepted, placed.OrderID) {
		if o, err := c.Order(t.Context(), id, time.Minute); err != nil || !order.Status(o.Status).Ended() {
			t.Errorf("order %s has no end: %v %s", id, err, o.Status)
		}
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	drained(t, data)
}

func limitFileSize(t *testing.T, pid int, limit unix.Rlimit) {
	t.Helper()
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}

// placeUntilRefused places one order after another until the server refuses one.
func placeUntilRefused(t *testing.T, c *client.Client, request client.PlaceOrder) (accepted []string, refused *client.Problem) {
	t.Helper()
	for range 20_000 {
		placed, err := c.Place(t.Context(), request, "")
		if errors.As(err, &refused) {
			return accepted, refused
		}
		if err != nil {
			t.Fatal(err)
		}
		accepted = append(accepted, placed.OrderID)
	}
	return accepted, nil
}
