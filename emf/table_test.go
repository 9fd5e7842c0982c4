package emf

import (
	"io"
	"log/slog"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	awscost "holdfast/cost"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/system"
)

// described collects the names of the metrics that are registered with it.
type described struct {
	prometheus.Registerer
	names []string
}

var fqName = regexp.MustCompile(`fqName: "([^"]*)"`)

func (d *described) MustRegister(collectors ...prometheus.Collector) {
	for _, c := range collectors {
		descs := make(chan *prometheus.Desc)
		go func() {
			c.Describe(descs)
			close(descs)
		}()
		for desc := range descs {
			d.names = append(d.names, fqName.FindStringSubmatch(desc.String())[1])
		}
	}
}

func TestEveryMetricOfTheTableIsMeasured(t *testing.T) {
	d := new(described)
	e := memory.New()
	queues := event.Queues{}
	for _, s := range event.Services {
		queues[s] = memory.NewQueue(1)
	}
	system.New(system.Config{
		Engine: &e.Engine, Queues: queues, Gateway: &simulated.Gateway{Ledger: e.Ledger, Now: system.Now},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: d,
	})
	d.MustRegister(awscost.NewMeter())
	for _, m := range table {
		if !slices.Contains(d.names, m.family) {
			t.Errorf("%s comes from %s, which is not among %v", m.Name, m.family, d.names)
		}
	}
}

func TestNamesAreWhatCloudWatchTakes(t *testing.T) {
	units := []string{count, seconds, milliseconds, none} // all of them CloudWatch's
	seen := make(map[string]bool)
	for _, n := range Names() {
		if seen[n.Name] || n.Name == "" || !slices.Contains(units, n.Unit) || len(n.Services) == 0 || n.Statistic == "" {
			t.Errorf("a row that cannot be used: %+v", n)
		}
		seen[n.Name] = true
		if !slices.Equal(n.Dimensions, []string{"Prefix", "Service"}) {
			t.Errorf("%s has dimensions %v", n.Name, n.Dimensions)
		}
	}
	if len(seen) > 100 {
		t.Errorf("%d metrics; a line may have 100", len(seen))
	}
}
