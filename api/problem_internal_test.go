package api

import (
	"testing"

	"holdfast/event"
)

func TestSecretsAreNotEchoed(t *testing.T) {
	for location, shown := range map[string]bool{
		"body.payment_method": false, "header.Idempotency-Key": false, "header.Authorization": false,
		"body.user_id": true, "query.status": true,
	} {
		if e := fieldError(event.Field{Location: location, Value: "v"}); (e.Value != nil) != shown {
			t.Errorf("%s: %v", location, e.Value)
		}
	}
}

func TestEveryCodeThatAClientCanCauseHasAKind(t *testing.T) {
	for _, code := range []event.Code{event.Invalid, event.BadCursor, event.NotFound, event.Conflict, event.Mismatch, event.Stale} {
		if k := kindOf(code); k.code != code || k.status < 400 || k.status > 499 {
			t.Errorf("%s is %+v", code, k)
		}
	}
	for _, code := range []event.Code{event.Unreachable, event.UnknownEvent, "a code of the future"} {
		if k := kindOf(code); k.code != internal {
			t.Errorf("%s is %+v", code, k)
		}
	}
}
