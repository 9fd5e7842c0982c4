package aws

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

const (
	// answerTime is how long an answer is waited for before the same is asked again.
	answerTime = 5 * time.Second
	// conflictTries keeps the pauses after a conflict below 80 ms: a transaction
	// takes a few milliseconds, and its item is free again.
	conflictTries = 5
)

// request is the plan's transaction: a put for each moving reservation, in order
// of arrival, then an update for each SKU, in order of SKU.
func (s *stock) request(p *plan) ([]types.TransactWriteItem, error) {
	var actions []types.TransactWriteItem
	for _, m := range p.moving {
		a, err := s.putAction(m)
		if err != nil {
			return nil, err
		}
		actions = append(actions, a)
	}
	for _, sku := range p.moved() {
		actions = append(actions, s.moveAction(p.tallies[sku]))
	}
	return actions, nil
}

// moved are the SKUs whose counts the plan changes.
func (p *plan) moved() (skus []string) {
	for _, sku := range slices.Sorted(maps.Keys(p.tallies)) {
		if t := p.tallies[sku]; t.now.Version != t.was.Version {
			skus = append(skus, sku)
		}
	}
	return skus
}

func (s *stock) putAction(m *movement) (a types.TransactWriteItem, err error) {
	id := m.change.OrderID
	if m.sealed, err = s.reservations.seal(id, m.next, m.seen.rev+1); err != nil {
		return a, err
	}
	m.sealed[writeAttribute] = &types.AttributeValueMemberB{Value: m.mark}
	condition, values := onRevision(m.seen.rev)
	a.Put = &types.Put{
		TableName: &s.reservations.table, Item: m.sealed, ConditionExpression: &condition, ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	return a, nil
}

// moveAction adds to a SKU's counts what all its movements moved. Taken one after
// another they let a count fall to its low, so that much must be there.
func (s *stock) moveAction(t *tally) types.TransactWriteItem {
	conditions := []string{"attribute_exists(sku)"}
	values := item{
		":available": numberValue(t.now.Available - t.was.Available), ":reserved": numberValue(t.now.Reserved - t.was.Reserved),
		":sold": numberValue(t.now.Sold - t.was.Sold), ":v": numberValue(t.now.Version - t.was.Version),
		":updated": numberValue(unixMilli(t.now.UpdatedAt)),
	}
	for _, c := range []struct {
		name string
		need int64
	}{
		{"available", t.was.Available - t.low.Available}, {"reserved", t.was.Reserved - t.low.Reserved}, {"sold", t.was.Sold - t.low.Sold},
	} {
		if c.need > 0 {
			conditions = append(conditions, c.name+" >= :need_"+c.name)
			values[":need_"+c.name] = numberValue(c.need)
		}
	}
	if t.holds {
		conditions = append(conditions, "pv = :pv")
		values[":pv"] = numberValue(t.priceVersion)
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.stockTable, Key: item{"sku": textValue(t.now.SKU)},
		UpdateExpression:                    awssdk.String("SET updated = :updated ADD available :available, reserved :reserved, sold :sold, v :v"),
		ConditionExpression:                 awssdk.String(strings.Join(conditions, " AND ")),
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// transact writes the actions, all of them or none. Where conditions failed it
// returns the reasons, one an action. What is refused for another's transaction or
// for want of capacity is tried again, and what is not answered is asked again:
// the same content under the same token, which DynamoDB carries out once
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html,
// ClientRequestToken). When it fails, the actions may have been written.
func (s *stock) transact(ctx context.Context, actions []types.TransactWriteItem) (failed []types.CancellationReason, err error) {
	in := &dynamodb.TransactWriteItemsInput{TransactItems: actions, ClientRequestToken: awssdk.String(rand.Text())}
	for try := 2; ; try++ {
		err := s.core.write(ctx, func(ctx context.Context) error { return s.ask(ctx, in) })
		if err == nil {
			return nil, nil
		}
		failed, again := judge(err)
		if failed != nil {
			return failed, nil
		}
		if again == 0 && isOurs(err) {
			return nil, fmt.Errorf("writing to %s: %w", s.stockTable, err)
		}
		if again == 0 || s.pause(ctx, min(try, again)) != nil {
			return nil, translate(context.WithoutCancel(ctx), "writing to "+s.stockTable, err)
		}
	}
}

// ask makes one request. The SDK's own repeats are left out, so that each pause is
// ours.
func (s *stock) ask(ctx context.Context, in *dynamodb.TransactWriteItemsInput) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := s.db.TransactWriteItems(ctx, in, func(o *dynamodb.Options) { o.Retryer = awssdk.NopRetryer{} })
	return err
}

// judge reads why a transaction was not written, or not answered: the reasons if
// conditions failed; else how far the pauses before a repeat may grow, as a number
// of tries, 0 if there is to be none.
func judge(err error) (failed []types.CancellationReason, again int) {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return nil, againAfter(err)
	}
	for _, r := range cancelled.CancellationReasons {
		switch awssdk.ToString(r.Code) {
		case "ConditionalCheckFailed":
			return cancelled.CancellationReasons, 0
		case "TransactionConflict":
			again = max(again, conflictTries)
		case "ThrottlingError", "ProvisionedThroughputExceeded":
			again = maxTries
		case "None":
		default:
			return nil, 0
		}
	}
	return nil, again
}

// againAfter tells how a request that was not carried out as a whole, or of which
// that is not known, may be made again.
func againAfter(err error) int {
	var unread *smithy.DeserializationError
	switch {
	case isCode(err, "TransactionInProgressException"), inTransaction(err):
		return conflictTries
	case isCode(err, "InternalServerError"), errors.As(err, &unread), errors.Is(err, context.DeadlineExceeded):
		return maxTries
	case retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == awssdk.TrueTernary:
		return maxTries
	}
	return 0
}

// isOurs tells whether a transaction was refused for what it says: a fault of this
// build, which no repeat can mend.
func isOurs(err error) bool {
	var cancelled *types.TransactionCanceledException
	return errors.As(err, &cancelled) || isCode(err, "IdempotentParameterMismatchException")
}

// inTransaction tells whether a write was refused because a transaction on its
// item is under way.
func inTransaction(err error) bool { return isCode(err, "TransactionConflictException") }

// takeOut reads why a plan's transaction was cancelled. It ends, or sends on their
// way again, the movements whose reservations are not as they were seen, and takes
// up the rows that were found; the rest is left open, to be planned again.
func (s *stock) takeOut(p *plan, reasons []types.CancellationReason, rows seenRows) (open []*movement, err error) {
	skus := p.moved()
	if len(reasons) != len(p.moving)+len(skus) {
		return p.all(), fmt.Errorf("a transaction of %d actions was cancelled for %d reasons", len(p.moving)+len(skus), len(reasons))
	}
	met := make(map[*movement]bool)
	for i, r := range reasons {
		if awssdk.ToString(r.Code) != "ConditionalCheckFailed" {
			continue
		}
		if i < len(p.moving) {
			met[p.moving[i]] = true
			s.metReservation(p.moving[i], r.Item)
		} else if rowErr := s.metRow(skus[i-len(p.moving)], r.Item, rows); rowErr != nil {
			err = rowErr
		}
	}
	return slices.DeleteFunc(p.all(), func(m *movement) bool { return met[m] }), err
}

// metReservation takes on a movement whose condition failed: an earlier try of it
// has come through, or another writer has.
func (s *stock) metReservation(m *movement, found item) {
	now, _, err := s.reservations.found(m.change.OrderID, found)
	switch {
	case err != nil:
		m.fail(err)
	case sameWrite(found, m.sealed):
		m.end(now.record, true)
	default:
		s.meetAgain(m, now)
	}
}

func (s *stock) metRow(sku string, found item, rows seenRows) error {
	if len(found) == 0 {
		s.see(sku, nil, rows)
		return nil
	}
	row, err := decodeStock(found)
	if err != nil {
		return err
	}
	s.see(sku, row, rows)
	return nil
}
