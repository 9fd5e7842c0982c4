package cost

// line is what figures are counted by.
type line struct {
	service   string // that owns the resource
	resource  string // the table or queue, without its prefix
	index     string // of the table; empty: the table itself, or a queue
	operation string // as AWS names it
}

// figures are what the requests of one line came to.
type figures struct {
	write, read float64 // DynamoDB's units
	itemWrites  float64 // items that were written, an item twice if it was written twice

	requests float64 // to SQS, as billed
	receives float64 // attempts to receive among them
	messages float64 // that receives brought

	conflicts  float64 // requests refused for a transaction on an item of theirs
	conditions float64 // requests refused by a condition
	throttles  float64 // requests refused for their rate, wholly or in part
}

func (f *figures) add(g figures) {
	f.write += g.write
	f.read += g.read
	f.itemWrites += g.itemWrites
	f.requests += g.requests
	f.receives += g.receives
	f.messages += g.messages
	f.conflicts += g.conflicts
	f.conditions += g.conditions
	f.throttles += g.throttles
}

// usd is what they cost in US dollars.
func (f figures) usd() float64 {
	return (f.write*Prices.WriteUnits + f.read*Prices.ReadUnits + f.requests*Prices.SQSRequests) / million
}

// tally is what was counted.
type tally map[line]*figures

func (t tally) add(l line, f figures) {
	if t[l] == nil {
		t[l] = new(figures)
	}
	t[l].add(f)
}
