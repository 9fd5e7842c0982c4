package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
	"holdfast/load"
)

func TestASecondServerOnTheFolderIsRefusedAndNamesTheHolder(t *testing.T) {
	data := t.TempDir()
	serve(t, data)
	for _, command := range []string{"serve --addr 127.0.0.1:0", "setup"} {
		args := append(strings.Fields(command), "--data", data)
		out, err := holdfast(t, args...)
		if exitStatus(err) != exitFailed || !strings.Contains(out, `in use by "holdfast serve", process `) {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

func TestAPortInUseIsRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	out, err := holdfast(t, "serve", "--data", t.TempDir(), "--addr", taken.Addr().String())
	if exitStatus(err) != exitFailed || !strings.Contains(out, "choose another address with --addr") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestADataFolderThatIsNoneIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := holdfast(t, "serve", "--data", file, "--addr", "127.0.0.1:0")
	if exitStatus(err) != exitFailed || !strings.Contains(out, "choose another with --data") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSIGTERMExitsZeroWithWorkInFlight(t *testing.T) {
	data := t.TempDir()
	server := serve(t, data, "--log-level", "warn")
	c := client.New(server.URL, nil)
	placed, err := c.Place(t.Context(), client.PlaceOrder{UserID: "u", Items: []client.Line{{SKU: "A123", Qty: 1}}, PaymentMethod: "sim_down"}, "")
	if err != nil {
		t.Fatal(err)
	}
	go c.Order(context.Background(), placed.OrderID, time.Minute) // a request under way may not hold up the end
	if err := server.Stop(); err != nil {
		t.Errorf("exit: %v", err)
	}
	server = serve(t, data, "--log-level", "warn")
	if _, err := client.New(server.URL, nil).Order(t.Context(), placed.OrderID, 0); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

// TestTheDiskFailsAndComesBack lets the server write files up to a size only,
// as a full disk would: it must answer 503, write nothing by halves, and lose
// nothing that it had accepted.
func TestTheDiskFailsAndComesBack(t *testing.T) {
	t.Setenv(beHoldfast, "1")
	data := t.TempDir()
	script := filepath.Join(t.TempDir(), "limited")
	text := "#!/bin/sh\nulimit -f 2000\nexec " + os.Args[0] + ` "$@"` + "\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	server, err := load.Start(context.Background(), script, data, os.Stderr, "--log-level", "error")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	c := client.New(server.URL, nil)
	order := client.PlaceOrder{UserID: strings.Repeat("u", 128), Items: []client.Line{{SKU: "C789", Qty: 1}}, PaymentMethod: "sim_approve"}
	var accepted []string
	var refused *client.Problem
	for range 5000 {
		placed, err := c.Place(t.Context(), order, "")
		if errors.As(err, &refused) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		accepted = append(accepted, placed.OrderID)
	}
	if refused == nil || refused.Status != http.StatusServiceUnavailable {
		t.Fatalf("after %d orders: %v, want a 503", len(accepted), refused)
	}
	t.Logf("accepted %d, then: %v", len(accepted), refused)
	server.Kill()

	server = serve(t, data, "--log-level", "warn") // with room again
	c = client.New(server.URL, nil)
	for _, id := range accepted {
		if o, err := c.Order(t.Context(), id, time.Minute); err != nil || o.Status == "PENDING" {
			t.Errorf("order %s is lost: %v %s", id, err, o.Status)
		}
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	drained(t, data)
}

// exitStatus is the status that a command ended with; 0 for no error.
func exitStatus(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}
