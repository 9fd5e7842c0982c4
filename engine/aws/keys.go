package aws

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"holdfast/event"
	"holdfast/keys"
)

// keyStore is keys.Store over the keys table. The good key of a name has an id of
// its own, NAME#good, so that there is at most one; revoking moves it to
// NAME#CREATED#RANDOM. No name has a # in it.
type keyStore struct{ box }

func newKeys(c *core) keys.Store {
	return keyStore{box{core: c, table: c.named("keys"), name: "keys"}}
}

// hashAttribute tells a key from any other of its name.
const hashAttribute = "hash"

func goodKey(name string) string { return name + "#good" }

// apiKeyItem is a key as its item holds it.
type apiKeyItem struct {
	Box     string       `dynamodbav:"box"`
	ID      string       `dynamodbav:"id"`
	Name    string       `dynamodbav:"name"`
	Scopes  []keys.Scope `dynamodbav:"scopes"`
	Hash    []byte       `dynamodbav:"hash"`
	Created int64        `dynamodbav:"created"`
	Revoked int64        `dynamodbav:"revoked,omitempty"`
}

func (s keyStore) encode(id string, k keys.Key) (item, error) {
	return attributevalue.MarshalMap(apiKeyItem{s.name, id, k.Name, k.Scopes, k.Hash[:], unixMilli(k.CreatedAt), unixMilli(k.RevokedAt)})
}

func decodeKey(stored item) (keys.Key, error) {
	var i apiKeyItem
	err := attributevalue.UnmarshalMap(stored, &i)
	k := keys.Key{Name: i.Name, Scopes: i.Scopes, CreatedAt: fromMilli(i.Created), RevokedAt: fromMilli(i.Revoked)}
	copy(k.Hash[:], i.Hash)
	return k, err
}

func (s keyStore) Create(ctx context.Context, k keys.Key) error {
	i, err := s.encode(goodKey(k.Name), k)
	if err != nil {
		return err
	}
	i[writeAttribute] = &types.AttributeValueMemberB{Value: newToken()}
	err = s.write(ctx, func(ctx context.Context) error {
		_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &s.table, Item: i, ConditionExpression: awssdk.String("attribute_not_exists(id)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return unlessOwn(err, i)
	})
	if failed := (*types.ConditionalCheckFailedException)(nil); !errors.As(err, &failed) {
		return translate(ctx, "writing to "+s.table, err)
	}
	return event.Errorf(event.Conflict, "there is a key named %q", k.Name)
}

func (s keyStore) Revoke(ctx context.Context, name string, at time.Time) error {
	for try := 1; try <= maxRaces; try++ {
		if try > 1 {
			if err := s.pause(ctx, try); err != nil {
				return err
			}
		}
		good, err := s.get(ctx, goodKey(name))
		if err != nil {
			return err
		}
		if len(good) == 0 {
			return event.Errorf(event.NotFound, "there is no good key named %q", name)
		}
		if revoked, err := s.revoke(ctx, good, at); revoked || err != nil {
			return err
		}
	}
	return event.Errorf(event.Unavailable, "%s: the key %q keeps changing under other writers", s.table, name)
}

// revoke moves a good key to the revoked ones if it is still there. All tries of
// the request have one token, so that a lost answer is asked for again.
func (s keyStore) revoke(ctx context.Context, good item, at time.Time) (revoked bool, err error) {
	k, err := decodeKey(good)
	if err != nil {
		return false, err
	}
	k.RevokedAt = at
	ended, err := s.encode(fmt.Sprintf("%s#%015d#%s", k.Name, unixMilli(k.CreatedAt), hex.EncodeToString(newToken())), k)
	if err != nil {
		return false, err
	}
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: awssdk.String(rand.Text()), TransactItems: []types.TransactWriteItem{
		{Delete: &types.Delete{
			TableName: &s.table, Key: s.key(goodKey(k.Name)), ConditionExpression: awssdk.String("#h = :hash"), ExpressionAttributeNames: map[string]string{"#h": hashAttribute},
			ExpressionAttributeValues: item{":hash": good[hashAttribute]},
		}},
		{Put: &types.Put{TableName: &s.table, Item: ended}},
	}}
	err = s.write(ctx, func(ctx context.Context) error {
		_, err := s.db.TransactWriteItems(ctx, in)
		return err
	})
	if cancelled := (*types.TransactionCanceledException)(nil); errors.As(err, &cancelled) && isRefused(cancelled) {
		return false, nil // another has revoked it: what stands there now decides
	}
	return err == nil, translate(ctx, "writing to "+s.table, err)
}

func (s keyStore) List(ctx context.Context) ([]keys.Key, error) {
	var all []keys.Key
	err := s.list(ctx, "", func(i item) (bool, error) {
		k, err := decodeKey(i)
		all = append(all, k)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b keys.Key) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), a.CreatedAt.Compare(b.CreatedAt))
	})
	return all, nil
}
