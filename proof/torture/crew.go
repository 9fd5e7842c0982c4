package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast/load"
)

// member is one process of a Holdfast, at an address that it keeps when it is
// started again.
type member struct {
	command string // serve, or a service
	addr    string
	flags   []string
	log     *os.File
	server  *load.Server // nil: not running
	frozen  bool
}

// crew is the processes of one Holdfast on one folder. The first is the one that
// clients use.
type crew struct {
	binary string
	data   string
	logs   string
	all    []*member
}

func (m *member) url() string { return "http://" + m.addr }

// join adds a process to the crew; it is not started yet.
func (c *crew) join(command string, flags ...string) (*member, error) {
	addr, err := address()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(c.logs, fmt.Sprintf("%d-%s.log", len(c.all), command)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	m := &member{command: command, addr: addr, log: log,
		flags: append([]string{"--data", c.data, "--addr", addr, "--log-level", "info"}, flags...)}
	c.all = append(c.all, m)
	return m, nil
}

// The ports that members take lie below those that systems give out for outgoing
// connections: a client that dials a dead member's port must not be given that port.
const firstPort, ports = 10_000, 20_000

// address finds a free one on this machine.
func address() (string, error) {
	var err error
	for range 50 {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(ports))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", fmt.Errorf("no free port: %w", err)
}

// start starts a member and waits until it is ready. It is killed once ctx has
// ended, ready or not.
func (c *crew) start(ctx context.Context, m *member) (err error) {
	m.server, err = load.Start(ctx, c.binary, m.log, m.command, m.flags...)
	if err != nil {
		m.server = nil
		return fmt.Errorf("%w; its log is %s", err, m.log.Name())
	}
	return nil
}

// startBriefly starts a member and kills it so long after, ready or not.
func (c *crew) startBriefly(m *member, life time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), life)
	defer cancel()
	err := c.start(ctx, m)
	if err != nil && ctx.Err() == nil {
		return err
	}
	<-ctx.Done()
	c.kill(m)
	return nil
}

// startAll starts whoever does not run.
func (c *crew) startAll() error {
	errs := make([]error, len(c.all))
	var starting sync.WaitGroup
	for i, m := range c.all {
		if m.server == nil {
			starting.Go(func() { errs[i] = c.start(context.Background(), m) })
		}
	}
	starting.Wait()
	return errors.Join(errs...)
}

// kill ends members with SIGKILL.
func (c *crew) kill(members ...*member) {
	for _, m := range members {
		if m.server != nil {
			m.server.Kill()
		}
		m.server, m.frozen = nil, false
	}
}

// freeze stops a member with SIGSTOP, or lets it go on with SIGCONT.
func (c *crew) freeze(m *member, frozen bool) error {
	signal := syscall.SIGCONT
	if frozen {
		signal = syscall.SIGSTOP
	}
	m.frozen = frozen
	return syscall.Kill(m.server.PID(), signal)
}

// thaw lets all go on that are frozen, and reports whether there was one.
func (c *crew) thaw() (any bool) {
	for _, m := range c.all {
		if m.frozen {
			any = c.freeze(m, false) == nil || any
		}
	}
	return any
}

// disband kills whoever runs, and closes the logs.
func (c *crew) disband() {
	for _, m := range c.all {
		if m.server != nil {
			m.server.Kill()
		}
		m.log.Close()
	}
}

// stop asks all to end as an operator would; each must exit 0.
func (c *crew) stop() error {
	errs := make([]error, len(c.all))
	var stopping sync.WaitGroup
	for i, m := range c.all {
		stopping.Go(func() {
			if err := m.server.Stop(); err != nil {
				errs[i] = fmt.Errorf("holdfast %s on SIGTERM: %w", m.command, err)
			}
			m.server = nil
		})
	}
	stopping.Wait()
	return errors.Join(errs...)
}

// run runs a command on the crew's folder to its end.
func (c *crew) run(ctx context.Context, command string, flags ...string) (said string, err error) {
	out, err := exec.CommandContext(ctx, c.binary, append([]string{command, "--data", c.data}, flags...)...).CombinedOutput()
	return string(out), err
}

// refusedIn is how long a refusal may take.
const refusedIn = 20 * time.Second

// intrude starts another serve on the folder. It must be refused, and told by whom.
func (c *crew) intrude() error {
	ctx, cancel := context.WithTimeout(context.Background(), refusedIn)
	defer cancel()
	said, err := c.run(ctx, "serve", "--addr", "127.0.0.1:0")
	exit := new(exec.ExitError)
	holder := fmt.Sprintf("%q, process %d", "holdfast "+c.all[0].command, c.all[0].server.PID())
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(said, holder) {
		return fmt.Errorf("a second holdfast serve on the folder of %s: %w\n%s", holder, err, said)
	}
	return nil
}
