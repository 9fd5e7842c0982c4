package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// How often CloudFormation is asked how far it is: at first soon, then less
// often, within what it allows an account.
const (
	askFirst  = 200 * time.Millisecond
	askAtMost = 3 * time.Second
)

// settled is the stack once no operation is under way on it, nil if there is none.
func (d *deployment) settled(ctx context.Context) (*types.Stack, error) {
	for wait := askFirst; ; wait = min(2*wait, askAtMost) {
		have, err := d.find(ctx)
		if err != nil || have == nil || !strings.HasSuffix(string(have.StackStatus), "_IN_PROGRESS") || have.StackStatus == types.StackStatusReviewInProgress {
			return have, err
		}
		if wait == askFirst {
			d.progress(fmt.Sprintf("stack %s is %s; waiting for that to end", d.stack, have.StackStatus))
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// find is the stack as it stands, nil if there is none.
func (d *deployment) find(ctx context.Context) (*types.Stack, error) {
	out, err := d.client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &d.stack})
	// CloudFormation has no code of its own for a stack that is not there.
	if api := smithy.APIError(nil); errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "does not exist") {
		return nil, nil
	}
	if err != nil || len(out.Stacks) == 0 {
		return nil, err
	}
	return &out.Stacks[0], nil
}

// await tells of the run's events until the stack has settled, and fails unless
// it ended well.
func (d *deployment) await(ctx context.Context) error {
	told := make(map[string]bool) // by event id
	var failed []types.StackEvent
	for wait := askFirst; ; wait = min(wait*3/2, askAtMost) {
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("stack %s goes on being set up without us: %w", d.stack, err)
		}
		have, err := d.find(ctx)
		if err != nil {
			return err
		}
		if have == nil {
			return fmt.Errorf("stack %s was deleted while it was set up", d.stack)
		}
		news, err := d.news(ctx, told)
		if err != nil {
			return err
		}
		failed = append(failed, d.tell(news)...)
		if !strings.HasSuffix(string(have.StackStatus), "_IN_PROGRESS") {
			return d.verdict(have.StackStatus, failed)
		}
	}
}

// news are the events of this run that were not told yet, the oldest first.
func (d *deployment) news(ctx context.Context, told map[string]bool) ([]types.StackEvent, error) {
	var news []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(d.client, &cloudformation.DescribeStackEventsInput{StackName: &d.stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range page.StackEvents { // the newest first
			if aws.ToString(e.ClientRequestToken) != d.token || told[*e.EventId] {
				return news, nil
			}
			told[*e.EventId] = true
			news = append([]types.StackEvent{e}, news...)
		}
	}
	return news, nil
}

// tell gives progress a line a resource that is done, and returns those that
// failed.
func (d *deployment) tell(news []types.StackEvent) (failed []types.StackEvent) {
	for _, e := range news {
		status := string(e.ResourceStatus)
		isFailure := strings.HasSuffix(status, "_FAILED")
		if aws.ToString(e.LogicalResourceId) != d.stack && (isFailure || strings.HasSuffix(status, "_COMPLETE")) {
			d.progress(fmt.Sprintf("%s %s", status, describe(e)))
		}
		if isFailure {
			failed = append(failed, e)
		}
	}
	return failed
}

// describe names a resource and what it is.
func describe(e types.StackEvent) string {
	return fmt.Sprintf("%s (%s)", aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType))
}

// stuckStates are those in which a stack cannot be updated, with the fix.
var stuckStates = map[types.StackStatus]string{
	types.StackStatusRollbackComplete:     "delete it with aws cloudformation delete-stack --stack-name STACK and run setup again",
	types.StackStatusRollbackFailed:       "see what could not be undone with aws cloudformation describe-stack-events --stack-name STACK, delete the stack and run setup again",
	types.StackStatusDeleteFailed:         "see what could not be deleted with aws cloudformation describe-stack-events --stack-name STACK, delete the stack and run setup again",
	types.StackStatusUpdateFailed:         "have it undone with aws cloudformation rollback-stack --stack-name STACK and run setup again",
	types.StackStatusUpdateRollbackFailed: "have its rollback finished with aws cloudformation continue-update-rollback --stack-name STACK and run setup again",
	types.StackStatusReviewInProgress:     "somebody has a change set for it under review: execute or delete that, and run setup again",
}

// fix is what to do about a stack in a state from which it cannot be updated.
func (d *deployment) fix(state types.StackStatus) (fix string, stuck bool) {
	fix, stuck = stuckStates[state]
	return strings.ReplaceAll(fix, "STACK", d.stack), stuck
}

// verdict is the error of an operation that ended in this state, with the first
// resource that failed: the others were cancelled because of it.
func (d *deployment) verdict(state types.StackStatus, failed []types.StackEvent) error {
	switch state {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete:
		return nil
	}
	cause := "CloudFormation names no cause"
	if len(failed) > 0 {
		cause = describe(failed[0]) + ": " + strings.TrimSuffix(aws.ToString(failed[0].ResourceStatusReason), ".")
	}
	next := "what was made before it stays; mend the cause and run setup again"
	if state == types.StackStatusUpdateRollbackComplete {
		next = "everything is as it was before; mend the cause and run setup again"
	}
	if fix, stuck := d.fix(state); stuck {
		next = fix
	}
	return fmt.Errorf("stack %s is %s because of %s; %s", d.stack, state, cause, next)
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
