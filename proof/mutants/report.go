package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"holdfast/proof/overlay"
)

// Result is a mutant and what became of it.
type Result struct {
	Mutant
	overlay.Outcome
}

// Report is what a run found.
type Report struct {
	Killed    int      `json:"killed"` // those that made the tests hang among them
	Survived  int      `json:"survived"`
	Malformed int      `json:"malformed"` // did not compile, and count for nothing
	Survivors []Result `json:"survivors"`
}

func reportOf(results []Result) Report {
	r := Report{Survivors: []Result{}}
	for _, result := range results {
		switch {
		case result.Dead():
			r.Killed++
		case result.Verdict == overlay.Malformed:
			r.Malformed++
		default:
			r.Survived++
			r.Survivors = append(r.Survivors, result)
		}
	}
	return r
}

// Score is how many of a hundred mutants were killed.
func (r Report) Score() float64 {
	if r.Killed+r.Survived == 0 {
		return 100
	}
	return 100 * float64(r.Killed) / float64(r.Killed+r.Survived)
}

func (r Report) write(w io.Writer) {
	for _, s := range r.Survivors {
		fmt.Fprintf(w, "survivor %d  %s:%d  %s\n%s\n", s.Number, s.File, s.Line, s.Rule, s.Diff)
	}
	fmt.Fprintf(w, "%d mutants: %d killed, %d survived: %.1f %%; %d more did not compile\n",
		r.Killed+r.Survived, r.Killed, r.Survived, r.Score(), r.Malformed)
}

func (r Report) writeJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(struct {
		Report
		Score float64 `json:"score"`
	}{r, r.Score()})
}

// progress tells a person how far the run is.
type progress struct {
	out   io.Writer
	began time.Time

	mu   sync.Mutex
	done int
}

func (p *progress) tell(r Result, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	took := time.Since(p.began)
	left := took / time.Duration(p.done) * time.Duration(all-p.done)
	fmt.Fprintf(p.out, "%d/%d  %s left  %d %s:%d %s  %s %s\n", p.done, all, left.Round(time.Second),
		r.Number, r.File, r.Line, r.Rule, r.Verdict, strings.TrimSpace(r.By))
}
