package deploy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"
)

// Settings are the parameters of storage.yaml. One that is nil stays as it is
// deployed, and has the template's default at first.
type Settings struct {
	Prefix              string // what every name begins with
	PointInTimeRecovery *bool
	DeletionProtection  *bool
	SimulatedGateway    *bool
	LogRetentionDays    *int
	AlarmTopic          *string // ARN of an SNS topic; empty: none
	AlsoTrusted         *string // ARN of a principal that may take the services' roles; empty: none
}

// Outcome is what Apply did.
type Outcome string

// The outcomes.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
)

// StackName is the name of the CloudFormation stack of storage.yaml.
func StackName(prefix string) string { return prefix + "-storage" }

// Apply deploys storage.yaml with CloudFormation and waits until all of it is
// there. A stack that is there is updated in place; one that has this template and
// these settings already is left alone, for which reading it is enough. progress
// is told what CloudFormation has done, a line a resource. The error is one line
// that names what is wrong, and the fix.
func Apply(ctx context.Context, config aws.Config, s Settings, progress func(string)) (Outcome, error) {
	if config.Region == "" {
		return "", errNoRegion
	}
	d := &deployment{
		client: cloudformation.NewFromConfig(config), stack: StackName(s.Prefix), template: Storage,
		given: s.given(), token: "holdfast-" + uuid.NewString(), progress: progress,
	}
	outcome, err := d.apply(ctx)
	return outcome, Explain("setting up "+d.stack, err)
}

// given are the parameters that the settings name.
func (s Settings) given() map[string]string {
	p := map[string]string{"Prefix": s.Prefix}
	for name, on := range map[string]*bool{
		"PointInTimeRecovery": s.PointInTimeRecovery, "DeletionProtection": s.DeletionProtection, "SimulatedGateway": s.SimulatedGateway,
	} {
		if on != nil {
			p[name] = strconv.FormatBool(*on)
		}
	}
	for name, text := range map[string]*string{"AlarmTopic": s.AlarmTopic, "AlsoTrusted": s.AlsoTrusted} {
		if text != nil {
			p[name] = *text
		}
	}
	if s.LogRetentionDays != nil {
		p["LogRetentionDays"] = strconv.Itoa(*s.LogRetentionDays)
	}
	return p
}

// stacks is what a deployment needs of CloudFormation.
type stacks interface {
	cloudformation.DescribeStacksAPIClient
	cloudformation.DescribeStackEventsAPIClient
	CreateStack(context.Context, *cloudformation.CreateStackInput, ...func(*cloudformation.Options)) (*cloudformation.CreateStackOutput, error)
	UpdateStack(context.Context, *cloudformation.UpdateStackInput, ...func(*cloudformation.Options)) (*cloudformation.UpdateStackOutput, error)
	GetTemplate(context.Context, *cloudformation.GetTemplateInput, ...func(*cloudformation.Options)) (*cloudformation.GetTemplateOutput, error)
}

// deployment is one run of Apply.
type deployment struct {
	client   stacks
	stack    string
	template string
	given    map[string]string // parameters
	token    string            // marks the events of this run
	progress func(string)
}

func (d *deployment) apply(ctx context.Context) (Outcome, error) {
	have, err := d.settled(ctx)
	if err != nil {
		return "", err
	}
	if have == nil || have.StackStatus == types.StackStatusDeleteComplete {
		return Created, d.create(ctx)
	}
	if fix, stuck := d.fix(have.StackStatus); stuck {
		return "", fmt.Errorf("stack %s is %s; %s", d.stack, have.StackStatus, fix)
	}
	if same, err := d.same(ctx, have); same || err != nil {
		return Unchanged, err
	}
	return d.update(ctx, have)
}

// capabilities lets CloudFormation make the roles.
var capabilities = []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam}

// create makes the stack. What was made before a failure stays, and the next run
// goes on from there: a rollback could not delete tables that are protected.
func (d *deployment) create(ctx context.Context) error {
	d.progress("creating the stack " + d.stack)
	_, err := d.client.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: &d.stack, TemplateBody: &d.template, Parameters: d.parameters(nil), Capabilities: capabilities,
		ClientRequestToken: &d.token, OnFailure: types.OnFailureDoNothing,
	})
	if err != nil {
		return err
	}
	return d.await(ctx)
}

// update brings the stack to the template and the settings. The stack of a
// creation that failed goes on without a rollback, as it began.
func (d *deployment) update(ctx context.Context, have *types.Stack) (Outcome, error) {
	d.progress("updating the stack " + d.stack)
	_, err := d.client.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: &d.stack, TemplateBody: &d.template, Parameters: d.parameters(have), Capabilities: capabilities,
		ClientRequestToken: &d.token, DisableRollback: aws.Bool(have.StackStatus == types.StackStatusCreateFailed),
	})
	if isNothingToDo(err) {
		return Unchanged, nil
	}
	if err != nil {
		return "", err
	}
	return Updated, d.await(ctx)
}

// isNothingToDo tells whether CloudFormation finds nothing to update; its API has
// no code of its own for that.
func isNothingToDo(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "No updates are to be performed")
}

// parameters are the given ones, and those that the stack has keep their value.
func (d *deployment) parameters(have *types.Stack) []types.Parameter {
	var all []types.Parameter
	for name, value := range d.given {
		all = append(all, types.Parameter{ParameterKey: &name, ParameterValue: &value})
	}
	if have == nil {
		return all
	}
	for _, p := range have.Parameters {
		if _, given := d.given[*p.ParameterKey]; !given && declared[*p.ParameterKey] {
			all = append(all, types.Parameter{ParameterKey: p.ParameterKey, UsePreviousValue: aws.Bool(true)})
		}
	}
	return all
}

// declared are the names of the template's parameters: CloudFormation refuses
// others, which an older template may have left.
var declared = func() map[string]bool {
	names := make(map[string]bool)
	for name := range storage.Parameters {
		names[name] = true
	}
	return names
}()

// same reports whether the stack has this template and these settings.
func (d *deployment) same(ctx context.Context, have *types.Stack) (bool, error) {
	if have.StackStatus == types.StackStatusCreateFailed {
		return false, nil
	}
	for _, p := range have.Parameters {
		if value, given := d.given[*p.ParameterKey]; given && value != aws.ToString(p.ParameterValue) {
			return false, nil
		}
	}
	there, err := d.client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &d.stack, TemplateStage: types.TemplateStageOriginal})
	if err != nil {
		return false, err
	}
	return strings.TrimSpace(aws.ToString(there.TemplateBody)) == strings.TrimSpace(d.template), nil
}
