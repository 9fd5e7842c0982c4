package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// run is many episodes, in one or two lanes side by side.
type run struct {
	options
	begun  time.Time
	killed atomic.Int64
	orders atomic.Int64
	lived  atomic.Int64

	mu     sync.Mutex
	broken []string
	ends   map[string]int // orders by their last status
}

func newRun(o options) *run { return &run{options: o, begun: time.Now(), ends: make(map[string]int)} }

func (r *run) ended(status string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends[status]++
}

// String says what was done.
func (r *run) String() string {
	return fmt.Sprintf("seed %d: %d kills, %d orders, %d episodes in %s; the orders' ends: %v", r.seed,
		r.killed.Load(), r.orders.Load(), r.lived.Load(), time.Since(r.begun).Round(time.Second), r.ends)
}

// killsAnEpisode bounds an episode, so that what its clients remember fits in
// memory, and what broke is found soon after.
const killsAnEpisode = 100

// Every lapseEvery-th episode of a lane that is long enough has a process stopped
// for longer than a lease.
const (
	lapseEvery    = 8
	killsForLapse = 10
)

// all lives every episode, and returns what broke, an episode a text. Once
// something broke, no other episode begins.
func (r *run) all(ctx context.Context) []string {
	ctx, end := context.WithCancel(ctx)
	defer end()
	lanes := map[string][]bool{"1": {false}, "3": {true}, "both": {false, true}}[r.processes]
	var living sync.WaitGroup
	for i, split := range lanes {
		kills := (r.kills + i) / len(lanes)
		living.Go(func() {
			r.lane(ctx, split, kills)
			if len(r.breaks()) > 0 {
				end()
			}
		})
	}
	living.Wait()
	return r.breaks()
}

func (r *run) breaks() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken
}

// lane lives one episode after another, at least two, until one broke something.
func (r *run) lane(ctx context.Context, split bool, kills int) {
	size := min(killsAnEpisode, max(1, (kills+1)/2))
	for n := 0; kills > 0 && ctx.Err() == nil; n++ {
		e := episode{
			seed: r.seed + uint64(n), split: split, kills: min(size, kills),
			lapse: n%lapseEvery == 1 && size >= killsForLapse, binary: r.binary,
			folder: filepath.Join(r.folder, fmt.Sprintf("%d-split=%t", n, split)),
			killed: func() { r.killed.Add(1) }, orders: &r.orders, ended: r.ended,
		}
		kills -= e.kills
		if text := r.live(ctx, e); text != "" {
			r.mu.Lock()
			r.broken = append(r.broken, text)
			r.mu.Unlock()
			return
		}
	}
}

// shownBreaches is how many breaches of one episode are printed; the rest is in its
// folder.
const shownBreaches = 5

// live lives one episode, and returns what broke, for a person.
func (r *run) live(ctx context.Context, e episode) string {
	found, err := e.run(ctx)
	r.lived.Add(1)
	if len(found) == 0 && err == nil {
		if err := os.RemoveAll(e.folder); err != nil {
			return err.Error()
		}
		return ""
	}
	var all strings.Builder
	fmt.Fprintf(&all, "%v: its data and logs, and all that broke, are in %s\n", e, e.folder)
	if err != nil {
		fmt.Fprintf(&all, "%v\n", err)
	}
	for _, b := range found[:min(len(found), shownBreaches)] {
		fmt.Fprintf(&all, "%v\n", b)
	}
	fmt.Fprintf(&all, "%d breaches in all\n", len(found))
	r.keep(e, found)
	return all.String()
}

// keep writes every breach into the episode's folder.
func (r *run) keep(e episode, found []breach) {
	var all strings.Builder
	for _, b := range found {
		fmt.Fprintf(&all, "%v\n", b)
	}
	// What is printed is the verdict; this is a convenience.
	_ = os.WriteFile(filepath.Join(e.folder, "breaches.txt"), []byte(all.String()), 0o600)
}

// progress prints a line now and then until the run has finished.
func (r *run) progress(w io.Writer, finished <-chan struct{}) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-finished:
			return
		case <-tick.C:
		}
		took, kills := time.Since(r.begun), r.killed.Load()
		left := time.Duration(float64(took) / float64(max(kills, 1)) * float64(int64(r.kills)-kills))
		fmt.Fprintf(w, "%d of %d kills, %d orders, %.1f kills a second, %s left\n",
			kills, r.kills, r.orders.Load(), float64(kills)/took.Seconds(), max(0, left).Round(time.Second))
	}
}
