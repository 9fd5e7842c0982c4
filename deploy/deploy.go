// Package deploy holds the templates that provision Holdfast on AWS. storage.yaml
// is the one truth about tables and queues: it is what setup deploys, what an
// engine holds the tables it finds against, and what the tests make theirs from.
package deploy

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"holdfast/event"
)

// Storage is the CloudFormation template of tables, queues and roles.
//
//go:embed storage.yaml
var Storage string

// Fargate is the CloudFormation template that runs the services over them.
//
//go:embed fargate.yaml
var Fargate string

// Owners that are no service: the API keys, which each service reads, and the
// simulated gateway, which the payment service asks.
const (
	Keys    event.Service = "keys"
	Gateway event.Service = "gateway"
)

// Table is a DynamoDB table of the template.
type Table struct {
	Name    string
	Owner   event.Service // who alone writes it; or Keys, or Gateway
	Key     Key
	Indexes []Index
	Types   map[string]string // S or N, by attribute that is part of a key
}

// Index is a global secondary index.
type Index struct {
	Name       string
	Key        Key
	Projection string // KEYS_ONLY
}

// Key names the attributes of a primary key.
type Key struct {
	Partition string
	Sort      string // empty: none
}

// Queue is an SQS standard queue of the template.
type Queue struct {
	Name        string
	Owner       event.Service // who alone receives from it
	DeadLetters string        // the name of its dead-letter queue; empty: it is one
	MaxReceives int           // after which a message goes there
	Attributes  map[string]string
}

// template is what is read of storage.yaml.
type template struct {
	Parameters map[string]struct{ Default any }
	Resources  map[string]resource // by logical id
}

type resource struct {
	Type       string
	Properties struct {
		TableName            string
		KeySchema            []keyElement
		AttributeDefinitions []struct{ AttributeName, AttributeType string }

		GlobalSecondaryIndexes []struct {
			IndexName  string
			KeySchema  []keyElement
			Projection struct{ ProjectionType string }
		}

		QueueName                     string
		MessageRetentionPeriod        int
		VisibilityTimeout             int
		ReceiveMessageWaitTimeSeconds int
		RedrivePolicy                 struct {
			DeadLetterTargetArn string // the resource's name and ".Arn"
			MaxReceiveCount     int
		}

		Tags []struct{ Key, Value string }
	}
}

// ownerTag is the tag that says whose a table or queue is: AWS's bill can be
// split by it.
const ownerTag = "holdfast-owner"

func (r resource) owner() event.Service {
	for _, t := range r.Properties.Tags {
		if t.Key == ownerTag {
			return event.Service(t.Value)
		}
	}
	return ""
}

type keyElement struct{ AttributeName, KeyType string }

// storage is storage.yaml as read. !Sub and !GetAtt are read as their text.
var storage = func() (t template) {
	text, err := yaml.YAMLToJSON([]byte(Storage))
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil {
		panic(fmt.Sprintf("deploy: storage.yaml: %v", err)) // it is compiled in, and tested
	}
	return t
}()

// named is a name of the template with the prefix put in.
func named(name, prefix string) string { return strings.ReplaceAll(name, "${Prefix}", prefix) }

// Tables are the template's tables, in ascending order of name.
func Tables(prefix string) []Table {
	var all []Table
	for _, r := range storage.Resources {
		if r.Type != "AWS::DynamoDB::Table" {
			continue
		}
		t := Table{Name: named(r.Properties.TableName, prefix), Owner: r.owner(), Key: keyOf(r.Properties.KeySchema), Types: make(map[string]string)}
		for _, a := range r.Properties.AttributeDefinitions {
			t.Types[a.AttributeName] = a.AttributeType
		}
		for _, i := range r.Properties.GlobalSecondaryIndexes {
			t.Indexes = append(t.Indexes, Index{Name: i.IndexName, Key: keyOf(i.KeySchema), Projection: i.Projection.ProjectionType})
		}
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func keyOf(elements []keyElement) (k Key) {
	for _, e := range elements {
		if e.KeyType == "HASH" {
			k.Partition = e.AttributeName
		} else {
			k.Sort = e.AttributeName
		}
	}
	return k
}

// Queues are the template's queues, dead-letter queues before those that use them.
func Queues(prefix string) []Queue {
	var all []Queue
	for _, r := range storage.Resources {
		p := r.Properties
		if r.Type != "AWS::SQS::Queue" {
			continue
		}
		dead := strings.TrimSuffix(p.RedrivePolicy.DeadLetterTargetArn, ".Arn")
		q := Queue{Name: named(p.QueueName, prefix), Owner: r.owner(), MaxReceives: p.RedrivePolicy.MaxReceiveCount, Attributes: make(map[string]string)}
		if dead != "" {
			q.DeadLetters = named(storage.Resources[dead].Properties.QueueName, prefix)
		}
		for name, value := range map[string]int{
			"MessageRetentionPeriod": p.MessageRetentionPeriod, "VisibilityTimeout": p.VisibilityTimeout,
			"ReceiveMessageWaitTimeSeconds": p.ReceiveMessageWaitTimeSeconds,
		} {
			if value > 0 {
				q.Attributes[name] = strconv.Itoa(value)
			}
		}
		all = append(all, q)
	}
	slices.SortFunc(all, func(a, b Queue) int {
		if (a.DeadLetters == "") != (b.DeadLetters == "") {
			return strings.Compare(a.DeadLetters, b.DeadLetters)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}
