package aws

import (
	"io"
	"net/http"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// script answers each request with the next of its texts.
type script struct{ texts []string }

func (s *script) Do(r *http.Request) (*http.Response, error) {
	text := s.texts[0]
	s.texts = s.texts[1:]
	return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

// TestAnEmptyPageIsNotTheEnd reads a partition of which DynamoDB returns a page
// without items that is not the last.
func TestAnEmptyPageIsNotTheEnd(t *testing.T) {
	const goOn = `"LastEvaluatedKey": {"id": {"S": "x"}, "owner": {"S": "o"}, "number": {"N": "1"}}`
	s := &script{texts: []string{
		`{"Items": [{"id": {"S": "a"}, "number": {"N": "1"}}], ` + goOn + `}`,
		`{"Items": [], ` + goOn + `}`,
		`{"Items": [{"id": {"S": "b"}, "number": {"N": "2"}}]}`,
	}}
	c := &core{db: dynamodb.NewFromConfig(awssdk.Config{
		Region: "us-east-1", HTTPClient: s, Credentials: credentials.NewStaticCredentialsProvider("x", "x", ""),
	})}
	r := ordersOf(c).reader(span{index: byUser, partitions: []string{"o"}, low: 1, high: 9}, 1)
	if got := idsOf(must(r.take(t.Context(), 5))(t)); len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("a partition of a and b is read as %v", got)
	}
	if more := must(r.more(t.Context()))(t); more || len(s.texts) > 0 {
		t.Errorf("there is more: %t; %d pages were not read", more, len(s.texts))
	}
}
