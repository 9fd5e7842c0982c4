package cost

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
)

// Report is what was spent, in the shape of `holdfast cost --json`.
type Report struct {
	Prices PriceTable `json:"prices_per_million"`
	Orders int64      `json:"orders"` // that have ended; 0: not known
	Total  Sum        `json:"total"`
	// An order's share, and a million orders' price; zero if the orders are not known.
	PerOrder         Sum     `json:"per_order,omitzero"`
	USDMillionOrders float64 `json:"usd_per_million_orders,omitzero"`

	StockItemWrites float64   `json:"stock_item_writes"` // writes to items of the stock table, hold and settle together
	Services        []Service `json:"services"`          // in ascending order of name
	LeftOut         []LeftOut `json:"left_out"`          // what is in none of the figures
}

// Sum is what some requests came to.
type Sum struct {
	WriteUnits  float64 `json:"write_units"`
	ReadUnits   float64 `json:"read_units"`
	SQSRequests float64 `json:"sqs_requests"`
	USD         float64 `json:"usd"`
}

// Service is one service's part.
type Service struct {
	Name string `json:"service"`
	Sum
	Operations []Operation `json:"operations"` // in ascending order of resource, index, name
}

// Operation is what one operation on one table, index or queue came to.
type Operation struct {
	Resource string `json:"resource"`        // the table or queue, without its prefix
	Index    string `json:"index,omitempty"` // of the table
	Name     string `json:"operation"`       // as AWS names it
	Sum
	ItemWrites float64 `json:"item_writes,omitzero"` // items written
	Receives   float64 `json:"receives,omitzero"`
	Messages   float64 `json:"messages,omitzero"` // that the receives brought: ten a receive is a full one
	Conflicts  float64 `json:"conflicts,omitzero"`
	Conditions float64 `json:"failed_conditions,omitzero"`
	Throttles  float64 `json:"throttles,omitzero"`
}

// LeftOut is a table that is not Holdfast's.
type LeftOut struct {
	Table string  `json:"table"`
	Units float64 `json:"units"` // write and read
	Why   string  `json:"why"`
}

const whyLeftOut = "the books of the simulated gateway, which a payment processor keeps"

func (f figures) sum() Sum {
	return Sum{WriteUnits: f.write, ReadUnits: f.read, SQSRequests: f.requests, USD: f.usd()}
}

// report sums up.
func (t tally) report(orders int64, left map[string]float64) Report {
	r := Report{Prices: Prices, Orders: orders, Services: t.services(), LeftOut: []LeftOut{}}
	var all figures
	for l, f := range t {
		all.add(*f)
		if l.resource == "stock" {
			r.StockItemWrites += f.itemWrites
		}
	}
	r.Total = all.sum()
	if n := float64(orders); n > 0 {
		r.PerOrder = Sum{all.write / n, all.read / n, all.requests / n, all.usd() / n}
		r.USDMillionOrders = all.usd() / n * million
	}
	for _, table := range slices.Sorted(maps.Keys(left)) {
		r.LeftOut = append(r.LeftOut, LeftOut{Table: table, Units: left[table], Why: whyLeftOut})
	}
	return r
}

// services are the lines by service.
func (t tally) services() []Service {
	sums := make(map[string]figures)
	operations := make(map[string][]Operation)
	for l, f := range t {
		sum := sums[l.service]
		sum.add(*f)
		sums[l.service] = sum
		operations[l.service] = append(operations[l.service], Operation{
			Resource: l.resource, Index: l.index, Name: l.operation, Sum: f.sum(), ItemWrites: f.itemWrites,
			Receives: f.receives, Messages: f.messages, Conflicts: f.conflicts, Conditions: f.conditions, Throttles: f.throttles,
		})
	}
	all := []Service{}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		slices.SortFunc(operations[name], func(a, b Operation) int {
			return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Name, b.Name))
		})
		all = append(all, Service{Name: name, Sum: sums[name].sum(), Operations: operations[name]})
	}
	return all
}

// Log writes the report in one line; nothing if nothing was spent.
func (r Report) Log(log *slog.Logger) {
	if len(r.Services) == 0 {
		return
	}
	attrs := []any{
		"write_units", r.Total.WriteUnits, "read_units", r.Total.ReadUnits, "sqs_requests", r.Total.SQSRequests,
		"usd", r.Total.USD, "prices", r.Prices.Region + " " + r.Prices.Date,
	}
	if r.Orders > 0 {
		attrs = append(attrs, "orders", r.Orders, "usd_per_million_orders", r.USDMillionOrders)
	}
	for _, s := range r.Services {
		attrs = append(attrs, slog.Group(s.Name, "write_units", s.WriteUnits, "read_units", s.ReadUnits, "sqs_requests", s.SQSRequests, "usd", s.USD))
	}
	for _, l := range r.LeftOut {
		attrs = append(attrs, "left_out", l.Table)
	}
	log.Info("spent on AWS", attrs...)
}
