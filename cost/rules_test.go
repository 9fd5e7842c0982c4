package cost

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"holdfast/deploy"
)

func TestAnItemsSizeIsAsTheGuideSays(t *testing.T) {
	sizes := map[string]struct {
		value types.AttributeValue
		bytes int
	}{
		"text is its UTF-8":              {text("Größe"), 7},
		"binary is its raw bytes":        {&types.AttributeValueMemberB{Value: []byte{0, 1, 2}}, 3},
		"two digits are a byte":          {number("12"), 2},
		"so are three, begun":            {number("-123"), 3},
		"zeros at the ends do not count": {number("0012.3000"), 3},
		"nor does the exponent":          {number("1.5E+20"), 2},
		"zero":                           {number("0"), 1},
		"yes or no":                      {&types.AttributeValueMemberBOOL{Value: true}, 1},
		"nothing":                        {&types.AttributeValueMemberNULL{Value: true}, 1},
		"a list":                         {&types.AttributeValueMemberL{Value: []types.AttributeValue{text("ab"), number("1")}}, 3 + 2 + 2 + 2},
		"a map":                          {&types.AttributeValueMemberM{Value: item{"k": text("ab")}}, 3 + 1 + 1 + 2},
		"an empty map":                   {&types.AttributeValueMemberM{}, 3},
		"a set of texts":                 {&types.AttributeValueMemberSS{Value: []string{"a", "bc"}}, 3},
		"a set of numbers":               {&types.AttributeValueMemberNS{Value: []string{"1", "234"}}, 2 + 3},
		"a set of binaries":              {&types.AttributeValueMemberBS{Value: [][]byte{{1}, {2, 3}}}, 3},
	}
	for name, c := range sizes {
		if got := itemSize(item{"name": c.value}); got != len("name")+c.bytes {
			t.Errorf("%s: %d bytes, want %d", name, got-len("name"), c.bytes)
		}
	}
}

func TestEachStartedKiBIsAUnit(t *testing.T) {
	for size, want := range map[int]float64{0: 1, 1: 1, 1024: 1, 1025: 2, 2048: 2, 2049: 3} {
		if got := kib(size); got != want {
			t.Errorf("%d bytes are %v units, want %v", size, got, want)
		}
	}
}

func TestEveryTableAndQueueOfTheTemplateHasAnOwner(t *testing.T) {
	const prefix = "a-stock" // which ends as a table does
	var names []string
	for _, table := range deploy.Tables(prefix) {
		names = append(names, table.Name)
	}
	for _, queue := range deploy.Queues(prefix) {
		names = append(names, queue.Name)
	}
	if len(names) < len(owners) {
		t.Errorf("the template has %d tables and queues, of which %d have owners", len(names), len(owners))
	}
	for _, name := range names {
		short := strings.TrimPrefix(name, prefix+"-")
		if _, known := owners[short]; !known {
			t.Errorf("%s is nobody's; give it an owner in owners.go", short)
		}
		if got, _ := owned(name); got != short {
			t.Errorf("%s is taken for %s, want %s", name, got, short)
		}
	}
}

func TestNamesThatAreNotHoldfastsStayWhole(t *testing.T) {
	for name, want := range map[string]line{
		"arn:aws:dynamodb:us-east-1:1:table/h-orders":   {service: "order", resource: "orders"},
		"https://sqs.us-east-1.amazonaws.com/1/h-order": {service: "order", resource: "order"},
		"h-gateway":  {service: leftOut, resource: "h-gateway"},
		"some-thing": {resource: "some-thing"},
		"orders":     {resource: "orders"},
		"":           {},
	} {
		if got := at(name, ""); got != want {
			t.Errorf("%q is %+v, want %+v", name, got, want)
		}
	}
}

func TestPricesAreThoseOfTheFile(t *testing.T) {
	if Prices.WriteUnits != 0.625 || Prices.ReadUnits != 0.125 || Prices.SQSRequests != 0.40 || Prices.Region != "us-east-1" {
		t.Errorf("prices %+v", Prices)
	}
	if _, err := time.Parse(time.DateOnly, Prices.Date); err != nil {
		t.Error(err)
	}
}
