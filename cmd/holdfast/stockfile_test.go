package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/api/client"
)

// badStock are stock files with a mistake, and how the error must name it.
var badStock = map[string]string{
	``:                  `not valid JSON`,
	`[`:                 `not valid JSON`,
	`null`:              `names no SKU`,
	`[]`:                `names no SKU`,
	`{"sku": "A"}`:      `not a list of entries`,
	`[` + good + `] []`: `not valid JSON`,
	`[null]`:            `entry 1: sku is missing`,
	`[7]`:               `entry 1: must be an object with sku, on_hand and price`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1}]`:                                                               `entry 2 (BAD): price is missing`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": null}]`:                                                `entry 2 (BAD): price is missing`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": {"amount": 0, "currency": ""}}]`:                       `entry 2 (BAD): price is empty`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": {"amount": 0, "currency": "USD"}}]`:                    `entry 2 (BAD): price.amount must be a whole number`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": {"amount": 1.5, "currency": "USD"}}]`:                  `entry 2 (BAD): price.amount must be a whole number`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": {"amount": 1, "currency": "usd"}}]`:                    `entry 2 (BAD): price.currency must be`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": {"amount": 1, "currency": 1}}]`:                        `entry 2 (BAD): price.currency must be`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": {"currency": "USD"}}]`:                                 `entry 2 (BAD): price.amount is missing`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": {"amount": 1}}]`:                                       `entry 2 (BAD): price.currency is missing`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": 5}]`:                                                   `entry 2 (BAD): price must be an object`,
	`[` + good + `, {"sku": "BAD", "on_hand": "1", "price": {"amount": 1, "currency": "USD"}}]`:                  `entry 2 (BAD): on_hand must be a whole number`,
	`[` + good + `, {"sku": "BAD", "on_hand": 99999999999999999999, "price": {"amount": 1, "currency": "USD"}}]`: `entry 2 (BAD): on_hand must be a whole number from 0 to`,
	`[` + good + `, {"sku": "BAD", "on_hand": -1, "price": {"amount": 1, "currency": "USD"}}]`:                   `entry 2 (BAD): on_hand must be a whole number from 0 to`,
	`[` + good + `, {"sku": "BAD", "price": {"amount": 1, "currency": "USD"}}]`:                                  `entry 2 (BAD): on_hand is missing`,
	`[` + good + `, {"sku": "B D", "on_hand": 1, "price": {"amount": 1, "currency": "USD"}}]`:                    `entry 2 (B D): sku must match`,
	`[` + good + `, {"SKU": "BAD", "on_hand": 1, "price": {"amount": 1, "currency": "USD"}}]`:                    `entry 2: SKU is not a known field`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "on_hand": 2, "price": {"amount": 1, "currency": "USD"}}]`:      `entry 2 (BAD): on_hand stands there twice`,
	`[` + good + `, {"sku": "BAD", "on_hand": 1, "price": {"amount": 1, "currency": "USD", "vat": 1}}]`:          `entry 2 (BAD): price.vat is not a known field`,
	`[` + good + `, ` + good + `]`: `entry 2 (GOOD): sku is that of entry 1 too`,
}

const good = `{"sku": "GOOD", "on_hand": 1, "price": {"amount": 1, "currency": "USD"}}`

func TestABadStockFileNamesTheEntryAndTheField(t *testing.T) {
	for text, want := range badStock {
		path := stockFile(t, text)
		counts, err := readStock(path)
		if err == nil || counts != nil {
			t.Errorf("%s was read as %v", text, counts)
			continue
		}
		if !strings.Contains(err.Error(), path+" is no stock file: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %q", text, err, want)
		}
		for _, jargon := range []string{"body.", "path.sku", "see errors", "int64", "Go ", "main.", "/"} {
			if strings.Contains(strings.ReplaceAll(err.Error(), path, ""), jargon) {
				t.Errorf("%s: %v\nhas %q in it", text, err, jargon)
			}
		}
	}
}

func TestABadStockFileLeavesTheStoreEmpty(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	stock := stockFile(t, `[`+good+`, {"sku": "BAD", "on_hand": 1}]`)
	for _, command := range []string{"serve --addr 127.0.0.1:0", "setup"} {
		out, err := holdfast(t, append(strings.Fields(command), "--data", data, "--stock", stock)...)
		if exitStatus(err) != exitFailed || !strings.Contains(out, "entry 2 (BAD)") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the data folder was made")
	}
	c := client.New(serve(t, data).URL, nil)
	if _, err := c.Stock(t.Context(), "GOOD"); err == nil {
		t.Error("half of the file was taken in")
	}
	if s, err := c.Stock(t.Context(), "A123"); err != nil || s.OnHand != 100 {
		t.Errorf("the default stock is not there: %+v, %v", s, err)
	}
}
