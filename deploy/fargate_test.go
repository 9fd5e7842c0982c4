package deploy_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"holdfast/deploy"
	"holdfast/emulator"
)

// place are the parameters of fargate.yaml that have no default.
func place(prefix string) map[string]string {
	return map[string]string{
		"Prefix": prefix, "Image": "holdfast:test", "Vpc": "vpc-00000001",
		"LoadBalancerSubnets": "subnet-00000001,subnet-00000002", "TaskSubnets": "subnet-00000001,subnet-00000002",
	}
}

func TestFargateIsDeployedOverStorage(t *testing.T) {
	t.Parallel()
	config := emulator.ForTest(t).Config()
	prefix, _ := deployed(t, config, nil)
	// The emulator has no Application Auto Scaling; see the next test.
	with := place(prefix)
	with["Scaling"] = "false"
	create(t, config, prefix+"-fargate", deploy.Fargate, with)
	out, err := cloudformation.NewFromConfig(config).DescribeStackResources(t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: aws.String(prefix + "-fargate")})
	if err != nil {
		t.Fatal(err)
	}
	services := 0
	for _, r := range out.StackResources {
		if *r.ResourceType == "AWS::ECS::Service" && r.ResourceStatus == types.ResourceStatusCreateComplete {
			services++
		}
	}
	if services != 3 {
		t.Errorf("the stack runs %d services; want 3", services)
	}
}

func TestAllOfFargateButItsScalingIsKnownToTheEmulator(t *testing.T) {
	t.Parallel()
	config := emulator.ForTest(t).Config()
	prefix, _ := deployed(t, config, nil)
	in := &cloudformation.CreateStackInput{StackName: aws.String(prefix + "-fargate"), TemplateBody: &deploy.Fargate, Capabilities: []types.Capability{types.CapabilityCapabilityIam}}
	for key, value := range place(prefix) {
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	_, err := cloudformation.NewFromConfig(config).CreateStack(t.Context(), in)
	want := "Unrecognized resource types: [AWS::ApplicationAutoScaling::ScalableTarget, AWS::ApplicationAutoScaling::ScalingPolicy]"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v; want nothing refused but %q", err, want)
	}
}
