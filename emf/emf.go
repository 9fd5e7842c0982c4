// Package emf writes a process's figures to CloudWatch by way of its log: lines of
// JSON in the Embedded Metric Format, from which CloudWatch Logs takes the metrics
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
//
//	Prometheus registry ─gather, each minute─▶ table ─▶ one line a service ─▶ standard output
//
// The figures are those of GET /metrics. The table says which of them go to
// CloudWatch, and as what: few, since each name and set of dimensions is paid for.
// The alarms and the dashboard of deploy/storage.yaml use the same names.
package emf

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Namespace is that of every metric.
const Namespace = "Holdfast"

// The dimensions of every metric, the one set there is.
const (
	PrefixDimension  = "Prefix"  // what the names of the tables and queues begin with
	ServiceDimension = "Service" // order, inventory or payment: whose figure it is
)

var dimensions = []string{PrefixDimension, ServiceDimension}

// Writer writes the figures of one process. All fields must be set. Its methods
// are for one goroutine.
type Writer struct {
	Out     io.Writer // gets whole lines, each in one call
	Gather  prometheus.Gatherer
	Service string // of the process; figures that no service owns are counted to it
	Prefix  string
	Now     func() time.Time

	before readings // as last written
}

// Run writes the figures each time that long has passed, and once more when ctx
// ends. It returns before that only if they cannot be written, and says why.
func (w *Writer) Run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return w.Write()
		case <-tick.C:
			if err := w.Write(); err != nil {
				return err
			}
		}
	}
}

// Write writes one line for each service that has figures: of counters what was
// added since the last Write, of gauges what they are, of histograms what was
// observed since. A counter that is not there yet, and a histogram that observed
// nothing, is left out; so is a figure that cannot be gathered now.
func (w *Writer) Write() error {
	families, err := w.Gather.Gather()
	if err != nil && len(families) == 0 {
		return fmt.Errorf("gathering the figures: %w", err)
	}
	now := w.read(families)
	at := w.Now().UnixMilli()
	for _, service := range now.services() {
		line, err := json.Marshal(w.document(service, at, now))
		if err != nil {
			return fmt.Errorf("the figures of the %s service: %w", service, err)
		}
		if _, err := w.Out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	w.before = now
	return nil
}

// directive is one member of _aws.CloudWatchMetrics.
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct{ Name, Unit string }

// document is the line of one service.
func (w *Writer) document(service string, at int64, now readings) map[string]any {
	d := directive{Namespace: Namespace, Dimensions: [][]string{dimensions}}
	doc := map[string]any{PrefixDimension: w.Prefix, ServiceDimension: service}
	for _, m := range table {
		if value, ok := now.value(m, service, w.before); ok {
			d.Metrics = append(d.Metrics, definition{m.Name, m.Unit})
			doc[m.Name] = value
		}
	}
	doc["_aws"] = map[string]any{"Timestamp": at, "CloudWatchMetrics": []directive{d}}
	return doc
}

// read takes the table's metrics out of what was gathered.
func (w *Writer) read(families []*dto.MetricFamily) readings {
	byName := make(map[string]*dto.MetricFamily, len(families))
	for _, f := range families {
		byName[f.GetName()] = f
	}
	now := make(readings)
	for _, m := range table {
		for _, child := range byName[m.family].GetMetric() {
			if m.selects(child) {
				now.add(series{m.Name, m.owner(child, w.Service)}, child)
			}
		}
	}
	return now
}

// services are those with readings, in ascending order.
func (r readings) services() (names []string) {
	for s := range r {
		names = append(names, s.service)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
