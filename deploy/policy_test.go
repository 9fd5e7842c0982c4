package deploy_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"holdfast/deploy"
)

// template is storage.yaml, !Sub, !Ref, !GetAtt and !If read as what they are
// given.
type template struct {
	Parameters map[string]struct {
		Default       any
		AllowedValues []any
	}
	Resources map[string]resource
	Outputs   map[string]struct{ Export struct{ Name string } }
}

type resource struct {
	Type           string
	DeletionPolicy string
	Properties     map[string]any
}

func parse(t *testing.T, text string) (parsed template) {
	t.Helper()
	converted, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = json.Unmarshal(converted, &parsed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// all are the template's resources of a type, by logical id.
func (t template) all(kind string) map[string]resource {
	found := make(map[string]resource)
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// grants are what a policy allows: actions by the target that they are allowed on,
// which is a table or a queue by its name after the prefix, or "orders/by-user"
// for an index.
type grants map[string][]string

// granted reads the statements of a policy document of the template.
func (t template) granted(test *testing.T, document any) grants {
	test.Helper()
	found := make(grants)
	for _, s := range document.(map[string]any)["Statement"].([]any) {
		statement := s.(map[string]any)
		if statement["Effect"] != "Allow" {
			test.Fatalf("a statement that does not allow: %v", statement)
		}
		for _, r := range flat(statement["Resource"]) {
			if target, known := t.target(r); known {
				found[target] = append(found[target], flat(statement["Action"])...)
			}
		}
	}
	return found
}

var reference = regexp.MustCompile(`^(?:\$\{)?(\w+)\.Arn\}?(?:/index/([\w*-]+))?$`)

// target is what a Resource of a policy names; known is false for what is neither
// a table nor a queue.
func (t template) target(r string) (target string, known bool) {
	m := reference.FindStringSubmatch(r)
	if m == nil {
		return "", false
	}
	p := t.Resources[m[1]].Properties
	name, known := p["TableName"].(string)
	if !known {
		name, known = p["QueueName"].(string)
	}
	name = strings.TrimPrefix(name, "${Prefix}-")
	if m[2] != "" {
		name += "/" + m[2]
	}
	return name, known
}

// flat are the strings of a value that is one, or a list of such values.
func flat(value any) (all []string) {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			all = append(all, flat(e)...)
		}
	}
	return all
}

// roles are the grants of each service's role.
func (t template) roles(test *testing.T) map[string]grants {
	test.Helper()
	found := make(map[string]grants)
	for _, r := range t.all("AWS::IAM::Role") {
		policies := r.Properties["Policies"].([]any)
		if len(policies) != 1 || r.Properties["ManagedPolicyArns"] != nil {
			test.Fatal("a service's role has one policy, its own")
		}
		found[owner(r)] = t.granted(test, policies[0].(map[string]any)["PolicyDocument"])
	}
	if len(found) != 3 {
		test.Fatalf("the template has roles for %d services; want 3", len(found))
	}
	return found
}

func owner(r resource) string {
	tags, _ := r.Properties["Tags"].([]any)
	for _, tag := range tags {
		if pair := tag.(map[string]any); pair["Key"] == "holdfast-owner" {
			return fmt.Sprint(pair["Value"])
		}
	}
	return ""
}

func TestNoRoleNamesMoreThanItNeeds(t *testing.T) {
	for service, g := range parse(t, deploy.Storage).roles(t) {
		for target, actions := range g {
			for _, a := range actions {
				if strings.Contains(a, "*") || strings.Contains(target, "*") {
					t.Errorf("the role of %s may %s on %s; name each action and index", service, a, target)
				}
				if slices.Contains([]string{"dynamodb:Scan", "dynamodb:DeleteTable", "dynamodb:UpdateTable", "sqs:PurgeQueue", "sqs:SetQueueAttributes"}, a) {
					t.Errorf("the role of %s may %s on %s, which no service does", service, a, target)
				}
			}
		}
	}
}
