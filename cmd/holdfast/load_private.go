package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"holdfast/audit"
	"holdfast/cost"
	"holdfast/load"
)

// lookOnAWS is how often a load reads /metrics there: each reading asks SQS for the
// queues' depths, which would be in what an order cost.
const lookOnAWS = 15 * time.Second

// measureOwn runs the load against a private server, and audits its stores.
func (c *loadCommand) measureOwn(ctx context.Context, o load.Options) (result loadResult, err error) {
	folder, leave, err := c.folder()
	if err != nil {
		return result, err
	}
	defer leave()
	kept := storage{Engine: c.Engine, Data: folder, Prefix: c.Prefix}
	empty := databases(folder) == 0 && c.Engine == "sqlite"
	if err := prepare(ctx, kept); err != nil {
		return result, err
	}
	before := databases(folder)
	servers, err := c.start(context.WithoutCancel(ctx), kept)
	if err != nil {
		return result, err
	}
	o.URL, o.APIKey = servers.URL(), ""
	for _, s := range servers[1:] {
		o.Beside = append(o.Beside, s.URL)
	}
	if c.Engine == "aws" {
		o.LookEvery = lookOnAWS
	}
	if result.Result, err = load.Run(ctx, o); err == nil {
		err = load.Quiet(ctx, o.URL)
	}
	if err == nil && c.Engine == "aws" {
		result.Cost, err = costOf(ctx, servers)
	}
	if err = errors.Join(err, servers.Stop()); err != nil {
		return result, fmt.Errorf("load: %w", err)
	}
	peak, _ := servers.Usage()
	result.Processes, result.PeakRSSMB = len(servers), float64(peak)/1e6
	if empty && result.Placed > 0 {
		each := float64(databases(folder)-before) / float64(result.Placed)
		result.BytesPerOrd = &each
	}
	return result, result.judge(ctx, kept)
}

// judge audits what the load has left.
func (r *loadResult) judge(ctx context.Context, kept storage) error {
	report, err := kept.audit(ctx, audit.Options{Drained: true})
	if err == nil {
		oversold := 0
		for _, b := range report.Breaches {
			if b.Kind == audit.Oversold {
				oversold++
			}
		}
		r.Breaches, r.Oversold = &report.Found, &oversold
	}
	if report.Found > 0 {
		err = errors.Join(err, report.WriteText(os.Stderr))
	}
	return err
}

// folder is where the private server keeps its stores; leave removes it, unless it
// was asked for.
func (c *loadCommand) folder() (folder string, leave func(), err error) {
	if c.Data != "" {
		folder, err = filepath.Abs(c.Data)
		return folder, func() {}, err
	}
	folder, err = os.MkdirTemp("", "holdfast-load-")
	return folder, func() { os.RemoveAll(folder) }, err
}

// databases is the size in bytes of the databases in a folder that hold orders:
// without the API keys, and without the gateway's own books, which a real
// processor keeps.
func databases(folder string) (size int64) {
	files, _ := filepath.Glob(filepath.Join(folder, "*.db")) // the pattern is sound
	for _, f := range files {
		if name := filepath.Base(f); name == "gateway.db" || name == "keys.db" {
			continue
		}
		if info, err := os.Stat(f); err == nil {
			size += info.Size()
		}
	}
	return size
}

// prepare makes a folder ready for services. What costs money it does not make,
// but sees that it is there.
func prepare(ctx context.Context, kept storage) error {
	open := func() (*opened, error) { return kept.backend().made(ctx, wanted{}) }
	if kept.Engine == "aws" {
		open = func() (*opened, error) { return kept.backend().toRead(ctx) }
	}
	release, err := kept.backend().take("setup")
	if err != nil {
		return err
	}
	defer release()
	store, err := open()
	if err != nil {
		return err
	}
	return store.Close()
}

func (c *loadCommand) start(ctx context.Context, kept storage) (load.Servers, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	start := load.StartOne
	if c.Split {
		start = load.StartSplit
	}
	return start(ctx, binary, os.Stderr, "--engine", kept.Engine, "--data", kept.Data, "--prefix", kept.Prefix, "--log-level", "warn")
}

// costOf is what the servers have spent together.
func costOf(ctx context.Context, servers load.Servers) (*cost.Report, error) {
	var all costCommand
	for _, s := range servers {
		all.URL = append(all.URL, s.URL)
	}
	report, err := all.read(ctx)
	return &report, err
}

// stubName is the hidden command that --calibrate measures.
const stubName = "load-stub"

// calibrate measures a stub in a process of its own.
func calibrate(ctx context.Context, o load.Options) (perSecond float64, err error) {
	binary, err := os.Executable()
	if err != nil {
		return 0, err
	}
	stub, err := load.Start(context.WithoutCancel(ctx), binary, os.Stderr, stubName, "--addr", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	perSecond, err = load.Calibrate(ctx, o, stub.URL)
	return perSecond, errors.Join(err, stub.Stop())
}

// stubCommand is a server that answers and does nothing else.
type stubCommand struct {
	Addr string `default:"127.0.0.1:0" help:"Address to answer at."`
}

// Run serves until ctx ends.
func (c *stubCommand) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(load.Stub), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	fmt.Println(load.ReadyLine(stubName, "http://"+listener.Addr().String()))
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
