// Proof runs everything that holds Holdfast to its promises, for minutes or for a
// day, and writes down what it saw: build/proof/proof.html, and a log a part.
//
//	go run ./proof          what CI runs, some minutes on two cores
//	go run ./proof --long   what a release runs
//	go run ./proof --only fuzz
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	long := flag.Bool("long", false, "the long form: a million seeds, ten thousand kills, half an hour a fuzz target, the mutants")
	only := flag.String("only", "", "only the parts whose name begins so")
	list := flag.Bool("list", false, "print the parts and their commands, and run none")
	lanes := flag.Int("lanes", 2, "how many parts run at a time")
	out := flag.String("out", "build/proof", "the folder for the page and the logs")
	flag.Parse()
	chosen := slices.DeleteFunc(parts(*long), func(p part) bool { return !strings.HasPrefix(p.Name, *only) })
	switch {
	case flag.NArg() > 0 || len(chosen) == 0:
		fmt.Fprintf(os.Stderr, "proof: no part is named %q; --list names them all\n", *only+strings.Join(flag.Args(), " "))
		os.Exit(2)
	case *list:
		for _, p := range chosen {
			fmt.Printf("%-28s %s\n", p.Name, p.Command())
		}
		return
	}
	if err := prove(ctx, chosen, *lanes, *out); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

// prove runs the parts and writes the page.
func prove(ctx context.Context, chosen []part, lanes int, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	begun := time.Now()
	results := run(ctx, chosen, lanes, out)
	page := filepath.Join(out, "proof.html")
	if err := writePage(page, results, time.Since(begun)); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "written:", page)
	var failed []string
	for _, r := range results {
		if r.Err != nil {
			failed = append(failed, r.Name)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d parts failed: %s", len(failed), len(results), strings.Join(failed, ", "))
	}
	return nil
}
