package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/api/client"
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

func TestTheDataFolderIsItsOwnersAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	serve(t, data)
	info, err := os.Stat(data)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestALoadPrintsWhatItMeasuredThoughTheServerDies(t *testing.T) {
	server := serve(t, t.TempDir(), "--log-level", "error")
	c := client.New(server.URL, nil)
	go func() {
		for {
			page, err := c.Orders(t.Context(), client.OrderFilter{Status: "COMPLETED", Limit: 1}, "")
			if err != nil || len(page.Orders) > 0 {
				syscall.Kill(server.PID(), syscall.SIGKILL)
				return
			}
		}
	}()
	out, err := holdfast(t, "load", "--url", server.URL, "--rate", "saturate", "--clients", "4", "--skus", "2", "--duration", "1s")
	if exitStatus(err) != exitFailed || !strings.Contains(out, "orders accepted") || !strings.Contains(out, "no longer answers") {
		t.Errorf("%v\n%s", err, out)
	}
}

// exitStatus is the status that a command ended with; 0 for no error.
func exitStatus(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}
