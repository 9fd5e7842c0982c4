package main

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"holdfast/api/client"
)

func TestAPortInUseIsRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := setUp(t)
	for command := range standard {
		out, err := holdfast(t, command, "--data", data, "--addr", taken.Addr().String())
		if exitStatus(err) != exitFailed || !strings.Contains(out, "choose another address with --addr") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

// TestATakenStandardPortIsReplaced has two of each service: the second finds the
// standard port taken, whoever took it.
func TestATakenStandardPortIsReplaced(t *testing.T) {
	data := setUp(t)
	for command, hint := range map[string]string{
		"order":     "give clients --url ",
		"inventory": "unless another holdfast inventory answers at 127.0.0.1:8001, start holdfast order with --inventory-url ",
		"payment":   "unless another holdfast payment answers at 127.0.0.1:8002, start holdfast order with --payment-url ",
	} {
		if taken, err := net.Listen("tcp", standard[command]); err == nil {
			defer taken.Close()
		}
		var logs bytes.Buffer
		s := startLogging(t, &logs, command, "--data", data)
		if strings.HasSuffix(s.URL, standard[command]) {
			t.Errorf("%s answers at %s, which is taken", command, s.URL)
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(logs.String(), standard[command]+" is taken") || !strings.Contains(logs.String(), hint+s.URL) {
			t.Errorf("the log of %s does not say what to do:\n%s", command, logs.String())
		}
	}
}

func TestServeDoesNotLeaveItsStandardPort(t *testing.T) {
	if taken, err := net.Listen("tcp", standard["serve"]); err == nil {
		defer taken.Close()
	}
	out, err := holdfast(t, "serve", "--data", t.TempDir())
	if exitStatus(err) != exitFailed || !strings.Contains(out, "cannot listen on 127.0.0.1:8000") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestAnAddressThatOthersReachNeedsKeys has a server answer on all addresses.
func TestAnAddressThatOthersReachNeedsKeys(t *testing.T) {
	var logs bytes.Buffer
	data := setUp(t)
	s := startLogging(t, &logs, "serve", "--data", data, "--addr", "0.0.0.0:0")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	c := client.New("http://127.0.0.1:"+port, nil)
	if _, err := c.Stock(t.Context(), "A123"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a stranger was let in: %v", err)
	}
	out, err := holdfast(t, "keys", "create", "me", "--scope", "inventory", "--data", data)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	secret, _, _ := strings.Cut(out, "\n")
	if _, err := c.WithKey(secret).Stock(t.Context(), "A123"); err != nil {
		t.Error(err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"there is no API key yet", "cross the network in clear"} {
		if !strings.Contains(logs.String(), want) {
			t.Errorf("the log does not say that %q:\n%s", want, logs.String())
		}
	}
}

func TestOnlyALoopbackAddressIsNotExposed(t *testing.T) {
	for addr, exposed := range map[string]bool{
		"": false, "127.0.0.1:8000": false, "127.8.9.1:1": false, "localhost:0": false, "[::1]:8000": false,
		":8000": true, "0.0.0.0:8000": true, "[::]:8000": true, "192.0.2.1:8000": true, "example.com:80": true,
	} {
		if h := (hosting{Addr: addr}); h.exposed() != exposed || h.needsKeys() != exposed {
			t.Errorf("%q: exposed %v, want %v", addr, h.exposed(), exposed)
		}
	}
}
