package aws_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// right is an action on a table, an index or a queue, by the end of its ARN.
type right struct{ action, on string }

// rights are those that requests have made use of.
type rights struct {
	client awssdk.HTTPClient

	mu   sync.Mutex
	used map[right]bool
}

// Do notes what a request needs and makes it.
func (r *rights) Do(request *http.Request) (*http.Response, error) {
	if target := request.Header.Get("X-Amz-Target"); target != "" && request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		r.note(target, body)
	}
	return r.client.Do(request)
}

// asked is what tells on what a request acts.
type asked struct {
	TableName, IndexName string
	RequestItems         map[string]any
	TransactItems        []map[string]struct{ TableName string }
	QueueURL             string `json:"QueueUrl"`
	QueueName            string
}

func (r *rights) note(target string, body []byte) {
	var a asked
	if json.Unmarshal(body, &a) != nil {
		return
	}
	service, action, _ := strings.Cut(target, ".")
	r.mu.Lock()
	defer r.mu.Unlock()
	if service == "AmazonSQS" {
		// A batch needs the right to its single action.
		r.used[right{"sqs:" + strings.TrimSuffix(action, "Batch"), path.Base(a.QueueURL + a.QueueName)}] = true
		return
	}
	if a.TableName != "" {
		r.used[right{"dynamodb:" + action, path.Join("table", a.TableName, indexPath(a.IndexName))}] = true
	}
	for table := range a.RequestItems {
		r.used[right{"dynamodb:" + action, "table/" + table}] = true
	}
	for _, item := range a.TransactItems { // a transaction needs what each of its writes needs
		for write, of := range item {
			r.used[right{"dynamodb:" + write + "Item", "table/" + of.TableName}] = true
		}
	}
}

func indexPath(name string) string {
	if name == "" {
		return ""
	}
	return "index/" + name
}

// granted are the rights that a role's policy names.
func (g *guarded) granted(t *testing.T, role string) (all []right) {
	t.Helper()
	out, err := iam.NewFromConfig(g.Config()).GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &role, PolicyName: awssdk.String("own")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := url.QueryUnescape(*out.PolicyDocument)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Statement []struct{ Action, Resource several }
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatal(err)
	}
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			for _, arn := range s.Resource {
				all = append(all, right{action, arn[strings.LastIndex(arn, ":")+1:]})
			}
		}
	}
	return all
}

// several is what JSON has as a string or as a list of them.
type several []string

// UnmarshalJSON reads either.
func (s *several) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte(`"`)) {
		*s = make(several, 1)
		return json.Unmarshal(text, &(*s)[0])
	}
	return json.Unmarshal(text, (*[]string)(s))
}

// wantAllUsed checks that a role names no right that its service, having done all
// that it does, has not used.
func (g *guarded) wantAllUsed(t *testing.T, service, role string, used *rights) {
	t.Helper()
	granted := g.granted(t, role)
	if len(granted) < 20 {
		t.Errorf("the role of %s names %d rights", service, len(granted))
	}
	used.mu.Lock()
	defer used.mu.Unlock()
	for _, r := range slices.Compact(granted) {
		if !used.used[r] {
			t.Errorf("%s never needs the right to %s on %s", service, r.action, r.on)
		}
	}
}
