// Flame draws a CPU profile as a flame graph: one SVG that needs a browser and
// nothing else.
//
//	go run ./bench/flame [-title TEXT] PROFILE > flame.svg
//
// A profile is what `holdfast serve --cpu-profile FILE`, `go test -cpuprofile`
// and net/http/pprof write. A frame is as wide as the share of samples that were
// taken in it or in what it called; below a frame stand those it called, the
// dearest first. The height of a stack says nothing.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/google/pprof/profile"
)

func main() {
	title := flag.String("title", "Where the CPU time goes", "what stands above the graph")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: flame [-title TEXT] PROFILE > flame.svg")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := draw(os.Stdout, flag.Arg(0), *title); err != nil {
		fmt.Fprintln(os.Stderr, "flame:", err)
		os.Exit(1)
	}
}

// draw writes the flame graph of the profile in a file.
func draw(w io.Writer, path, title string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	p, err := profile.Parse(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	root, err := merge(p)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return write(w, root, heading{title: title, elapsed: p.DurationNanos})
}
