package deploy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/deploy"
	"holdfast/event"
)

// inlineLimit is the most bytes of a template that CloudFormation takes without a
// bucket of S3 to fetch it from (AWS CloudFormation quotas).
const inlineLimit = 51_200

func TestTheTemplateFitsIntoOneRequest(t *testing.T) {
	if n := len(deploy.Storage); n > inlineLimit {
		t.Errorf("storage.yaml has %d bytes; CloudFormation takes %d in a request", n, inlineLimit)
	}
}

func TestEveryTableIsOnDemandRestorableProtectedAndEncrypted(t *testing.T) {
	tables := parse(t, deploy.Storage).all("AWS::DynamoDB::Table")
	for id, r := range tables {
		for property, want := range map[string]string{
			"BillingMode":                      `"PAY_PER_REQUEST"`,
			"PointInTimeRecoverySpecification": `{"PointInTimeRecoveryEnabled":["Restorable",true,false]}`,
			"DeletionProtectionEnabled":        `["Protected",true,false]`,
			"SSESpecification":                 `{"SSEEnabled":true}`,
		} {
			if is, _ := json.Marshal(r.Properties[property]); string(is) != want {
				t.Errorf("%s has %s %s; want %s", id, property, is, want)
			}
		}
		if r.DeletionPolicy != "RetainExceptOnCreate" {
			t.Errorf("%s is deleted with its stack", id)
		}
	}
	if len(tables) < 10 {
		t.Errorf("the template has %d tables", len(tables))
	}
}

func TestEveryTableAndQueueHasAnOwner(t *testing.T) {
	known := append(slices.Clone(event.Services), deploy.Keys, deploy.Gateway)
	for _, table := range deploy.Tables("p") {
		if !slices.Contains(known, table.Owner) {
			t.Errorf("table %s belongs to %q", table.Name, table.Owner)
		}
	}
	for _, q := range deploy.Queues("p") {
		if !slices.Contains(event.Services, q.Owner) || !strings.HasPrefix(q.Name, "p-"+string(q.Owner)) {
			t.Errorf("queue %s belongs to %q", q.Name, q.Owner)
		}
	}
}

func TestEachServiceHasAQueueWhoseDeadLettersOutliveItsMessages(t *testing.T) {
	resources := parse(t, deploy.Storage)
	retention := make(map[string]float64)
	for _, r := range resources.all("AWS::SQS::Queue") {
		retention[fmt.Sprint(r.Properties["QueueName"])], _ = r.Properties["MessageRetentionPeriod"].(float64)
		if r.Properties["SqsManagedSseEnabled"] != true {
			t.Errorf("%s is not encrypted", r.Properties["QueueName"])
		}
	}
	for _, s := range event.Services {
		queue, dead := "${Prefix}-"+string(s), "${Prefix}-"+string(s)+"-dlq"
		if retention[queue] == 0 || retention[dead] <= retention[queue] {
			t.Errorf("%s keeps messages for %v s and %s for %v; a message's age counts from its first queue", queue, retention[queue], dead, retention[dead])
		}
	}
	for _, q := range deploy.Queues("p") {
		if (q.DeadLetters == "") != strings.HasSuffix(q.Name, "-dlq") || q.DeadLetters != "" && q.MaxReceives < 100 {
			t.Errorf("%s gives its messages to %q after %d receives; an outage must not fill it", q.Name, q.DeadLetters, q.MaxReceives)
		}
	}
}

func TestADeadLetterQueueTakesFromItsOwnQueueAlone(t *testing.T) {
	for id, r := range parse(t, deploy.Storage).all("AWS::SQS::Queue") {
		name := fmt.Sprint(r.Properties["QueueName"])
		source, dead := strings.CutSuffix(name, "-dlq")
		if !dead {
			continue
		}
		allow, _ := json.Marshal(r.Properties["RedriveAllowPolicy"])
		want := `{"redrivePermission":"byQueue","sourceQueueArns":["arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:` + source + `"]}`
		if string(allow) != want {
			t.Errorf("%s allows %s; want %s", id, allow, want)
		}
	}
}

func TestFargateImportsOnlyWhatStorageExports(t *testing.T) {
	var exports []string
	for _, o := range parse(t, deploy.Storage).Outputs {
		exports = append(exports, o.Export.Name)
	}
	n := 0
	for line := range strings.Lines(deploy.Fargate) {
		_, name, imports := strings.Cut(line, `!ImportValue { "Fn::Sub": "`)
		if !imports {
			continue
		}
		n++
		if name, _, _ = strings.Cut(name, `"`); !slices.Contains(exports, name) {
			t.Errorf("fargate.yaml imports %s, which storage.yaml does not export: %q", name, exports)
		}
	}
	if n != 6 {
		t.Errorf("fargate.yaml has %d imports; want a role and a log group for each service", n)
	}
}
