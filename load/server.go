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

// ReadyLine is what a process of the command, serve or a service's name, prints on
// its standard output once it answers at the URL.
func ReadyLine(command, url string) string {
	if command == "serve" {
		return "holdfast is ready at " + url
	}
	return "holdfast " + command + " is ready at " + url
}

// Server is a process of Holdfast that answers requests.
type Server struct {
	URL string
	cmd *exec.Cmd
}

// Start runs a command of the binary with its flags, and waits until it is ready.
// What it logs goes to logs.
func Start(ctx context.Context, binary string, logs io.Writer, command string, flags ...string) (*Server, error) {
	args := append([]string{command}, flags...)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stderr = logs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("holdfast %s did not start: %w", command, err)
	}
	s := &Server{cmd: cmd}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), ReadyLine(command, "")); ok {
			s.URL = url
			go io.Copy(io.Discard, stdout)
			return s, nil
		}
	}
	return nil, fmt.Errorf("holdfast %s ended before it was ready: %w", command, errors.Join(lines.Err(), cmd.Wait()))
}

// Stop asks the process to end as an operator would, and waits for it.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// Kill ends the process with SIGKILL, in the middle of whatever it does.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// PID is the process id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Usage is what the process took from the machine; known once it has ended.
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
