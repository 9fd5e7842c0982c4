package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"holdfast/event"
	"holdfast/inventory"
)

// startingStock is what a store begins with unless a file says otherwise.
var startingStock = []inventory.Count{
	{SKU: "A123", OnHand: 100, Price: event.Money{Amount: 1999, Currency: "USD"}},
	{SKU: "B456", OnHand: 0, Price: event.Money{Amount: 4999, Currency: "USD"}},
	{SKU: "C789", OnHand: 25, Price: event.Money{Amount: 999, Currency: "USD"}},
	{SKU: "D012", OnHand: 1, Price: event.Money{Amount: 129900, Currency: "USD"}},
}

// stockExample shows what a stock file looks like.
const stockExample = `[{"sku": "A123", "on_hand": 100, "price": {"amount": 1999, "currency": "USD"}}]`

// stockEntry is one entry of a stock file; nil is what does not stand there.
type stockEntry struct {
	SKU    *string     `json:"sku"`
	OnHand *int64      `json:"on_hand"`
	Price  *stockPrice `json:"price"`
}

type stockPrice struct {
	Amount   *int64  `json:"amount"`
	Currency *string `json:"currency"`
}

// stockFields says what must stand in each place of an entry.
var stockFields = map[jsontext.Pointer]string{
	"":                "must be an object with sku, on_hand and price",
	"/sku":            "sku must be a string",
	"/on_hand":        fmt.Sprintf("on_hand must be a whole number from 0 to %d", int64(inventory.MaxOnHand)),
	"/price":          "price must be an object with amount and currency",
	"/price/amount":   fmt.Sprintf("price.amount must be a whole number of minor units from 1 to %d", int64(inventory.MaxPrice)),
	"/price/currency": "price.currency must be a string, as USD",
}

// readStock reads a stock file, strictly and to its end, so that a mistake in it
// is found before anything is written. No file means the starting stock.
func readStock(path string) ([]inventory.Count, error) {
	if path == "" {
		return startingStock, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the stock file cannot be read: %w", err)
	}
	counts, err := parseStock(text)
	if err != nil {
		return nil, fmt.Errorf("%s is no stock file: %w; it looks like %s", path, err, stockExample)
	}
	return counts, nil
}

func parseStock(text []byte) ([]inventory.Count, error) {
	var entries []jsontext.Value
	// Each entry is read strictly by itself, so that the error can name it.
	if err := json.Unmarshal(text, &entries, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, plainJSON(err)
	}
	if len(entries) == 0 {
		return nil, errors.New("it names no SKU")
	}
	counts := make([]inventory.Count, len(entries))
	number := make(map[string]int)
	for i, text := range entries {
		c, err := parseEntry(text)
		if first := number[c.SKU]; err == nil && first > 0 {
			err = fmt.Errorf("sku is that of entry %d too", first)
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d%s: %w", i+1, nameOf(text), err)
		}
		counts[i], number[c.SKU] = c, i+1
	}
	return counts, nil
}

// plainJSON says without Go's words why a file is not a list.
func plainJSON(err error) error {
	var s *jsontext.SyntacticError
	switch {
	case errors.As(err, new(*json.SemanticError)):
		return errors.New("it is not a list of entries")
	case errors.As(err, &s):
		return fmt.Errorf("it is not valid JSON: %w, at byte %d", s.Err, s.ByteOffset)
	}
	return errors.New("it is not valid JSON: it breaks off")
}

// nameOf is the SKU of an entry, if one can be made out, for an error.
func nameOf(entry jsontext.Value) string {
	const most = 64
	var e struct {
		SKU any `json:"sku"`
	}
	err := json.Unmarshal(entry, &e, jsontext.AllowDuplicateNames(true))
	if sku, ok := e.SKU.(string); ok && err == nil && sku != "" && len(sku) <= most {
		return " (" + sku + ")"
	}
	return ""
}

func parseEntry(text jsontext.Value) (inventory.Count, error) {
	var e stockEntry
	if err := json.Unmarshal(text, &e, json.RejectUnknownMembers(true)); err != nil {
		return inventory.Count{}, plainField(err)
	}
	if err := e.complete(); err != nil {
		return inventory.Count{}, err
	}
	c := inventory.Count{SKU: *e.SKU, OnHand: *e.OnHand, Price: event.Money{Amount: *e.Price.Amount, Currency: *e.Price.Currency}}
	if c.Price.IsZero() { // which a count takes for "as before"
		return c, errors.New("price is empty")
	}
	return c, inFileWords(c.Validate())
}

// complete fails with the first field that is missing.
func (e stockEntry) complete() error {
	switch {
	case e.SKU == nil:
		return errors.New("sku is missing")
	case e.OnHand == nil:
		return errors.New("on_hand is missing")
	case e.Price == nil:
		return errors.New("price is missing")
	case e.Price.Amount == nil:
		return errors.New("price.amount is missing")
	case e.Price.Currency == nil:
		return errors.New("price.currency is missing")
	}
	return nil
}

// plainField says in the file's words what is wrong with an entry's shape.
func plainField(err error) error {
	var twice *jsontext.SyntacticError
	if errors.As(err, &twice) {
		return fmt.Errorf("%s stands there twice", fieldName(twice.JSONPointer))
	}
	var shape *json.SemanticError
	if !errors.As(err, &shape) {
		return err
	}
	if errors.Is(err, json.ErrUnknownName) {
		return fmt.Errorf("%s is not a known field; names match exactly, case included", fieldName(shape.JSONPointer))
	}
	return errors.New(stockFields[shape.JSONPointer])
}

// fieldName writes a JSON pointer as "price.amount".
func fieldName(p jsontext.Pointer) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", ".")
}

// inFileWords names the places of a count that is not valid as a file has them;
// a count names them as the API does.
func inFileWords(err error) error {
	var e *event.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	places := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		_, field, _ := strings.Cut(f.Location, ".")
		places[i] = field + " " + f.Message
	}
	return errors.New(strings.Join(places, "; "))
}
