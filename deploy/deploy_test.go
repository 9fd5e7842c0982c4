package deploy_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"holdfast/deploy"
	"holdfast/emulator"
)

// deployed is a stack of its own for the test, and the lines of its progress.
func deployed(t *testing.T, config aws.Config, with func(*deploy.Settings)) (prefix string, progress []string) {
	t.Helper()
	s := deploy.Settings{Prefix: emulator.NewPrefix()}
	if with != nil {
		with(&s)
	}
	outcome, err := deploy.Apply(t.Context(), config, s, func(line string) { progress = append(progress, line) })
	if outcome != deploy.Created || err != nil {
		t.Fatalf("the first setup: %q, %v; want %q", outcome, err, deploy.Created)
	}
	return s.Prefix, progress
}

// wantError checks that an error is one line that says all of these.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", words)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is not one line: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}
