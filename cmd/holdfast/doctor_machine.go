package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"holdfast/api/client"
)

// What a process needs of the machine.
const (
	leastMemory  = 128 << 20
	scarceMemory = 512 << 20 // a process at full load takes 300 MB
	leastFiles   = 256
	scarceFiles  = 1024 // each connection is one
)

// examineMachine looks at the memory that is left, where that can be told, and at
// how many files and connections a process may have.
func examineMachine() []finding {
	var all []finding
	if free, known := freeMemory(); known {
		f := finding{Check: "memory", Verdict: passes, Found: humanize.Bytes(free) + " available"}
		if free < scarceMemory {
			f.Verdict, f.Do = warns, "free some: a process takes up to 300 MB"
		}
		if free < leastMemory {
			f.Verdict = fails
		}
		all = append(all, f)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return all
	}
	f := finding{Check: "open files", Verdict: passes, Found: fmt.Sprintf("%d at a time, connections included", limit.Cur)}
	if limit.Cur < scarceFiles {
		f.Verdict, f.Do = warns, "raise it where holdfast is started: ulimit -n 65536, or LimitNOFILE= of its systemd unit"
	}
	if limit.Cur < leastFiles {
		f.Verdict = fails
	}
	return append(all, f)
}

// examinePort looks at whether a process can listen on an address, or who does. A
// holdfast that answers there is well; anybody else is what the verdict says.
func examinePort(ctx context.Context, addr string, taken verdict) finding {
	f := finding{Check: "port", Verdict: passes, Found: addr + " is free"}
	listener, err := net.Listen("tcp", addr)
	if err == nil {
		err = listener.Close()
	}
	switch {
	case err == nil:
	case errors.Is(err, syscall.EADDRINUSE):
		if isHoldfast(ctx, addr) {
			f.Found = addr + ": a holdfast answers there"
			return f
		}
		f.Verdict, f.Found, f.Do = taken, addr+" is taken by "+listenerOn(addr), "stop what listens there, or choose another address with --addr"
	case errors.Is(err, syscall.EACCES):
		f.Verdict, f.Found, f.Do = fails, fmt.Sprintf("%s may not be taken by this user: %v", addr, err), "choose a port from 1024 on, and let a proxy have the other"
	default:
		f.Verdict, f.Found, f.Do = fails, err.Error(), "choose another address with --addr"
	}
	return f
}

// askTime is how long whoever listens has to say who it is.
const askTime = 2 * time.Second

// isHoldfast reports whether a holdfast answers at an address: it alone has problems
// of this type. Whose certificate it has is no matter here.
func isHoldfast(ctx context.Context, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	asking := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for _, scheme := range []string{"http://", "https://"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+addr+"/livez/none", nil)
		if err != nil {
			return false
		}
		answer, err := asking.Do(request)
		if err != nil {
			continue
		}
		var p client.Problem
		err = json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&p)
		answer.Body.Close()
		if err == nil && strings.HasPrefix(p.Type, "urn:holdfast:problem:") {
			return true
		}
	}
	return false
}
