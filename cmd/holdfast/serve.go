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
	Stock string        `type:"path" placeholder:"FILE" help:"Starting stock for an empty store, a JSON file; see setup --help."`
}

// Bounds of the flags, and of a stop: from the signal to the exit 10 s at most.
const (
	minTerm      = 100 * time.Millisecond
	shutdownTime = 4 * time.Second
)

// Validate checks the flags' bounds.
func (c *serveCommand) Validate() error {
	if c.Hold < minTerm || c.Sweep < minTerm {
		return fmt.Errorf("--hold and --sweep are at least %s", minTerm)
	}
	return c.processor.Validate()
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context) error {
	if err := loopback(c.Addr); err != nil {
		return misuse{err}
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
	if err := c.setUpOnce(ctx, e, log); err != nil {
		return errors.Join(err, e.Close())
	}
	return errors.Join(c.serve(ctx, listener, e, log), e.Close())
}

// loopback refuses every address but this machine's own, since there is nothing
// yet that would keep strangers out.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("--addr %q is no address: %w; write it as 127.0.0.1:8000", addr, err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--addr %s would let others reach this server, and it asks nobody who they are; use a loopback address, as 127.0.0.1:8000", addr)
}

// serve runs the services and the API over an open engine.
func (c *serveCommand) serve(ctx context.Context, listener net.Listener, e *engine.Engine, log *slog.Logger) error {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gateway := c.openGateway(e)
	var routes *api.API
	s := system.New(system.Config{
		Engine: e, Queues: queues(), Gateway: gateway, Terms: order.Terms{Hold: c.Hold, Silence: c.Sweep},
		Log: log, Metrics: metrics, OrderChanged: func(o order.Order) { routes.OrderChanged(o) },
	})
	routes = api.New(api.Config{
		Orders: s.Orders, Inventory: s.Inventory, Send: s.Queues.Send, Now: system.Now, NewID: newID,
		Ready: s.Ready, Metrics: promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}), Outage: gateway.Outage,
		Log: log, Version: version(),
	})
	var services sync.WaitGroup
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	services.Go(func() { s.Run(running) })
	fmt.Println(load.ReadyPrefix + "http://" + listener.Addr().String())
	err := serveHTTP(ctx, listener, routes, log)
	stop()
	services.Wait()
	log.Info("stopped")
	return err
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
