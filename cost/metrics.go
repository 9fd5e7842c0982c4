package cost

import (
	"fmt"
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// FromMetrics is the report of processes by what they answer to GET /metrics, one
// text each: the sum of what they have spent since they started. The orders are
// those that ended there meanwhile, a refund not counted again; so a report over
// processes that started at different times divides by the wrong number.
func FromMetrics(texts ...io.Reader) (Report, error) {
	t, left, orders := make(tally), make(map[string]float64), int64(0)
	for _, text := range texts {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		read, err := parser.TextToMetricFamilies(text)
		if err != nil {
			return Report{}, fmt.Errorf("what answered to GET /metrics is no Prometheus text: %w", err)
		}
		for _, f := range families {
			for _, metric := range read[f.name].GetMetric() {
				f.put(t, metric)
			}
		}
		for _, metric := range read[leftOutName].GetMetric() {
			left[label(metric, "table")] += metric.GetCounter().GetValue()
		}
		orders += ended(read["holdfast_orders_ended_total"])
	}
	return t.report(orders, left), nil
}

// put counts a metric back to the line that it was collected from.
func (f family) put(t tally, metric *dto.Metric) {
	l := line{service: label(metric, "service"), index: label(metric, "index"), operation: label(metric, "operation")}
	l.resource = label(metric, "table") + label(metric, "queue") + label(metric, "resource") // it has one of them
	var one figures
	*f.value(&one) = metric.GetCounter().GetValue()
	t.add(l, one)
}

func label(metric *dto.Metric, name string) string {
	for _, l := range metric.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// ended is how many orders have ended. A refund ends an order a second time.
func ended(f *dto.MetricFamily) (n int64) {
	for _, metric := range f.GetMetric() {
		if label(metric, "status") != "REFUNDED" {
			n += int64(metric.GetCounter().GetValue())
		}
	}
	return n
}
