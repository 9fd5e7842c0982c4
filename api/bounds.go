package api

import (
	"github.com/danielgtaylor/huma/v2"

	"holdfast/event"
	"holdfast/inventory"
)

// What the document says of values beyond what huma derives from their types.
// huma does not check it: the handlers do, with words and a status of their own.
const (
	// ASCII is named too, for readers of patterns that do not know \p.
	printable   = `^[ -~\p{L}\p{M}\p{N}\p{P}\p{S}]*$`
	waitPattern = `^(0|([1-5]?[0-9]|60)s|([1-5]?[0-9]{1,4}|60000)ms)$`
	tagPattern  = `[^ \t,]`
	// Quotes around a key do not count, nor are they a key themselves.
	keyPattern = `^("[ -~]{1,255}"|[ -~]|[ !#-~][ -~]{1,254}|"[ -~]{0,253}[ !#-~])$`
)

// bounded is a copy of a parameter with the bounds of its values. Where huma knew
// them it would refuse with 422 what is not there, a 404. Its example stands where
// the page looks for what to begin with.
func bounded(path string, p *huma.Param) *huma.Param {
	named, schema := *p, *p.Schema
	named.AllowEmptyValue = p.In == "query" && !p.Required // an empty one is none
	switch {
	case p.In == "path" && (p.Name == "name" || p.Name == "service"):
		for _, s := range event.Services {
			schema.Enum = append(schema.Enum, string(s))
		}
	case p.In == "path" && part(path) != "queues": // a dead letter's id may be somebody else's
		schema.Pattern = event.NamePattern
	case p.Name == "wait":
		schema.Pattern = waitPattern
	case p.Name == "Idempotency-Key":
		schema.Pattern = keyPattern
	case p.Name == "If-Match":
		schema.Pattern = tagPattern
	}
	if len(schema.Examples) > 0 {
		named.Example, schema.Examples = schema.Examples[0], nil
	}
	named.Schema = &schema
	return &named
}

// boundSchemas says of bodies what their types' tags cannot say.
func boundSchemas(schemas map[string]*huma.Schema) {
	boundPrices(schemas)
	if s := schemas["PlaceOrder"]; s != nil {
		s.Properties["user_id"].Pattern = printable
	}
	if s := schemas["Adjustment"]; s != nil {
		s.Properties["reason"].Pattern = printable
		s.Properties["delta"].Not = &huma.Schema{Enum: []any{0}}
	}
	if s := schemas["Redrive"]; s != nil {
		some := object("ids", map[string]*huma.Schema{"ids": s.Properties["ids"], "all": only(s.Properties["all"], false)})
		every := object("all", map[string]*huma.Schema{"all": only(s.Properties["all"], true)})
		*s = huma.Schema{OneOf: []*huma.Schema{some, every}}
	}
}

// object is one with these properties, of which one is required, and no others.
func object(required string, properties map[string]*huma.Schema) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Required: []string{required}, Properties: properties, AdditionalProperties: false}
}

// only is a copy of s that has one value.
func only(s *huma.Schema, value any) *huma.Schema {
	fixed := *s
	fixed.Enum = []any{value}
	return &fixed
}

// boundPrices says of prices what Money's schema cannot say, since a total may
// be larger.
func boundPrices(schemas map[string]*huma.Schema) {
	most := float64(inventory.MaxPrice)
	for name, property := range map[string]string{"StockCount": "price", "Stock": "price", "OrderLine": "unit_price"} {
		if s := schemas[name]; s != nil {
			s.Properties[property].Properties = map[string]*huma.Schema{"amount": {Maximum: &most}}
		}
	}
}
