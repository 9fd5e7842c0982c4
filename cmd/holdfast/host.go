package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/cost"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/keys"
	"holdfast/load"
	"holdfast/ops"
	"holdfast/order"
	"holdfast/recorder"
	"holdfast/system"
)

// host is what a process runs: services over an open store and its queues, and
// the API to them.
type host struct {
	process
	services  []event.Service
	store     *opened // with the ports of the services
	terms     order.Terms
	gateway   *simulated.Gateway         // nil without the payment service
	elsewhere map[event.Service]*url.URL // where the other services answer, for the door
	log       *slog.Logger
}

// A stop takes 10 s at most from the signal to the exit.
const (
	shutdownTime = 4 * time.Second // for the requests under way
	stopTime     = 9 * time.Second // for everything
)

// serve runs the services and the API until ctx ends, and closes what the host
// has open. What is not done then within stopTime is left to the next start:
// another process may keep a database locked for as long as it likes.
func (h *host) serve(ctx context.Context, command string, at site) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(stopTime, func() { close(late) }) })

	figures := prometheus.NewRegistry()
	s, routes, endWaits := h.assemble(figures)
	h.warnOfStrangers(ctx)
	var working sync.WaitGroup
	working.Go(func() { s.Run(ctx) })
	if h.store.beside != nil {
		working.Go(func() { h.store.beside(ctx, s.Died) })
	}
	fmt.Println(load.ReadyLine(command, at.url))
	report := h.report(figures, command)
	err := serveHTTP(ctx, at, routes, endWaits, h.log)
	stop()
	closed := make(chan error, 1)
	go func() {
		working.Wait()
		report()
		closed <- h.store.Close()
	}()
	select {
	case closing := <-closed:
		h.log.Info("stopped")
		return errors.Join(err, closing)
	case <-late:
		h.log.Warn("stopped with work unfinished; the next start takes it up")
		return err
	}
}

// assemble puts the services and the API together. endWaits has requests that wait
// for something be answered at once, now and from now on.
func (h *host) assemble(metrics *prometheus.Registry) (s *system.System, routes *api.API, endWaits func()) {
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if h.store.cloud != nil {
		metrics.MustRegister(h.store.cloud.meter)
	}
	parts := system.Config{
		Engine: h.store.Engine, Services: h.services, Queues: h.store.queues, Terms: h.terms,
		DurableQueues: h.store.lasting, SweepEvery: h.store.sweepEvery, Batch: h.store.batch,
		Log: h.log, LogRate: h.LogRate, Metrics: metrics, OrderChanged: func(o order.Order) { routes.OrderChanged(o) },
		Recorder: recorder.New(system.Now), CountingCosts: h.store.cloud != nil,
	}
	config := api.Config{
		Queues: make(map[event.Service]api.Queue), Elsewhere: h.elsewhere, Now: system.Now, NewID: newID,
		Metrics: promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}), Log: h.log, Version: version(),
		Keys: &keys.Ring{Store: h.store.Keys, Now: system.Now}, RequireKeys: h.needsKeys(),
		Reread: h.store.reread, Recount: h.store.recount, Backlog: system.Backlog(h.store.queues),
		Recorder: parts.Recorder, Engine: h.Engine,
	}
	if h.store.cloud != nil {
		config.Cost = func(metrics ...io.Reader) (any, error) { return cost.FromMetrics(metrics...) }
	}
	if h.gateway != nil {
		parts.Gateway, config.Outage = h.gateway, h.gateway.Outage
	}
	for _, s := range h.services {
		config.Queues[s] = api.Queue{Queue: h.store.queues[s], DeadLetters: h.store.DeadLetters[s]}
	}
	s = system.New(parts)
	config.Orders, config.Inventory, config.Send, config.Ready = s.Orders, s.Inventory, h.store.queues.Send, s.Ready
	if s.Payments != nil {
		config.Payments = s.Payments.Store
		config.Gateway = func(ctx context.Context) (client.Gateway, error) { return h.gatewayState(ctx, s) }
	}
	pages := ops.New(ops.Config{
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { routes.ServeHTTP(w, r) }), Now: system.Now, Log: h.log, Refresh: h.store.recount,
	})
	config.Pages = pages
	routes = api.New(config)
	return s, routes, func() {
		routes.EndWaits()
		pages.Stop()
	}
}

// gatewayState tells how the payment gateway is doing.
func (h *host) gatewayState(ctx context.Context, s *system.System) (client.Gateway, error) {
	until, err := h.gateway.OutageEnd(ctx)
	if err != nil {
		return client.Gateway{}, err
	}
	state := client.Gateway{Name: "simulated"}
	if !until.IsZero() {
		state.OutageUntil = &until
	}
	breakers := s.Breakers()
	for _, op := range event.Ops {
		state.Breakers = append(state.Breakers, client.Breaker{Operation: string(op), State: breakers[op]})
	}
	return state, nil
}

// newID is a UUIDv7: time-ordered, so that it makes a cheap key.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// warnOfStrangers tells whoever starts the process what is still to do about who
// can use it.
func (h *host) warnOfStrangers(ctx context.Context) {
	if h.exposed() && h.TLSCert == "" {
		h.log.Warn("others can reach this address, and API keys and orders cross the network in clear; give --tls-cert and --tls-key, unless a proxy in front of it speaks TLS")
	}
	if !h.needsKeys() {
		return
	}
	all, err := h.store.Keys.List(ctx)
	if err != nil {
		h.log.Warn("the API keys cannot be read", "error", err)
	} else if !slices.ContainsFunc(all, func(k keys.Key) bool { return k.RevokedAt.IsZero() }) {
		h.log.Warn("there is no API key yet, so every request is refused; make one, without a restart: holdfast keys create NAME --scope orders,inventory,ops " + h.backend().flags())
	}
}
