package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// credentialsOf serves credentials as the agent of a container does: the first
// have expired by the time they are used, those after them are good for an hour.
func credentialsOf(t *testing.T) *httptest.Server {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n, expires := asked.Add(1), time.Now().Add(time.Hour)
		if n == 1 {
			expires = time.Now().Add(-time.Second)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"AccessKeyId": "KEY%d", "SecretAccessKey": "secret", "Token": "token", "Expiration": %q}`, n, expires.UTC().Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	return server
}

func TestCredentialsThatExpireAreFetchedAnew(t *testing.T) {
	var signed atomic.Value
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed.Store(r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		fmt.Fprint(w, `{"TableNames": []}`)
	}))
	t.Cleanup(aws.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": aws.URL, "AWS_REGION": "us-east-1", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_CONTAINER_CREDENTIALS_FULL_URI": credentialsOf(t).URL,
	} {
		t.Setenv(name, value)
	}
	c, err := connect(t.Context(), "serve")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dynamodb.NewFromConfig(c.config).ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		t.Fatal(err)
	}
	if by, _ := signed.Load().(string); !strings.Contains(by, "Credential=KEY2/") {
		t.Errorf("the request after the expiry was signed: %q", by)
	}
}
