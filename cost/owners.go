package cost

import "strings"

// Shared is the service that requests for the API keys are counted to, which every
// service reads and none owns, unless Meter.Process says otherwise.
const Shared = "shared"

// leftOut marks the tables that are not Holdfast's.
const leftOut = "-"

// owners are the services by the table or queue that they own, as storage.yaml
// names it behind the prefix. What passes a queue is counted to the service that
// reads it, sends too.
var owners = map[string]string{
	"orders": "order", "order-dead-letters": "order", "order": "order", "order-dlq": "order",

	"stock": "inventory", "reservations": "inventory", "stock-ledger": "inventory", "inventory-dead-letters": "inventory",
	"inventory": "inventory", "inventory-dlq": "inventory",

	"payments": "payment", "payment-dead-letters": "payment", "payment": "payment", "payment-dlq": "payment",

	"keys":    "",
	"gateway": leftOut,
}

// owned names the resource without its prefix, and its owner. The prefix may have
// dashes, so the longest ending that is known counts; a name that is not known is
// nobody's and stays whole. An ARN or a URL is its last part.
func owned(name string) (resource, owner string) {
	name = name[strings.LastIndexAny(name, "/:")+1:]
	for rest := name; ; {
		_, after, more := strings.Cut(rest, "-")
		if !more {
			return name, ""
		}
		if owner, known := owners[after]; known {
			return after, owner
		}
		rest = after
	}
}

// at is the line of an operation on a table or queue.
func at(name, operation string) line {
	resource, owner := owned(name)
	if owner == leftOut {
		resource = name
	}
	return line{service: owner, resource: resource, operation: operation}
}
