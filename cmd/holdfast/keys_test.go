package main

import (
	"strings"
	"testing"
)

func TestAKeyThatCannotBeMadeOrRevokedExitsOne(t *testing.T) {
	data := setUp(t)
	for _, test := range []struct {
		command string
		status  int
		want    string
	}{
		{"keys create shop --scope orders", 0, "hf_"},
		{"keys create shop --scope ops", exitFailed, `there is a key named "shop"`},
		{"keys revoke nobody", exitFailed, `there is no key named "nobody"`},
		{"keys revoke shop", 0, "shop is revoked"},
		{"keys revoke shop", exitFailed, `there is no key named "shop"`},
		{"keys create shop --scope ops", 0, "hf_"},
	} {
		out, err := holdfast(t, append(strings.Fields(test.command), "--data", data)...)
		if exitStatus(err) != test.status || !strings.Contains(out, test.want) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s", test.command, exitStatus(err), test.status, test.want, out)
		}
	}
}
