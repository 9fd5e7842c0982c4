package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// result is what became of a part.
type result struct {
	part
	Err  error
	Told string // its figure
	Took time.Duration
	Log  string // the file
}

// run runs the parts, so many at a time, and shows how far they are.
func run(ctx context.Context, chosen []part, lanes int, out string) []result {
	results := make([]result, len(chosen))
	board := newBoard(chosen)
	var running sync.WaitGroup
	next := make(chan int)
	for range lanes {
		running.Go(func() {
			for i := range next {
				board.begin(chosen[i])
				results[i] = chosen[i].run(ctx, out)
				board.end(results[i])
			}
		})
	}
	for i := range chosen {
		next <- i
	}
	close(next)
	running.Wait()
	board.close()
	return results
}

// run runs one part, with its output in a file of its own.
func (p part) run(ctx context.Context, out string) result {
	r := result{part: p, Log: filepath.Join(out, strings.ReplaceAll(p.Name, " ", "-")+".log")}
	begun := time.Now()
	log, err := os.Create(r.Log)
	if err != nil {
		r.Err = err
		return r
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, p.Args[0], p.Args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go test has children
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	r.Err = cmd.Run()
	text, err := os.ReadFile(r.Log)
	if r.Told = p.Figure(string(text)); err != nil || r.Err != nil {
		r.Told = string(tail(text, 4000))
	}
	r.Took = time.Since(begun)
	return r
}

// tail is the end of a text, from the beginning of a line.
func tail(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	text = text[len(text)-most:]
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	return text
}

// board shows the parts under way: a line for each that is over, and a bar below.
type board struct {
	mu      sync.Mutex
	begun   time.Time
	all     time.Duration // what the parts take together, roughly
	over    time.Duration // what those that are over were thought to take
	spent   time.Duration // and took
	running map[string]time.Time
	takes   map[string]time.Duration
	tty     bool
	stop    chan struct{}
	ended   sync.WaitGroup
}

func newBoard(chosen []part) *board {
	b := &board{begun: time.Now(), running: make(map[string]time.Time), takes: make(map[string]time.Duration), stop: make(chan struct{})}
	for _, p := range chosen {
		b.all += p.Takes
		b.takes[p.Name] = p.Takes
	}
	if info, err := os.Stderr.Stat(); err == nil {
		b.tty = info.Mode()&os.ModeCharDevice != 0
	}
	b.ended.Go(b.show)
	return b
}

func (b *board) show() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for b.tty {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.mu.Lock()
			fmt.Fprintf(os.Stderr, "\r%s\x1b[K", b.bar(time.Now()))
			b.mu.Unlock()
		}
	}
}

func (b *board) close() {
	close(b.stop)
	b.ended.Wait()
}

func (b *board) begin(p part) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running[p.Name] = time.Now()
}

func (b *board) end(r result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, r.Name)
	b.over += r.Takes
	b.spent += r.Took
	verdict := "ok    "
	if r.Err != nil {
		verdict = "FAILED"
	}
	clear := ""
	if b.tty {
		clear = "\r\x1b[K"
	}
	fmt.Fprintf(os.Stderr, "%s%s %-26s %8s  %s\n", clear, verdict, r.Name, r.Took.Round(time.Second), r.Told)
	if r.Err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v; its log is %s\n", r.Name, r.Err, r.Log)
	}
}

// barWidth is the progress bar's, in characters.
const barWidth = 30

// bar is the progress and what is left, by how long the parts took that are over.
func (b *board) bar(now time.Time) string {
	done := b.over
	names := make([]string, 0, len(b.running))
	for name, since := range b.running {
		done += min(now.Sub(since), b.takes[name])
		names = append(names, name)
	}
	share := float64(done) / float64(b.all)
	filled := int(share * barWidth)
	left := "?"
	if share > 0.05 {
		left = time.Duration(float64(now.Sub(b.begun)) * (1 - share) / share).Round(time.Second).String()
	}
	return fmt.Sprintf("[%s%s] %3.0f %%  %s left  %s", strings.Repeat("#", filled), strings.Repeat("-", barWidth-filled), share*100, left, strings.Join(names, ", "))
}
