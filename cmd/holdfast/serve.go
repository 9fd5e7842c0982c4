package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/api"
	"holdfast/engine"
	"holdfast/load"
	"holdfast/order"
	"holdfast/system"
)

// serveCommand runs everything in one process.
type serveCommand struct {
	storage
	processor
	logging
	Addr  string        `default:"127.0.0.1:8000" help:"Address to listen on, loopback only; port 0 takes a free one."`
	Hold  time.Duration `default:"15m" help:"How long stock is held for an unpaid order."`
	Sweep time.Duration `default:"30s" help:"How long an open order may stay silent before it is asked about again."`
	Stock string        `placeholder:"FILE" help:"Starting stock for an empty store, a JSON file; see setup --help."`
}

// Bounds of the flags, and of a stop: from the signal to the exit 10 s at most.
const (
	minTerm      = 100 * time.Millisecond
	shutdownTime = 4 * time.Second // for the requests under way
	stopTime     = 9 * time.Second // for everything
)

// Validate checks the flags' bounds.
func (c *serveCommand) Validate() error {
	if c.Hold < minTerm || c.Sweep < minTerm {
		return fmt.Errorf("--hold and --sweep are at least %s", minTerm)
	}
	return errors.Join(checkAddr(c.Addr), c.storage.Validate(), c.processor.Validate(), c.logging.Validate())
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context) error {
	stock, err := readStock(c.Stock)
	if err != nil {
		return err
	}
	log := c.logger()
	if c.durable() {
		release, err := lockFolder(c.Data, "serve")
		if err != nil {
			return err
		}
		defer release()
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; stop what listens there, or choose another address with --addr", c.Addr, err)
	}
	defer listener.Close()
	e, err := c.openEngine()
	if err != nil {
		return err
	}
	if err := setUpOnce(context.WithoutCancel(ctx), e, stock, log); err != nil {
		return errors.Join(err, e.Close())
	}
	return c.serve(ctx, listener, e, log)
}

// serve runs the services and the API over an open engine until ctx ends, and
// closes it. What is not done then within stopTime is left to the next start:
// another process may keep a database locked for as long as it likes.
func (c *serveCommand) serve(ctx context.Context, listener net.Listener, e *engine.Engine, log *slog.Logger) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(stopTime, func() { close(late) }) })

	s, routes := c.assemble(e, log)
	var services sync.WaitGroup
	services.Go(func() { s.Run(ctx) })
	fmt.Println(load.ReadyPrefix + "http://" + listener.Addr().String())
	err := serveHTTP(ctx, listener, routes, log)
	stop()
	closed := make(chan error, 1)
	go func() {
		services.Wait()
		closed <- e.Close()
	}()
	select {
	case closing := <-closed:
		log.Info("stopped")
		return errors.Join(err, closing)
	case <-late:
		log.Warn("stopped with work unfinished; the next start takes it up")
		return err
	}
}

// assemble puts the services and the API together.
func (c *serveCommand) assemble(e *engine.Engine, log *slog.Logger) (*system.System, *api.API) {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gateway := c.openGateway(e)
	var routes *api.API
	s := system.New(system.Config{
		Engine: e, Queues: queues(), Gateway: gateway, Terms: order.Terms{Hold: c.Hold, Silence: c.Sweep},
		Log: log, LogRate: c.LogRate, Metrics: metrics, OrderChanged: func(o order.Order) { routes.OrderChanged(o) },
	})
	routes = api.New(api.Config{
		Orders: s.Orders, Inventory: s.Inventory, Send: s.Queues.Send, Now: system.Now, NewID: newID,
		Ready: s.Ready, Metrics: promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}), Outage: gateway.Outage,
		Log: log, Version: version(),
	})
	return s, routes
}

// newID is a UUIDv7: time-ordered, so that it makes a cheap key.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// serveHTTP answers requests until ctx ends, then finishes those under way.
func serveHTTP(ctx context.Context, listener net.Listener, routes *api.API, log *slog.Logger) error {
	server := &http.Server{
		Handler:           routes,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(routes.EndWaits)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("the API stopped: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: finishing what is under way")
	bounded, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		log.Warn("some requests were cut off", "error", err)
		return server.Close()
	}
	return nil
}
