// Package overlay tries a change of one of the module's own files without
// touching the file: the tests that ought to notice are built with the changed
// text in its place, and run.
//
//	change ─▶ build a killer's tests over it ─▶ run them ─▶ killed
//	             │ fails: does not compile          │ pass: the next killer; none left: survived
//
// What is tried are mistakes, planted by hand (proof/bugs) or made by rule
// (proof/mutants). One that survives names a test that is missing.
package overlay

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Change gives one file of the module another text.
type Change struct {
	File string // from the module's root, with slashes
	Text []byte
}

// Killer is a set of tests of one package, expected to fail under a mistake.
type Killer struct {
	Package string        // from the module's root, as in "./system"
	Run     string        // which of its tests, as go test's -run; empty: all
	Args    []string      // flags of the package's own
	Limit   time.Duration // past it a change counts as killed: it made the tests hang
}

// String names the tests as a command line would.
func (k Killer) String() string {
	words := []string{k.Package}
	if k.Run != "" {
		words = append(words, "-run", k.Run)
	}
	return strings.Join(append(words, k.Args...), " ")
}

// Verdict is what became of a change.
type Verdict string

// The verdicts.
const (
	Killed    Verdict = "killed"
	TimedOut  Verdict = "timed out" // counts as killed
	Survived  Verdict = "survived"
	Malformed Verdict = "does not compile"
	Unread    Verdict = "unread" // none of the killers is built from the file
)

// Outcome is a change's verdict, and how it came about.
type Outcome struct {
	Verdict Verdict
	By      string // the tests that failed or hung
	Output  string // the end of what the build or the tests printed
	Took    time.Duration
}

// Dead reports whether some test noticed the change.
func (o Outcome) Dead() bool { return o.Verdict == Killed || o.Verdict == TimedOut }

// Range tries changes on one module. Its methods may be called concurrently;
// each try keeps one processor busy.
type Range struct {
	root    string
	module  string
	killers []Killer
	reads   []map[string]bool // by killer: the packages that it is built from
}

// New looks up what each killer is built from. The killers are used in the order
// given, so the cheap ones come first.
func New(ctx context.Context, root string, killers []Killer) (*Range, error) {
	r := &Range{root: root, killers: killers}
	name, err := r.output(ctx, "go", "list", "-m")
	if err != nil {
		return nil, err
	}
	r.module = strings.TrimSpace(name)
	for _, k := range killers {
		names, err := r.output(ctx, "go", "list", "-deps", "-test", "-f", "{{.ImportPath}}", k.Package)
		if err != nil {
			return nil, err
		}
		reads := make(map[string]bool)
		for name := range strings.Lines(names) {
			plain, _, _ := strings.Cut(strings.TrimSpace(name), " ") // "p [q.test]" is p, as built for the tests of q
			reads[plain] = true
		}
		r.reads = append(r.reads, reads)
	}
	return r, nil
}

// Root finds the module's root from within it.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	return filepath.Dir(strings.TrimSpace(string(out))), err
}

// Sound fails unless every killer passes on the tree as it stands, without which
// no verdict would mean anything.
func (r *Range) Sound(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "overlay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, k := range r.killers {
		o, err := r.use(ctx, k, dir)
		if err != nil {
			return err
		}
		if o.Verdict != Survived {
			return fmt.Errorf("%s fails on the tree as it stands: %s\n%s", k, o.Verdict, o.Output)
		}
	}
	return nil
}

// Try runs the killers over a mistake, which may take changes of several files,
// until one of them notices it. It fails only where it could not try.
func (r *Range) Try(ctx context.Context, changes ...Change) (Outcome, error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "overlay-")
	if err != nil {
		return Outcome{}, err
	}
	defer os.RemoveAll(dir)
	if err := r.lay(dir, changes); err != nil {
		return Outcome{}, err
	}
	last := Outcome{Verdict: Unread}
	for i, k := range r.killers {
		if !slices.ContainsFunc(changes, func(c Change) bool { return r.reads[i][path.Join(r.module, path.Dir(c.File))] }) {
			continue
		}
		last, err = r.use(ctx, k, dir)
		if err != nil || last.Verdict != Survived {
			break
		}
	}
	last.Took = time.Since(began)
	return last, err
}

// plan is the file in a try's folder that tells the compiler of the change.
const plan = "overlay.json"

func (r *Range) lay(dir string, changes []Change) error {
	replace := make(map[string]string, len(changes))
	for i, c := range changes {
		text := filepath.Join(dir, fmt.Sprintf("changed%d.go", i))
		if err := os.WriteFile(text, c.Text, 0o600); err != nil {
			return err
		}
		replace[filepath.Join(r.root, filepath.FromSlash(c.File))] = text
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, plan), text, 0o600)
}

// quick saves a third of a build: nothing is inlined, nothing is for a debugger.
const quick = "-l -dwarf=false"

// use builds one killer over what lies in dir, and runs it.
func (r *Range) use(ctx context.Context, k Killer, dir string) (Outcome, error) {
	binary := filepath.Join(dir, "killer.test")
	args := []string{"test", "-c", "-p", "1", "-gcflags", r.module + "/...=" + quick, "-ldflags", "-s -w", "-o", binary}
	if _, err := os.Stat(filepath.Join(dir, plan)); err == nil {
		args = append(args, "-overlay", filepath.Join(dir, plan))
	}
	build := r.command(ctx, "go", append(args, k.Package)...)
	if out, err := build.CombinedOutput(); err != nil {
		return Outcome{Verdict: Malformed, By: k.Package, Output: tail(out)}, ctx.Err()
	}
	return r.run(ctx, k, binary)
}

// memory bounds what a change that allocates without end can take, in KiB.
const memory = 6 << 20

func (r *Range) run(ctx context.Context, k Killer, binary string) (Outcome, error) {
	limited, cancel := context.WithTimeout(ctx, k.Limit)
	defer cancel()
	args := []string{"-c", fmt.Sprintf(`ulimit -v %d 2>/dev/null; exec "$@"`, memory), "sh", binary, "-test.failfast"}
	if k.Run != "" {
		args = append(args, "-test.run", k.Run)
	}
	tests := r.command(limited, "sh", append(args, k.Args...)...)
	tests.Dir = filepath.Join(r.root, k.Package)
	out, err := tests.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return Outcome{}, ctx.Err()
	case limited.Err() != nil:
		return Outcome{Verdict: TimedOut, By: k.String(), Output: tail(out)}, nil
	case err != nil:
		return Outcome{Verdict: Killed, By: strings.TrimSpace(k.Package + " " + failed(out)), Output: tail(out)}, nil
	}
	return Outcome{Verdict: Survived}, nil
}

// command keeps to one processor, so that tries can run side by side.
func (r *Range) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.WaitDelay = time.Second
	return cmd
}

func (r *Range) output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := r.command(ctx, name, args...)
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, words.String())
	}
	return string(out), nil
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// failed is the first test that failed, the innermost of its subtests; empty if
// the tests broke off.
func failed(out []byte) string {
	name := ""
	for _, m := range failure.FindAllSubmatch(out, -1) {
		if next := string(m[1]); name == "" || strings.HasPrefix(next, name+"/") {
			name = next
		}
	}
	return name
}

// kept is how much of what a test printed is kept, in bytes.
const kept = 4 << 10

func tail(out []byte) string {
	return strings.TrimSpace(string(out[max(0, len(out)-kept):]))
}
