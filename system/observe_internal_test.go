package system

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/event"
)

// told writes ten lines in one second and one in the next, and returns the log.
func told(t *testing.T, rate int) (log string) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		o := newObserver(Config{Log: slog.New(slog.NewTextHandler(&out, nil)), LogRate: rate, Metrics: prometheus.NewRegistry()})
		for range 10 {
			o.say("order accepted", event.New(event.OrderPlaced, event.Ref{OrderID: "o1"}, time.Now()))
		}
		time.Sleep(time.Second)
		o.say("order accepted", event.New(event.OrderPlaced, event.Ref{OrderID: "o2"}, time.Now()))
		log = out.String()
	})
	return log
}

func TestALogGetsSoManyLinesInASecondAndSaysWhatIsMissing(t *testing.T) {
	log := told(t, 3)
	if n := strings.Count(log, "order accepted"); n != 4 {
		t.Errorf("%d lines, want 3 and 1", n)
	}
	if !strings.Contains(log, "--log-rate") || !strings.Contains(log, "count=7") {
		t.Errorf("it does not say what was left out, and why:\n%s", log)
	}
}

func TestALogRateOfZeroLeavesNothingOut(t *testing.T) {
	if log := told(t, 0); strings.Count(log, "order accepted") != 11 || strings.Contains(log, "left out") {
		t.Error(log)
	}
}
