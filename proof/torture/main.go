// Torture kills the real binary. It runs Holdfast on SQLite as users do, in one
// process or in five (an order process, two of inventory, two of payment), sells from
// it over HTTP, and all the while ends its processes with SIGKILL at moments drawn
// from a seed, also while they start; or it stops one with SIGSTOP, for longer than a
// lease, too.
//
//	customers ─┐             ┌─ SIGKILL, SIGSTOP
//	staff ─────┴─▶ Holdfast ◀┴─ a second serve, an audit, unreadable messages
//	   │
//	   └─ what each call was told, and when ─▶ judge
//
// Clients repeat a request until it is answered, as careful clients do. Each call is
// kept with the times of its beginning and its end. When the last kill is over, every
// order must end, every request repeated must get its first answer byte for byte, the
// stock, the processor's books and `holdfast audit --drained` must agree with the
// orders' ends, and the calls about each order and about each SKU must be such as
// could have been made one after another (linearizable, which porcupine decides).
//
//	torture --kills 10000
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	var o options
	flag.IntVar(&o.kills, "kills", 10_000, "how often to kill")
	flag.StringVar(&o.binary, "binary", "", "the holdfast to kill; without it, this tree's is built")
	flag.StringVar(&o.processes, "processes", "both", "1: holdfast serve; 3: the three services, two of them twice; both: side by side")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "what the moments and the requests are drawn from; random unless given")
	flag.StringVar(&o.folder, "dir", "", "where the folders go; those of episodes that broke something stay. Without it, a temporary one")
	flag.Parse()
	if err := o.validate(); err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "torture:", err)
		flag.Usage()
		os.Exit(2)
	}
	// A second interrupt ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := o.command(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

// options are what is asked of a run.
type options struct {
	kills     int
	binary    string
	processes string
	seed      uint64
	folder    string
}

func (o options) validate() error {
	if o.kills < 1 {
		return fmt.Errorf("--kills %d is less than one", o.kills)
	}
	if o.processes != "1" && o.processes != "3" && o.processes != "both" {
		return fmt.Errorf("--processes is 1, 3 or both, not %q", o.processes)
	}
	return nil
}

// command runs it for a person, and fails if something broke.
func (o options) command(ctx context.Context) (err error) {
	if o.folder == "" {
		if o.folder, err = os.MkdirTemp("", "holdfast-torture-"); err != nil {
			return err
		}
	}
	defer os.Remove(o.folder) // if nothing is kept in it
	if o.binary == "" {
		tools, err := os.MkdirTemp("", "holdfast-torture-binary-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tools)
		if o.binary, err = build(tools); err != nil {
			return err
		}
	}
	fmt.Printf("seed %d, folders in %s\n", o.seed, o.folder)
	r := newRun(o)
	shown := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(shown)
		r.progress(os.Stdout, finished)
	}()
	broken := r.all(ctx)
	close(finished)
	<-shown
	fmt.Println(r)
	if len(broken) > 0 {
		return fmt.Errorf("%d episodes broke something:\n\n%s", len(broken), strings.Join(broken, "\n"))
	}
	return nil
}

// build builds this tree's holdfast.
func build(folder string) (binary string, err error) {
	binary = filepath.Join(folder, "holdfast")
	if said, err := exec.Command("go", "build", "-o", binary, "holdfast/cmd/holdfast").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building holdfast: %w\n%s", err, said)
	}
	return binary, nil
}
