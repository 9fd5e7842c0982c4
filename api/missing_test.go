package api_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/api"
)

// wantPlaces checks that an answer is a problem with exactly these places.
func wantPlaces(t *testing.T, a answer, status int, places ...string) {
	t.Helper()
	var got []string
	for _, e := range a.problem(t, status).Errors {
		got = append(got, e.Location)
	}
	if !slices.Equal(got, places) {
		t.Errorf("places %v, want %v: %s", got, places, a.body)
	}
}

func TestAllMissingMembersAreNamed(t *testing.T) {
	s := start(t, func(c *api.Config) { c.Outage = func(context.Context, time.Duration) error { return nil } })
	for _, test := range []struct {
		method, target, body string
		missing              []string
	}{
		{http.MethodPost, "/orders", `{}`, []string{"body.user_id", "body.items"}},
		{http.MethodPost, "/orders", `{"note": 1}`, []string{"body.note"}},
		{http.MethodPost, "/orders", `{"items": [{"sku": "A"}, {"qty": 1}, {}]}`, []string{
			"body.user_id", "body.items[0].qty", "body.items[1].sku", "body.items[2].sku", "body.items[2].qty",
		}},
		{http.MethodPost, "/orders", `{"user_id": "null", "items": [{}]}`, []string{"body.items[0].sku", "body.items[0].qty"}},
		{http.MethodPut, "/inventory/A123", `{}`, []string{"body.on_hand"}},
		{http.MethodPut, "/inventory/A123", `{"price": {"amount": 1}}`, []string{"body.on_hand", "body.price.currency"}},
		{http.MethodPost, "/inventory/A123/adjustments", `{}`, []string{"body.adjustment_id", "body.delta"}},
		{http.MethodPost, "/inventory/A123/adjustments", `{"adjustment_id": "a", "reason": "r"}`, []string{"body.delta"}},
		{http.MethodPost, "/gateway/outage", `{}`, []string{"body.seconds"}},
	} {
		a := s.do(test.method, test.target, test.body, jsonType)
		wantPlaces(t, a, 422, test.missing...)
		if test.missing[0] != "body.note" && strings.Count(a.body, "\"is required\"") != len(test.missing) {
			t.Errorf("%s: not all are said to be required: %s", test.body, a.body)
		}
	}
}

func TestZeroIsNotMissing(t *testing.T) {
	s := start(t)
	for _, body := range []string{qty("0"), with("user_id", `""`), with("items", "[]"), with("items", `[{"s\u006bu": "", "qty": 1}]`)} {
		if a := s.post("/orders", body); a.status != 422 || strings.Contains(a.body, "is required") {
			t.Errorf("%s: %s", body, a.body)
		}
	}
}
