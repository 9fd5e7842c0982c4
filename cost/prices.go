package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

const million = 1e6

// PriceTable is what AWS asks, in US dollars a million.
type PriceTable struct {
	Region string `json:"region"`
	Date   string `json:"date"`  // since when the list has said so
	Terms  string `json:"terms"` // what they are the prices of

	WriteUnits  float64 `json:"write_units"`  // DynamoDB write request units
	ReadUnits   float64 `json:"read_units"`   // DynamoDB read request units
	SQSRequests float64 `json:"sqs_requests"` // after the first million of a month, which is free
}

//go:embed prices.json
var pricesJSON []byte

// Prices are those of prices.json, the one place where prices stand.
var Prices = func() PriceTable {
	var file struct {
		PriceTable
		PerMillion struct {
			WriteUnits  float64 `json:"write_units"`
			ReadUnits   float64 `json:"read_units"`
			SQSRequests float64 `json:"sqs_requests"`
		} `json:"per_million"`
	}
	if err := json.Unmarshal(pricesJSON, &file); err != nil {
		panic(fmt.Sprintf("cost: prices.json: %v", err)) // it is compiled in, and tested
	}
	p := file.PriceTable
	p.WriteUnits, p.ReadUnits, p.SQSRequests = file.PerMillion.WriteUnits, file.PerMillion.ReadUnits, file.PerMillion.SQSRequests
	return p
}()
