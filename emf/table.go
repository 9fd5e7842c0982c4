package emf

import (
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// Name is a metric as CloudWatch knows it.
type Name struct {
	Name       string
	Unit       string   // one of CloudWatch's
	Dimensions []string // the set that it is to be asked for with
	Services   []string // the values of Service that it may have
	Statistic  string   // what to ask for: a sum over processes would count a gauge as often as there are processes
}

// Units of CloudWatch.
const (
	count        = "Count"
	seconds      = "Seconds"
	milliseconds = "Milliseconds"
	none         = "None"
)

// metric is a row of the table: a metric of CloudWatch and where it comes from.
type metric struct {
	Name   string
	Unit   string
	kind   kind
	family string // of Prometheus
	// label, if set, must have the value is.
	label, is string
	service   string // whose figure it is; empty: what the label by says
	by        string
}

// kind says what becomes of a metric's children and of time.
type kind int

const (
	counter      kind = iota // children are summed; what was added since the last line
	gauge                    // the largest child, as it is
	distribution             // a histogram in seconds; what was observed since the last line
)

const (
	order     = "order"
	inventory = "inventory"
	payment   = "payment"
)

// services own figures. Other values of a label are of what they share.
var services = []string{order, inventory, payment}

// table has every metric that goes to CloudWatch.
var table = []metric{
	{Name: "OrdersAccepted", Unit: count, family: "holdfast_orders_accepted_total", service: order},
	ended("OrdersCompleted", "COMPLETED"),
	ended("OrdersFailedNoStock", "FAILED_NO_STOCK"),
	ended("OrdersPaymentFailed", "PAYMENT_FAILED"),
	ended("OrdersCancelled", "CANCELLED"),
	ended("OrdersRefunded", "REFUNDED"),
	{Name: "OrderLatency", Unit: milliseconds, kind: distribution, family: "holdfast_order_seconds", service: order},
	{Name: "OrdersSwept", Unit: count, family: "holdfast_orders_swept_total", service: order},
	{Name: "OrdersStuck", Unit: count, family: "holdfast_orders_overdue_total", service: order},

	queue("QueueReady", count, gauge, "holdfast_queue_ready"),
	queue("QueueDelayed", count, gauge, "holdfast_queue_delayed"),
	queue("QueueInFlight", count, gauge, "holdfast_queue_in_flight"),
	queue("QueueAge", seconds, gauge, "holdfast_queue_oldest_seconds"),
	queue("QueueDropped", count, counter, "holdfast_queue_dropped_total"),
	queue("QueueLag", milliseconds, distribution, "holdfast_queue_lag_seconds"),
	queue("MessagesRetried", count, counter, "holdfast_messages_retried_total"),
	queue("MessagesDeadLettered", count, counter, "holdfast_dead_lettered_total"),

	{Name: "GatewayUnknown", Unit: count, family: "holdfast_gateway_answers_total", label: "answer", is: "unknown", service: payment},
	{Name: "GatewayBreakerOpen", Unit: none, kind: gauge, family: "holdfast_gateway_breaker_open", service: payment},

	cost("WriteUnits", count, "holdfast_aws_write_units_total"),
	cost("ReadUnits", count, "holdfast_aws_read_units_total"),
	cost("SQSRequests", count, "holdfast_aws_sqs_requests_total"),
	cost("SQSReceives", count, "holdfast_aws_sqs_receives_total"),
	cost("SQSMessagesReceived", count, "holdfast_aws_sqs_messages_received_total"),
	{Name: "StockItemWrites", Unit: count, family: "holdfast_aws_item_writes_total", label: "resource", is: "stock", service: inventory},
	cost("CostUSD", none, "holdfast_aws_usd_total"),
	cost("Conflicts", count, "holdfast_aws_conflicts_total"),
	cost("FailedConditions", count, "holdfast_aws_failed_conditions_total"),
	cost("Throttles", count, "holdfast_aws_throttles_total"),
}

func ended(name, status string) metric {
	return metric{Name: name, Unit: count, family: "holdfast_orders_ended_total", label: "status", is: status, service: order}
}

func queue(name, unit string, k kind, family string) metric {
	return metric{Name: name, Unit: unit, kind: k, family: family, by: "queue"}
}

func cost(name, unit, family string) metric {
	return metric{Name: name, Unit: unit, family: family, by: "service"}
}

// Names lists every metric that a process may write.
func Names() []Name {
	statistics := map[kind]string{counter: "Sum", gauge: "Maximum", distribution: "p99"}
	names := make([]Name, len(table))
	for i, m := range table {
		names[i] = Name{m.Name, m.Unit, slices.Clone(dimensions), slices.Clone(services), statistics[m.kind]}
		if m.service != "" {
			names[i].Services = []string{m.service}
		}
	}
	return names
}

// selects tells whether a child of the family counts.
func (m metric) selects(child *dto.Metric) bool {
	return m.label == "" || value(child, m.label) == m.is
}

// owner is the service whose figure a child is.
func (m metric) owner(child *dto.Metric, process string) string {
	if m.service != "" {
		return m.service
	}
	if s := value(child, m.by); slices.Contains(services, s) {
		return s
	}
	return process
}

// value is that of a label.
func value(child *dto.Metric, label string) string {
	for _, l := range child.GetLabel() {
		if l.GetName() == label {
			return l.GetValue()
		}
	}
	return ""
}
