package crash_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/payment"
)

// every says how many points there are from one that is looked at to the next.
var every = flag.Int("every", pace, "look at every so many points; 1: at all")

// doomed, where it is set, has the test binary be the process that dies: a life in
// JSON. It runs no test then, and starts no process.
const doomed = "HOLDFAST_TEST_DOOMED"

func TestMain(m *testing.M) {
	text := os.Getenv(doomed)
	if text == "" {
		os.Exit(m.Run())
	}
	go func() {
		io.Copy(io.Discard, os.Stdin) // ends with the test that waits for us
		os.Exit(1)
	}()
	if err := live(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// life is what a process does before it dies.
type life struct {
	Dir    string
	Way    way
	Script string
	Point  int64 // where it dies
}

// live plays a script to its end, or dies.
func live(text string) error {
	var l life
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return err
	}
	i := slices.IndexFunc(scripts, func(s script) bool { return s.name == l.Script })
	return scripts[i].on(l, &death{at: l.Point}, func(w word) { json.NewEncoder(os.Stdout).Encode(w) })
}

// on plays the script on a folder, as the life says.
func (s script) on(l life, d *death, note func(word)) error {
	c := &customer{mail: &mail{death: d}, cards: &cards{asked: make(chan struct{}), voided: make(chan struct{})}, note: note}
	var err error
	c.shop, err = openShop(l.Dir, fittings{
		way: l.Way, playing: true, fault: d.fault,
		queue:   func(q event.Queue) event.Queue { return watched{q, c.mail, l.Way == apart} },
		gateway: func(g payment.Gateway) payment.Gateway { c.cards.Gateway = g; return c.cards },
	})
	if err != nil {
		return err
	}
	s.play(c, s.purchases)
	if err := c.drain(); err != nil {
		return err
	}
	return c.close()
}

// longestLife is how long a process may take to die.
const longestLife = time.Minute

// lead has a process live, and returns what its client asked and was told, and
// whether it died.
func (l life) lead(t *testing.T) (told notes, died bool) {
	t.Helper()
	text, errJSON := json.Marshal(l)
	binary, errPath := os.Executable()
	ctx, cancel := context.WithTimeout(t.Context(), longestLife)
	defer cancel()
	c := exec.CommandContext(ctx, binary)
	c.Env, c.Stderr = append(os.Environ(), doomed+"="+string(text)), os.Stderr
	out, errPipe := c.StdoutPipe()
	_, errStdin := c.StdinPipe()
	if err := cmp.Or(errJSON, errPath, errPipe, errStdin, c.Start()); err != nil {
		t.Fatal(err)
	}
	told = make(notes)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var w word
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			t.Errorf("%q: %v", lines.Text(), err)
		}
		told[w.What] = w
	}
	err := c.Wait()
	if err != nil && (c.ProcessState.Exited() || ctx.Err() != nil) {
		t.Fatalf("point %d: the process failed or hung: %v", l.Point, err)
	}
	return told, err != nil
}

// notes are the words that a client had, by what they are about.
type notes map[string]word
