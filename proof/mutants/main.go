// Command mutants makes small mistakes in the code that decides, one at a time
// and by rule, and sees whether a test or the simulation notices each.
//
//	go run ./proof/mutants [--package order] [--list] [--only N,N…] [--every N] [--seeds N] [--json]
//
// What survives is a test that is missing, or no mistake at all: docs/proof.md
// explains those.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"time"

	"holdfast/proof/overlay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

type options struct {
	subject string
	list    bool
	only    []int
	every   int
	seeds   int
	json    bool
	atLeast float64
	workers int
}

func read(args []string, words io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(words)
	flags.StringVar(&o.subject, "package", "", "mutate this package or file only, as in order or event/table.go")
	flags.BoolVar(&o.list, "list", false, "show the mutants and try none")
	flags.Func("only", "try the mutants with these numbers only, as in 17 or 17,42", func(list string) error {
		return json.Unmarshal([]byte("["+list+"]"), &o.only)
	})
	flags.IntVar(&o.every, "every", 1, "try each so-manieth mutant only, for a quick look")
	flags.IntVar(&o.seeds, "seeds", 500, "simulated worlds for each mutant that the tests let pass")
	flags.BoolVar(&o.json, "json", false, "report as JSON")
	flags.Float64Var(&o.atLeast, "at-least", 95, "fail below this percentage of mutants killed")
	flags.IntVar(&o.workers, "workers", runtime.NumCPU(), "mutants tried at a time; each keeps one processor busy")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.every < 1 || o.workers < 1 || flags.NArg() > 0 {
		return o, fmt.Errorf("--every and --workers are 1 or more, and there is nothing but flags: %v", args)
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, words io.Writer) error {
	o, err := read(args, words)
	if err != nil {
		return err
	}
	root, err := overlay.Root(ctx)
	if err != nil {
		return err
	}
	mutants, err := o.mutants(root)
	if err != nil {
		return err
	}
	if o.list {
		show(out, mutants)
		return nil
	}
	tries, err := overlay.New(ctx, root, overlay.All(o.seeds))
	if err != nil {
		return err
	}
	if err := tries.Sound(ctx); err != nil {
		return err
	}
	r, err := tryAll(ctx, tries, mutants, o.workers, &progress{out: words, began: time.Now()})
	if err != nil {
		return err
	}
	return o.tell(r, out)
}

func show(out io.Writer, mutants []Mutant) {
	for _, m := range mutants {
		fmt.Fprintf(out, "%d %s:%d %s\n%s", m.Number, m.File, m.Line, m.Rule, m.Diff)
	}
}

// tell writes the report, and fails where too many survived.
func (o options) tell(r Report, out io.Writer) error {
	if o.json {
		if err := r.writeJSON(out); err != nil {
			return err
		}
	} else {
		r.write(out)
	}
	if score := r.Score(); len(o.only) == 0 && score < o.atLeast {
		return fmt.Errorf("%.1f %% of the mutants were killed, not %.1f", score, o.atLeast)
	}
	return nil
}

// mutants are those to look at. A number is the same whatever else is asked for.
func (o options) mutants(root string) ([]Mutant, error) {
	var all []Mutant
	n := 0
	for _, subject := range subjects {
		mutants, err := find(root, subject)
		if err != nil {
			return nil, err
		}
		for _, m := range mutants {
			n++
			m.Number = n
			if (o.subject == "" || o.subject == subject) && (len(o.only) == 0 || slices.Contains(o.only, n)) && n%o.every == 0 {
				all = append(all, m)
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no such mutant: the subjects are %v, with %d mutants in all", subjects, n)
	}
	return all, nil
}

// tryAll tries the mutants, several at a time.
func tryAll(ctx context.Context, tries *overlay.Range, mutants []Mutant, workers int, p *progress) (Report, error) {
	results := make([]Result, len(mutants))
	errs := make([]error, len(mutants))
	next := make(chan int)
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for i := range next {
				outcome, err := tries.Try(ctx, mutants[i].Change())
				results[i], errs[i] = Result{Mutant: mutants[i], Outcome: outcome}, err
				p.tell(results[i], len(mutants))
			}
		})
	}
	for i := range mutants {
		if ctx.Err() == nil {
			next <- i
		}
	}
	close(next)
	working.Wait()
	for _, err := range append(errs, ctx.Err()) {
		if err != nil {
			return Report{}, err
		}
	}
	return reportOf(results), nil
}
