package deploy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/deploy"
	"holdfast/emf"
	"holdfast/event"
)

// shown is a metric of Holdfast's namespace as an alarm or the dashboard asks for
// it.
type shown struct {
	by         string // who asks
	name       string
	dimensions []string
	prefix     string
	service    string
	statistic  string
}

// alarmed are the metrics of the alarms.
func alarmed(t *testing.T, namespace string) (all []shown) {
	t.Helper()
	for id, r := range parse(t, deploy.Storage).all("AWS::CloudWatch::Alarm") {
		p := r.Properties
		if p["Namespace"] != namespace {
			continue
		}
		s := shown{by: id, name: fmt.Sprint(p["MetricName"]), statistic: fmt.Sprint(p["Statistic"])}
		for _, d := range p["Dimensions"].([]any) {
			s.add(fmt.Sprint(d.(map[string]any)["Name"]), fmt.Sprint(d.(map[string]any)["Value"]))
		}
		all = append(all, s)
	}
	return all
}

func (s *shown) add(dimension, value string) {
	s.dimensions = append(s.dimensions, dimension)
	switch dimension {
	case emf.PrefixDimension:
		s.prefix = value
	case emf.ServiceDimension:
		s.service = value
	}
}

// dashboard is the body of the dashboard, ${Prefix} put in.
type dashboard struct {
	Widgets []struct {
		X, Y, Width, Height int
		Properties          struct {
			Title, Stat string
			Metrics     [][]any
		}
	}
}

func openDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	body := fmt.Sprint(parse(t, deploy.Storage).Resources["Dashboard"].Properties["DashboardBody"])
	body = strings.NewReplacer("${Prefix}", "Prefix", "${AWS::Region}", "eu-central-1").Replace(body)
	if strings.Contains(body, "${") {
		t.Error("the dashboard has a name in it that CloudFormation does not know")
	}
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatal("the dashboard is not JSON:", err)
	}
	return d
}

// drawn are the metrics of the dashboard.
func drawn(t *testing.T) (all []shown) {
	t.Helper()
	for _, w := range openDashboard(t).Widgets {
		for _, m := range w.Properties.Metrics {
			s := shown{by: w.Properties.Title, statistic: w.Properties.Stat}
			if options, has := m[len(m)-1].(map[string]any); has {
				m = m[:len(m)-1]
				if stat, has := options["stat"].(string); has {
					s.statistic = stat
				}
			}
			if m[0] != emf.Namespace {
				continue
			}
			s.name = m[1].(string)
			for i := 2; i < len(m); i += 2 {
				s.add(m[i].(string), m[i+1].(string))
			}
			all = append(all, s)
		}
	}
	return all
}

func TestAlarmsAndDashboardAskForMetricsThatAreEmitted(t *testing.T) {
	names := make(map[string]emf.Name)
	for _, n := range emf.Names() {
		names[n.Name] = n
	}
	asked := append(alarmed(t, emf.Namespace), drawn(t)...)
	for _, s := range asked {
		n, emitted := names[s.name]
		switch {
		case !emitted:
			t.Errorf("%s asks for %s, which nobody emits", s.by, s.name)
		case !slices.Equal(s.dimensions, n.Dimensions) || s.prefix != "Prefix" || !slices.Contains(n.Services, s.service):
			t.Errorf("%s asks for %s by %v of %s and %s; it is emitted by %v of %v", s.by, s.name, s.dimensions, s.prefix, s.service, n.Dimensions, n.Services)
		case n.Statistic != s.statistic && !(n.Statistic == "p99" && s.statistic == "p50"):
			t.Errorf("%s asks for the %s of %s; its %s tells something", s.by, s.statistic, s.name, n.Statistic)
		}
	}
	if len(asked) < 40 {
		t.Errorf("alarms and dashboard ask for %d metrics", len(asked))
	}
}

func TestThereIsAnAlarmForEachOfWhatCanGoWrong(t *testing.T) {
	watched := make(map[string][]string)
	for _, s := range append(alarmed(t, emf.Namespace), alarmed(t, "AWS/SQS")...) {
		watched[s.name] = append(watched[s.name], s.by)
	}
	for metric, want := range map[string]int{
		"MessagesDeadLettered": len(event.Services), "ApproximateNumberOfMessagesVisible": len(event.Services),
		"ApproximateAgeOfOldestMessage": len(event.Services), "Throttles": len(event.Services), "OrdersStuck": 1,
	} {
		if len(watched[metric]) != want {
			t.Errorf("the alarms on %s are %q; want %d", metric, watched[metric], want)
		}
	}
}

func TestAlarmsGoToTheTopicAndKeepQuietWithoutData(t *testing.T) {
	for id, r := range parse(t, deploy.Storage).all("AWS::CloudWatch::Alarm") {
		actions, _ := json.Marshal(r.Properties["AlarmActions"])
		if string(actions) != `["HasTopic",["AlarmTopic"],"AWS::NoValue"]` || r.Properties["TreatMissingData"] != "notBreaching" {
			t.Errorf("%s has the actions %s and treats missing data as %v", id, actions, r.Properties["TreatMissingData"])
		}
	}
}

func TestTheDashboardsWidgetsDoNotOverlap(t *testing.T) {
	taken := make(map[[2]int]string)
	for _, w := range openDashboard(t).Widgets {
		if w.X+w.Width > 24 {
			t.Errorf("%s reaches beyond the 24 columns", w.Properties.Title)
		}
		for x := w.X; x < w.X+w.Width; x++ {
			for y := w.Y; y < w.Y+w.Height; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies over %s", w.Properties.Title, other)
				}
				taken[[2]int{x, y}] = w.Properties.Title
			}
		}
	}
}
