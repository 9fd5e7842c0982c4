package deploy_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"holdfast/deploy"
	"holdfast/emulator"
	"holdfast/event"
)

func TestCheckAcceptsWhatTheTemplateSays(t *testing.T) {
	t.Parallel()
	m := emulator.ForTest(t)
	db, prefix := dynamodb.NewFromConfig(m.Config()), m.Fresh(t)
	for _, services := range [][]event.Service{event.Services, {event.Order}, {}} {
		if err := deploy.Check(t.Context(), db, prefix, services); err != nil {
			t.Errorf("for %v: %v", services, err)
		}
	}
}

func TestCheckNamesAMissingTableAndTheCommandThatMakesIt(t *testing.T) {
	t.Parallel()
	db := dynamodb.NewFromConfig(emulator.ForTest(t).Config())
	err := deploy.Check(t.Context(), db, "nowhere", []event.Service{event.Payment})
	wantError(t, err, "no table nowhere-gateway", "holdfast setup --engine aws --prefix nowhere", "AWS_REGION")
}

func TestCheckOfAServiceLooksAtItsOwnTablesAlone(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 100)
	db := describing(func(name string) { asked <- name })
	if err := deploy.Check(t.Context(), db, "p", []event.Service{event.Payment}); err != nil {
		t.Fatal(err)
	}
	close(asked)
	var names []string
	for name := range asked {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"p-gateway", "p-keys", "p-payment-dead-letters", "p-payments"}; !slices.Equal(names, want) {
		t.Errorf("looked at %q; want %q", names, want)
	}
}

// describing answers DescribeTable as the template says.
type describing func(name string)

func (d describing) DescribeTable(_ context.Context, in *dynamodb.DescribeTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error) {
	d(*in.TableName)
	return &dynamodb.DescribeTableOutput{Table: described(*in.TableName)}, nil
}

// described is a table of the template as DynamoDB describes it.
func described(name string) *types.TableDescription {
	prefix, _, _ := strings.Cut(name, "-")
	all := deploy.Tables(prefix)
	t := all[slices.IndexFunc(all, func(t deploy.Table) bool { return t.Name == name })]
	found := &types.TableDescription{TableName: &t.Name, TableStatus: types.TableStatusActive, KeySchema: schema(t.Key)}
	for attribute, kind := range t.Types {
		found.AttributeDefinitions = append(found.AttributeDefinitions, types.AttributeDefinition{AttributeName: &attribute, AttributeType: types.ScalarAttributeType(kind)})
	}
	for _, i := range t.Indexes {
		found.GlobalSecondaryIndexes = append(found.GlobalSecondaryIndexes, types.GlobalSecondaryIndexDescription{
			IndexName: &i.Name, KeySchema: schema(i.Key), IndexStatus: types.IndexStatusActive, Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	return found
}

func schema(k deploy.Key) []types.KeySchemaElement {
	elements := []types.KeySchemaElement{{AttributeName: &k.Partition, KeyType: types.KeyTypeHash}}
	if k.Sort != "" {
		elements = append(elements, types.KeySchemaElement{AttributeName: &k.Sort, KeyType: types.KeyTypeRange})
	}
	return elements
}

// bent is a table that differs from the template.
type bent struct {
	name string
	bend func(*types.TableDescription)
}

func (b bent) DescribeTable(_ context.Context, in *dynamodb.DescribeTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error) {
	found := described(*in.TableName)
	if *in.TableName == b.name {
		b.bend(found)
	}
	return &dynamodb.DescribeTableOutput{Table: found}, nil
}

func TestCheckNamesWhatDiffers(t *testing.T) {
	index := func(found *types.TableDescription, name string) *types.GlobalSecondaryIndexDescription {
		i := slices.IndexFunc(found.GlobalSecondaryIndexes, func(g types.GlobalSecondaryIndexDescription) bool { return *g.IndexName == name })
		return &found.GlobalSecondaryIndexes[i]
	}
	for _, c := range []struct {
		of   string
		b    bent
		says []string
	}{
		{"another key", bent{"p-stock-ledger", func(f *types.TableDescription) { f.KeySchema = f.KeySchema[:1] }}, []string{"(sku S)", "(sku S, seq N)"}},
		{"another type", bent{"p-payments", func(f *types.TableDescription) { f.AttributeDefinitions[0].AttributeType = "N" }}, []string{"(id N)", "(id S)"}},
		{"no index", bent{"p-orders", func(f *types.TableDescription) { f.GlobalSecondaryIndexes = nil }}, []string{"no index by-user", "(owner S, number N)"}},
		{"another index key", bent{"p-orders", func(f *types.TableDescription) {
			index(f, "by-due").KeySchema[1].AttributeName = aws.String("number")
		}}, []string{"by-due", "(shard S, number N)", "(shard S, due N)"}},
		{"another projection", bent{"p-orders", func(f *types.TableDescription) { index(f, "by-day").Projection.ProjectionType = "ALL" }}, []string{"by-day", "KEYS_ONLY"}},
		{"an index being built", bent{"p-stock", func(f *types.TableDescription) { index(f, "by-sku").IndexStatus = "CREATING" }}, []string{"still building", "by-sku"}},
		{"a table being made", bent{"p-keys", func(f *types.TableDescription) { f.TableStatus = "CREATING" }}, []string{"CREATING"}},
	} {
		t.Run(c.of, func(t *testing.T) {
			err := deploy.Check(t.Context(), c.b, "p", event.Services)
			wantError(t, err, append(c.says, c.b.name)...)
		})
	}
	more := bent{"p-orders", func(f *types.TableDescription) {
		f.GlobalSecondaryIndexes = append(f.GlobalSecondaryIndexes, types.GlobalSecondaryIndexDescription{IndexName: aws.String("mine")})
	}}
	if err := deploy.Check(t.Context(), more, "p", event.Services); err != nil {
		t.Error("an index of the owner's own:", err)
	}
}
