package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// beEmulator makes the test binary behave as emulator.
const beEmulator = "BE_EMULATOR"

func TestMain(m *testing.M) {
	if os.Getenv(beEmulator) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is emulator with these arguments, in an environment that speaks of
// another account.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), beEmulator+"=1", "AWS_PROFILE=other", "AWS_ENDPOINT_URL_SQS=http://other")
	return cmd
}

func wantCode(t *testing.T, err error, want int) {
	t.Helper()
	failed := (*exec.ExitError)(nil)
	if !errors.As(err, &failed) || failed.ExitCode() != want {
		t.Errorf("it ended with %v, want exit code %d", err, want)
	}
}

func TestACommandFindsTheEmulatorAndNoOtherAccount(t *testing.T) {
	out, err := command("--", "sh", "-c", "env | grep ^AWS_ | cut -d= -f1 | sort; exit 7").Output()
	wantCode(t, err, 7)
	if want := "AWS_ACCESS_KEY_ID AWS_ENDPOINT_URL AWS_REGION AWS_SECRET_ACCESS_KEY"; strings.Join(strings.Fields(string(out)), " ") != want {
		t.Errorf("its environment has %s, want %s", out, want)
	}
}

func TestACommandIsToldOfASignal(t *testing.T) {
	for _, s := range []struct {
		script string
		signal syscall.Signal
		want   int
	}{
		{`trap "exit 3" INT; echo up; while :; do sleep 0.1; done`, syscall.SIGINT, 3},
		{`echo up; sleep 600`, syscall.SIGTERM, 128 + int(syscall.SIGTERM)},
	} {
		cmd := command("--", "sh", "-c", s.script)
		firstLine(t, cmd)
		if err := cmd.Process.Signal(s.signal); err != nil {
			t.Fatal(err)
		}
		wantCode(t, cmd.Wait(), s.want)
	}
}

// firstLine starts a command and returns what it says first.
func firstLine(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestACommandThatIsNotThereIsAnError(t *testing.T) {
	_, err := command("--", "no-such-command").Output()
	wantCode(t, err, 1)
	if failed := (*exec.ExitError)(nil); !errors.As(err, &failed) || !strings.Contains(string(failed.Stderr), "no-such-command") {
		t.Errorf("it says %v", err)
	}
}

// The port is one that was free just now: 4566 may be taken on this machine.
func TestWithoutACommandItSaysWhereItIsAndWaits(t *testing.T) {
	out, err := command("--", "sh", "-c", "echo ${AWS_ENDPOINT_URL##*:}").Output()
	if err != nil {
		t.Fatal(err)
	}
	port := strings.TrimSpace(string(out))
	cmd := command("--port", port)
	read, write := io.Pipe()
	cmd.Stdout = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(read)
	lines.Scan()
	lines.Scan()
	words := strings.Fields(lines.Text())
	if words[0] != "export" || !slices.Contains(words, "AWS_ENDPOINT_URL=http://127.0.0.1:"+port) || len(words) != 5 {
		t.Errorf("it says %q", lines.Text())
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
