// Emulator runs AWS on this machine, for a command or until it is interrupted:
//
//	emulator [--port N] [--auth] -- holdfast serve --engine aws
//	emulator [--port N] [--auth]
//
// A command finds in its environment how to reach it, and nothing of another
// account; SIGINT and SIGTERM are passed on to it; when it ends, so does the
// emulator, with the same exit code. Without a command what to put into the
// environment is printed, for other terminals.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"holdfast/emulator"
)

// usualPort is where MiniStack, and LocalStack before it, is looked for.
const usualPort = 4566

func main() {
	port := flag.Int("port", 0, "port on 127.0.0.1; 0: any that is free for a command, else 4566")
	auth := flag.Bool("auth", false, "enforce IAM")
	flag.Parse()
	code, err := run(*port, *auth, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "emulator:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(port int, auth bool, command []string) (code int, err error) {
	if port == 0 && len(command) == 0 {
		port = usualPort
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	m, err := start(emulator.Options{Port: port, Auth: auth})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if len(command) > 0 {
		return follow(command, environ(m), signals)
	}
	fmt.Println("# AWS is emulated until this is interrupted. In other terminals:")
	fmt.Println("export " + strings.Join(m.Environ(), " "))
	<-signals
	return 0, nil
}

// start starts the emulator; a signal meanwhile breaks it off.
func start(o emulator.Options) (*emulator.MiniStack, error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o.Log = func(s string) { fmt.Fprintln(os.Stderr, s) }
	return emulator.Start(ctx, o)
}

// environ is this environment with the emulator's account in the place of any
// other: a profile, or an endpoint of one service alone, would win over it.
func environ(m *emulator.MiniStack) []string {
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	return append(own, m.Environ()...)
}

// follow runs the command to its end and returns its exit code. The command has a
// process group of its own, so that it gets each signal once: from here, not from
// the terminal as well.
func follow(command, env []string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, nil, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			// It may have ended just now; then there is nobody to tell.
			_ = syscall.Kill(-cmd.Process.Pid, s.(syscall.Signal))
		case err := <-ended:
			return exitCode(err)
		}
	}
}

// exitCode is a command's own, or, as a shell has it, 128 and the signal that
// ended it.
func exitCode(err error) (int, error) {
	failed := (*exec.ExitError)(nil)
	if !errors.As(err, &failed) {
		return 0, err
	}
	if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return failed.ExitCode(), nil
}
