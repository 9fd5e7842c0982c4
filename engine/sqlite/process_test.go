package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// otherProcess, where it is set, has the test binary be another process that uses
// a queue, until its standard input ends: "take FOLDER" or "hold FILE".
const otherProcess = "HOLDFAST_TEST_PROCESS"

func TestMain(m *testing.M) {
	what, path, _ := strings.Cut(os.Getenv(otherProcess), " ")
	run := map[string]func(context.Context, string) error{"take": takeAll, "hold": holdFile}[what]
	if run == nil {
		os.Exit(m.Run())
	}
	ctx, end := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		end()
	}()
	if err := run(ctx, path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// takeAll receives and acknowledges what comes to payment, and prints its orders.
func takeAll(ctx context.Context, dir string) error {
	queues, err := OpenQueues(QueueOptions{Dir: dir, Shared: true})
	if err != nil {
		return err
	}
	defer queues.Close()
	fmt.Println("ready")
	return take(ctx, queues.Queues[event.Payment], func(id string) { fmt.Println(id) })
}

func take(ctx context.Context, q event.Queue, each func(id string)) error {
	for ctx.Err() == nil {
		deliveries, err := q.Receive(ctx, 7, time.Hour)
		if err != nil {
			return err
		}
		for _, d := range deliveries {
			each(d.Event.OrderID)
			if err := q.Ack(context.WithoutCancel(ctx), d.Receipt); err != nil {
				return err
			}
		}
	}
	return nil
}

// holdFile has a file open and takes no notice of what becomes of it.
func holdFile(ctx context.Context, path string) error {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	if _, err := number(conn, "SELECT count(*) FROM messages"); err != nil {
		return err
	}
	fmt.Println("ready")
	<-ctx.Done()
	return nil
}

// startProcess starts another process and returns what it prints once it is
// ready; end has it end.
func startProcess(t *testing.T, what string) (lines *bufio.Scanner, end func()) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(binary)
	c.Env, c.Stderr = append(os.Environ(), otherProcess+"="+what), os.Stderr
	in, errIn := c.StdinPipe()
	out, errOut := c.StdoutPipe()
	if err := c.Start(); err != nil || errIn != nil || errOut != nil {
		t.Fatal(err, errIn, errOut)
	}
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	if lines = bufio.NewScanner(out); !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the process says %q", lines.Text())
	}
	return lines, func() { in.Close() }
}

func TestTwoProcessesReceiveEachEventOnce(t *testing.T) {
	const total = 2000
	dir := t.TempDir()
	q := openQueues(t, QueueOptions{Dir: dir, Capacity: total}).Queues[event.Payment]
	lines, end := startProcess(t, "take "+dir)
	sendTo(t, q, 1)
	if !lines.Scan() || lines.Text() != reserved(0).OrderID {
		t.Fatalf("the other process received %q", lines.Text())
	}
	seen := map[string]int{lines.Text(): 1}
	ctx, stop := context.WithCancel(t.Context())
	here := make(chan error)
	go func() { here <- take(ctx, q, func(id string) { seen[id]++ }) }()
	for _, e := range reservations(total)[1:] {
		if err := q.Send(t.Context(), []event.Event{e}); err != nil {
			t.Fatal(err)
		}
	}
	waitUntilEmpty(t, q, here)
	stop()
	if err := <-here; err != nil {
		t.Error(err)
	}
	for end(); lines.Scan(); {
		seen[lines.Text()]++
	}
	for i := range total {
		if n := seen[reserved(i).OrderID]; n != 1 {
			t.Errorf("event %d was received %d times", i, n)
		}
	}
}

// waitUntilEmpty waits until nothing is in a queue, or its reader has failed.
func waitUntilEmpty(t *testing.T, q event.Queue, failed <-chan error) {
	t.Helper()
	for {
		d, err := q.Depth(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d.Ready+d.InFlight == 0 {
			return
		}
		select {
		case err := <-failed:
			t.Fatal(err)
		default:
		}
	}
}

// A process that still has the deleted file open shares the index of its log with
// whoever makes the next, unless that is cleared away.
func TestAQueueFileIsMadeAnewBesideAProcessThatHasTheOldOneOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "payment.queue.db")
	q := openQueues(t, QueueOptions{Dir: dir}).Queues[event.Payment]
	sendTo(t, q, 500)
	startProcess(t, "hold "+path)
	deleteFiles(t, path, "")
	wantWords(t, q.Send(t.Context(), reservations(1)), "moved, replaced or deleted")
	sendTo(t, q, 3)
	ackTo(t, q, receiveFrom(t, q, 3, time.Hour))
	wantDepth(t, q, 0, 0)
	wantIntact(t, q)
}
