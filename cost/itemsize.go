package cost

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is an item of a table, or the part of one that a request names.
type item = map[string]types.AttributeValue

// itemSize is the size of an item in bytes, by the rules of the DynamoDB Developer
// Guide, "DynamoDB item sizes and formats".
func itemSize(i item) (n int) {
	for name, v := range i {
		n += len(name) + valueSize(v)
	}
	return n
}

// Of a list or a map, and of each element of one.
const (
	containerOverhead = 3
	elementOverhead   = 1
)

func valueSize(v types.AttributeValue) (n int) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return numberSize(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberBOOL, *types.AttributeValueMemberNULL:
		return 1
	case *types.AttributeValueMemberM:
		return containerOverhead + len(v.Value)*elementOverhead + itemSize(v.Value)
	case *types.AttributeValueMemberL:
		n = containerOverhead + len(v.Value)*elementOverhead
		for _, e := range v.Value {
			n += valueSize(e)
		}
	default:
		return setSize(v)
	}
	return n
}

func setSize(v types.AttributeValue) (n int) {
	switch v := v.(type) {
	case *types.AttributeValueMemberSS:
		for _, s := range v.Value {
			n += len(s)
		}
	case *types.AttributeValueMemberNS:
		for _, s := range v.Value {
			n += numberSize(s)
		}
	case *types.AttributeValueMemberBS:
		for _, b := range v.Value {
			n += len(b)
		}
	}
	return n
}

// numberSize is a byte for each two significant digits, and one more.
func numberSize(n string) int {
	mantissa, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(n, "+-")), "e")
	digits := strings.Trim(strings.Replace(mantissa, ".", "", 1), "0")
	return (len(digits)+1)/2 + 1
}

// kib is a size in started KiB, at least one: the write units of a plain write.
func kib(size int) float64 { return float64(max(1, (size+1023)/1024)) }
