package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ReadyPrefix begins the line that `holdfast serve` prints on its standard
// output once it answers; the rest of the line is its URL.
const ReadyPrefix = "holdfast is ready at "

// Server is a Holdfast server in a process of its own.
type Server struct {
	URL string
	cmd *exec.Cmd
}

// Start runs `binary serve` on a free port of this machine's loopback interface
// with the data folder given, and waits until it is ready. What the server logs
// goes to logs.
func Start(ctx context.Context, binary, data string, logs io.Writer, flags ...string) (*Server, error) {
	args := append([]string{"serve", "--addr", "127.0.0.1:0", "--data", data}, flags...)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stderr = logs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	s := &Server{cmd: cmd}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), ReadyPrefix); ok {
			s.URL = url
			go io.Copy(io.Discard, stdout)
			return s, nil
		}
	}
	return nil, fmt.Errorf("the server ended before it was ready: %w", errors.Join(lines.Err(), cmd.Wait()))
}

// Stop asks the server to end as an operator would, and waits for it.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// Kill ends the server with SIGKILL, in the middle of whatever it does.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// PID is the server's process id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Usage is what the server took from the machine; known once it has ended.
func (s *Server) Usage() (peakRSS int64, cpu time.Duration) {
	state := s.cmd.ProcessState
	if state == nil {
		return 0, 0
	}
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		peakRSS = u.Maxrss * maxrssUnit
	}
	return peakRSS, state.UserTime() + state.SystemTime()
}

// maxrssUnit is the unit of Rusage.Maxrss in bytes: KiB on Linux.
const maxrssUnit = 1024
