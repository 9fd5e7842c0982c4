package main

import (
	"bytes"
	"context"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"holdfast/cost"
	"holdfast/emf"
	"holdfast/system"
)

// emfEvery is how often figures go to CloudWatch: the period of its alarms.
const emfEvery = time.Minute

// report has the figures written out while the process runs, as --metrics says.
// end is to be called when the services have ended: it writes what is left, and
// logs what AWS has cost.
func (h *host) report(figures *prometheus.Registry, command string) (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	var writing sync.WaitGroup
	if h.Metrics == "emf" {
		w := emf.Writer{Out: os.Stdout, Gather: figures, Service: command, Prefix: h.Prefix, Now: system.Now}
		writing.Go(func() {
			if err := w.Run(ctx, emfEvery); err != nil {
				h.log.Error("figures for CloudWatch are no longer written", "error", err)
			}
		})
	}
	return func() {
		stop()
		writing.Wait()
		if h.store.cloud != nil {
			h.logCost(figures)
		}
	}
}

// logCost logs what the process has spent on AWS, and what that is an order if
// orders end here.
func (h *host) logCost(figures prometheus.Gatherer) {
	var text bytes.Buffer
	families, err := figures.Gather()
	for _, f := range families {
		if err == nil {
			_, err = expfmt.MetricFamilyToText(&text, f)
		}
	}
	var spent cost.Report
	if err == nil {
		spent, err = cost.FromMetrics(&text)
	}
	if err != nil {
		h.log.Error("what AWS has cost cannot be told", "error", err)
		return
	}
	spent.Log(h.log)
}
