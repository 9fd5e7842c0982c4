package main

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"holdfast/deploy"
	"holdfast/emulator"
)

// account is the emulator's one.
const account = "000000000000"

// TestARoleThatMayNotIsNamed starts services under one another's roles, where
// IAM is enforced.
func TestARoleThatMayNotIsNamed(t *testing.T) {
	enforcing, err := emulator.Start(t.Context(), emulator.Options{Auth: true})
	if err != nil {
		t.Fatal(err)
	}
	defer enforcing.Close()
	onAWSAt(t, enforcing.URL)
	at := fresh()
	setUpAt(t, at, "--also-trusted", "arn:aws:iam::"+account+":root")
	prefix := at.storage(t).Prefix
	for role, command := range map[string]string{"OrderRole": "inventory", "InventoryRole": "payment", "PaymentRole": "order"} {
		t.Run(role, func(t *testing.T) {
			name := assume(t, enforcing.Config(), prefix, role)
			wantFailure(t, append([]string{command}, at...), "AccessDenied")
			out, _ := holdfast(t, append([]string{command}, at...)...)
			for _, want := range []string{name, "dynamodb:DescribeTable", "looking at table " + prefix + "-"} {
				wantIn(t, out, want)
			}
		})
	}
}

// assume has every process that the test starts act under a role of the stack.
func assume(t *testing.T, config aws.Config, prefix, role string) (name string) {
	t.Helper()
	stack := deploy.StackName(prefix)
	found, err := cloudformation.NewFromConfig(config).DescribeStackResource(t.Context(),
		&cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &role})
	if err != nil {
		t.Fatal(err)
	}
	name = aws.ToString(found.StackResourceDetail.PhysicalResourceId)
	taken, err := sts.NewFromConfig(config).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + account + ":role/" + name), RoleSessionName: aws.String("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", *taken.Credentials.AccessKeyId)
	t.Setenv("AWS_SECRET_ACCESS_KEY", *taken.Credentials.SecretAccessKey)
	t.Setenv("AWS_SESSION_TOKEN", *taken.Credentials.SessionToken)
	return name
}
