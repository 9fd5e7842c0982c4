package system

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/event"
)

// aged is a queue whose oldest message is that old.
type aged struct {
	event.Queue
	oldest time.Duration
}

func (q aged) Depth(context.Context) (event.Depth, error) {
	return event.Depth{Ready: 1, Oldest: q.oldest}, nil
}

func TestTheAgeOfTheOldestMessageIsLeftOutWhereItIsUnknown(t *testing.T) {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(queueFigures{
		queues: event.Queues{event.Order: aged{oldest: event.UnknownAge}, event.Inventory: aged{oldest: time.Minute}, event.Payment: aged{}},
		read:   event.Services, ask: event.Services,
	})
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	ages := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "holdfast_queue_oldest_seconds" {
				ages[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	if _, told := ages["order"]; told || len(ages) != 2 || ages["inventory"] != 60 {
		t.Errorf("ages: %v, want a minute for inventory, none for payment's, and nothing of order's", ages)
	}
}
