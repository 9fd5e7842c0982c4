package main

import (
	"fmt"
	"net"
	"testing"
)

// A port is one of many addresses' own, and of connections that nobody listens for.
func TestWhoListensIsToldByTheWholeAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	for addr, want := range map[string]int{
		fmt.Sprintf("127.0.0.1:%d", port): 1, fmt.Sprintf("0.0.0.0:%d", port): 1, fmt.Sprintf(":%d", port): 1,
		connection.LocalAddr().String(): 0,
	} {
		at, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(listening(at)); got != want {
			t.Errorf("%s: %d listen there, want %d", addr, got, want)
		}
	}
}

func TestAddressesAreReadAsTheKernelWritesThem(t *testing.T) {
	for cell, addr := range map[string]string{
		"0100007F:1F40": "127.0.0.1:8000", "00000000000000000000000001000000:1F40": "[::1]:8000",
		"0000000000000000FFFF00000100007F:1F40": "127.0.0.1:8000", "00000000:1F40": "10.1.2.3:8000", "00000000000000000000000000000000:1F40": "10.1.2.3:8000",
	} {
		at, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if at.Port++; meets(at, cell) {
			t.Errorf("%s is %s", cell, at)
		}
		if at.Port--; !meets(at, cell) {
			t.Errorf("%s is not %s", cell, at)
		}
	}
	if at := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 8000}); meets(at, "0100007F:1F40") {
		t.Errorf("127.0.0.1:8000 is %s", at)
	}
}
