package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"holdfast/event"
)

// Check holds the tables that the services need, and that of the API keys,
// against the template. It fails, naming the table and the fix, where one is
// missing, is not ready, may not be described, or has another key or other
// indexes. Indexes beside the template's are the owner's own affair.
func Check(ctx context.Context, db dynamodb.DescribeTableAPIClient, prefix string, services []event.Service) error {
	var needed []Table
	for _, t := range Tables(prefix) {
		if needs(services, t.Owner) {
			needed = append(needed, t)
		}
	}
	wrong := make([]error, len(needed))
	var describing errgroup.Group
	for i, t := range needed {
		describing.Go(func() error {
			wrong[i] = t.check(ctx, db, prefix)
			return nil
		})
	}
	describing.Wait()
	for _, err := range wrong { // the first by name, so that the message does not change from run to run
		if err != nil {
			return err
		}
	}
	return nil
}

// needs reports whether these services use the owner's tables.
func needs(services []event.Service, owner event.Service) bool {
	switch owner {
	case Keys:
		return true
	case Gateway:
		return slices.Contains(services, event.Payment)
	}
	return slices.Contains(services, owner)
}

func (t Table) check(ctx context.Context, db dynamodb.DescribeTableAPIClient, prefix string) error {
	out, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.Name})
	if missing := (*types.ResourceNotFoundException)(nil); errors.As(err, &missing) {
		return fmt.Errorf("there is no table %s in this account and region; make it with: holdfast setup --engine aws --prefix %s, or set AWS_REGION to where it is", t.Name, prefix)
	}
	if err != nil {
		return Explain("looking at table "+t.Name, err)
	}
	if out.Table.TableStatus == types.TableStatusCreating || out.Table.TableStatus == types.TableStatusDeleting {
		return fmt.Errorf("table %s is %s; try again when it is ACTIVE", t.Name, out.Table.TableStatus)
	}
	if err := t.compare(out.Table); err != nil {
		return fmt.Errorf("table %s %w; it is not as deploy/storage.yaml says: run holdfast setup --engine aws --prefix %s, or if something else uses it, choose another --prefix", t.Name, err, prefix)
	}
	return nil
}

// compare says how a table differs from the template.
func (t Table) compare(found *types.TableDescription) error {
	attributes := make(map[string]string)
	for _, a := range found.AttributeDefinitions {
		attributes[*a.AttributeName] = string(a.AttributeType)
	}
	if want, is := t.Key.typed(t.Types), keyFound(found.KeySchema).typed(attributes); want != is {
		return fmt.Errorf("has the key %s where it should have %s", is, want)
	}
	for _, i := range t.Indexes {
		at := slices.IndexFunc(found.GlobalSecondaryIndexes, func(g types.GlobalSecondaryIndexDescription) bool { return aws.ToString(g.IndexName) == i.Name })
		if at < 0 {
			return fmt.Errorf("has no index %s on %s", i.Name, i.Key.typed(t.Types))
		}
		if err := i.compare(found.GlobalSecondaryIndexes[at], t.Types, attributes); err != nil {
			return err
		}
	}
	return nil
}

func (i Index) compare(found types.GlobalSecondaryIndexDescription, types, attributes map[string]string) error {
	if want, is := i.Key.typed(types), keyFound(found.KeySchema).typed(attributes); want != is {
		return fmt.Errorf("has an index %s on %s where it should be on %s", i.Name, is, want)
	}
	if found.Projection == nil || string(found.Projection.ProjectionType) != i.Projection {
		return fmt.Errorf("has an index %s that does not project %s", i.Name, i.Projection)
	}
	if found.IndexStatus == "CREATING" {
		return fmt.Errorf("is still building its index %s", i.Name)
	}
	return nil
}

func keyFound(elements []types.KeySchemaElement) (k Key) {
	for _, e := range elements {
		if e.KeyType == types.KeyTypeHash {
			k.Partition = aws.ToString(e.AttributeName)
		} else {
			k.Sort = aws.ToString(e.AttributeName)
		}
	}
	return k
}

// typed shows a key with its attributes' types, as (sku S, seq N).
func (k Key) typed(types map[string]string) string {
	if k.Sort == "" {
		return fmt.Sprintf("(%s %s)", k.Partition, types[k.Partition])
	}
	return fmt.Sprintf("(%s %s, %s %s)", k.Partition, types[k.Partition], k.Sort, types[k.Sort])
}
