package deploy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// script plays CloudFormation: the stack's states one after another, the last one
// for ever, and the events of the run.
type script struct {
	states   []types.StackStatus // none: there is no stack
	events   []types.StackEvent  // the newest first
	template string
	calls    []string
	updated  *cloudformation.UpdateStackInput
	refusal  error // of Create and Update
}

func (s *script) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if len(s.states) == 0 {
		return nil, &smithy.GenericAPIError{Code: "ValidationError", Message: "Stack with id p-storage does not exist"}
	}
	state := s.states[0]
	if len(s.states) > 1 {
		s.states = s.states[1:]
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{{
		StackStatus: state,
		Parameters:  []types.Parameter{{ParameterKey: aws.String("AlarmTopic"), ParameterValue: aws.String("")}, {ParameterKey: aws.String("Abolished"), ParameterValue: aws.String("x")}},
	}}}, nil
}

func (s *script) DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	return &cloudformation.DescribeStackEventsOutput{StackEvents: s.events}, nil
}

func (s *script) CreateStack(_ context.Context, in *cloudformation.CreateStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.CreateStackOutput, error) {
	s.calls = append(s.calls, "create, on failure "+string(in.OnFailure))
	return nil, s.refusal
}

func (s *script) UpdateStack(_ context.Context, in *cloudformation.UpdateStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.UpdateStackOutput, error) {
	s.calls, s.updated = append(s.calls, "update"), in
	return nil, s.refusal
}

func (s *script) GetTemplate(context.Context, *cloudformation.GetTemplateInput, ...func(*cloudformation.Options)) (*cloudformation.GetTemplateOutput, error) {
	return &cloudformation.GetTemplateOutput{TemplateBody: &s.template}, nil
}

// deploy deploys in virtual time, for so long.
func (s *script) deploy(t *testing.T, patience time.Duration) (outcome Outcome, told []string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		d := &deployment{
			client: s, stack: "p-storage", template: "new", given: map[string]string{"Prefix": "p"}, token: "mine",
			progress: func(line string) { told = append(told, line) },
		}
		outcome, err = d.apply(ctx)
	})
	return outcome, told, err
}

func happened(id, resource string, status types.ResourceStatus, reason, token string) types.StackEvent {
	return types.StackEvent{
		EventId: &id, LogicalResourceId: &resource, ResourceType: aws.String("AWS::DynamoDB::Table"), ResourceStatus: status,
		ResourceStatusReason: &reason, ClientRequestToken: &token,
	}
}

func TestAFailureNamesTheFirstResourceThatFailedAndWhatToDo(t *testing.T) {
	events := []types.StackEvent{
		happened("4", "Stock", types.ResourceStatusCreateFailed, "Resource creation cancelled", "mine"),
		happened("3", "Orders", types.ResourceStatusCreateFailed, "p-orders already exists.", "mine"),
		happened("2", "Keys", types.ResourceStatusCreateComplete, "", "mine"),
		happened("1", "Keys", types.ResourceStatusCreateFailed, "of a run before", "other"),
	}
	for ended, next := range map[types.StackStatus]string{
		types.StackStatusCreateFailed:           "what was made before it stays; mend the cause and run setup again",
		types.StackStatusRollbackComplete:       "aws cloudformation delete-stack --stack-name p-storage",
		types.StackStatusUpdateRollbackComplete: "everything is as it was before; mend the cause and run setup again",
		types.StackStatusUpdateRollbackFailed:   "aws cloudformation continue-update-rollback --stack-name p-storage",
	} {
		t.Run(string(ended), func(t *testing.T) {
			s := &script{states: []types.StackStatus{types.StackStatusUpdateComplete, types.StackStatusUpdateInProgress, ended}, events: events}
			_, told, err := s.deploy(t, time.Hour)
			if err == nil {
				t.Fatal("no error")
			}
			for _, words := range []string{"p-storage", string(ended), "Orders (AWS::DynamoDB::Table): p-orders already exists;", next} {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("the error does not say %q: %v", words, err)
				}
			}
			want := []string{"updating the stack p-storage", "CREATE_COMPLETE Keys (AWS::DynamoDB::Table)", "CREATE_FAILED Orders (AWS::DynamoDB::Table)", "CREATE_FAILED Stock (AWS::DynamoDB::Table)"}
			if !slices.Equal(told, want) {
				t.Errorf("told of %q; want %q", told, want)
			}
		})
	}
}

