package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"holdfast/order"
)

// process are the flags of a process that runs services.
type process struct {
	storage
	hosting
	logging
	Metrics    string `enum:"prometheus,emf" default:"prometheus" help:"Where figures go: prometheus: to whoever asks at /metrics; emf: there, and once a minute to standard output for CloudWatch, in its Embedded Metric Format."`
	CPUProfile string `name:"cpu-profile" placeholder:"FILE" help:"Write a profile of the process's CPU time, for go tool pprof, from its start to its end."`
}

// Validate checks the flags' bounds.
func (p process) Validate() error {
	return errors.Join(p.storage.Validate(), p.hosting.Validate(), p.logging.Validate())
}

// standard are the addresses without --addr, by command.
var standard = map[string]string{
	"serve": "127.0.0.1:8000", "order": "127.0.0.1:8000", "inventory": "127.0.0.1:8001", "payment": "127.0.0.1:8002",
}

// run takes the place and the address that a command needs, has the rest opened,
// and serves until ctx ends.
func (p process) run(ctx context.Context, command string, open func(*slog.Logger) (*host, error)) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softHeap)
	}
	stop, err := profile(p.CPUProfile)
	if err != nil {
		return err
	}
	defer stop()
	certificate, err := p.certificate()
	if err != nil {
		return err
	}
	release, err := p.backend().take(command)
	if err != nil {
		return err
	}
	defer release()
	at, err := p.listen(standard[command], command != "serve", certificate)
	if err != nil {
		return err
	}
	defer at.Close()
	log := p.logger()
	h, err := open(log)
	if err != nil {
		return err
	}
	if at.spare {
		log.Warn(spareAddr(command, at.url))
	}
	return h.serve(ctx, command, at)
}

// softHeap is how large Go's heap may grow before it is collected more often than
// when it has doubled: so that a process at full load stays below 300 MB with what
// SQLite takes besides. GOMEMLIMIT sets another.
const softHeap = 160 << 20

// profile writes a CPU profile to the file, if one is named, until stop is called.
func profile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--cpu-profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // a profile that is cut off reads as such
	}, nil
}

// spareAddr says that the standard address was taken, and who must know.
func spareAddr(command, url string) string {
	taken := fmt.Sprintf("%s is taken, so this holdfast %s answers at %s", standard[command], command, url)
	if command == "order" {
		return taken + "; give clients --url " + url
	}
	return fmt.Sprintf("%s; unless another holdfast %s answers at %s, start holdfast order with --%s-url %s", taken, command, standard[command], command, url)
}

// terms are the flags that say how long things last.
type terms struct {
	Hold  time.Duration `default:"15m" help:"How long stock is held for an unpaid order."`
	Sweep time.Duration `default:"30s" help:"How long an open order may stay silent before it is asked about again."`
}

// minTerm is the least that either may be.
const minTerm = 100 * time.Millisecond

// Validate checks the flags' bounds.
func (t terms) Validate() error {
	if t.Hold < minTerm || t.Sweep < minTerm {
		return fmt.Errorf("--hold and --sweep are at least %s", minTerm)
	}
	return nil
}

func (t terms) ofOrders() order.Terms { return order.Terms{Hold: t.Hold, Silence: t.Sweep} }