func TestAStackThatCannotBeUpdatedIsLeftAloneAndSaysHowToGoOn(t *testing.T) {
	for state := range stuckStates {
		s := &script{states: []types.StackStatus{state}}
		_, _, err := s.deploy(t, time.Hour)
		if err == nil || !strings.Contains(err.Error(), string(state)) || strings.Contains(err.Error(), "STACK ") || len(s.calls) > 0 {
			t.Errorf("%s: %v, calls %q; want an error and no calls", state, err, s.calls)
		}
	}
}

func TestSetupGoesOnWithAStackWhoseCreationFailed(t *testing.T) {
	s := &script{states: []types.StackStatus{types.StackStatusCreateFailed, types.StackStatusUpdateInProgress, types.StackStatusUpdateComplete}, template: "new"}
	outcome, _, err := s.deploy(t, time.Hour)
	if outcome != Updated || err != nil || !slices.Equal(s.calls, []string{"update"}) || !aws.ToBool(s.updated.DisableRollback) {
		t.Errorf("%q, %v, calls %q; want an update without rollback", outcome, err, s.calls)
	}
}

func TestSetupWaitsForAnOperationUnderWay(t *testing.T) {
	s := &script{states: []types.StackStatus{types.StackStatusUpdateInProgress, types.StackStatusUpdateComplete}, template: "new\n"}
	outcome, told, err := s.deploy(t, time.Hour)
	if outcome != Unchanged || err != nil || len(s.calls) > 0 || len(told) != 1 || !strings.Contains(told[0], "waiting") {
		t.Errorf("%q, %v, calls %q, told of %q; want it to wait and find nothing to do", outcome, err, s.calls, told)
	}
}

func TestCreationKeepsWhatItMadeAndEndsWithItsCaller(t *testing.T) {
	s := new(script)
	outcome, _, err := s.deploy(t, askFirst/2)
	if outcome != Created || !errors.Is(err, context.DeadlineExceeded) || !slices.Equal(s.calls, []string{"create, on failure DO_NOTHING"}) {
		t.Errorf("%q, %v, calls %q; want a creation that keeps what it made, cut short", outcome, err, s.calls)
	}
}

func TestAnUpdateWithNothingToDoIsNoError(t *testing.T) {
	s := &script{states: []types.StackStatus{types.StackStatusCreateComplete}, refusal: &smithy.GenericAPIError{Code: "ValidationError", Message: "No updates are to be performed."}}
	if outcome, _, err := s.deploy(t, time.Hour); outcome != Unchanged || err != nil {
		t.Errorf("%q, %v; want %q", outcome, err, Unchanged)
	}
}

func TestAnUpdateKeepsParametersThatAreNotGivenAndDropsAbolishedOnes(t *testing.T) {
	s := &script{states: []types.StackStatus{types.StackStatusCreateComplete, types.StackStatusUpdateComplete}}
	if outcome, _, err := s.deploy(t, time.Hour); outcome != Updated || err != nil {
		t.Fatalf("%q, %v; want %q", outcome, err, Updated)
	}
	sent := make(map[string]string)
	for _, p := range s.updated.Parameters {
		sent[*p.ParameterKey] = aws.ToString(p.ParameterValue)
		if aws.ToBool(p.UsePreviousValue) {
			sent[*p.ParameterKey] = "as before"
		}
	}
	if len(sent) != 2 || sent["Prefix"] != "p" || sent["AlarmTopic"] != "as before" {
		t.Errorf("the parameters sent are %v", sent)
	}
}
