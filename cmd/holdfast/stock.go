package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"holdfast/api/client"
)

// stockCommand is a client of the inventory routes.
type stockCommand struct {
	List   stockListCommand   `cmd:"" help:"List all stock."`
	Show   stockShowCommand   `cmd:"" help:"Show the stock of one SKU."`
	Set    stockSetCommand    `cmd:"" help:"Count a SKU afresh, or create it."`
	Adjust stockAdjustCommand `cmd:"" help:"Add units to what can be sold of a SKU, or take some away, once."`
	Ledger stockLedgerCommand `cmd:"" help:"List a SKU's stock ledger, newest first: its counts and adjustments."`
}

type stockListCommand struct{ remote }

// Run lists all stock.
func (c *stockListCommand) Run(ctx context.Context) error {
	stocks := []client.Stock{}
	for s, err := range c.client(0).Stocks(ctx) {
		if err != nil {
			return c.explain(err)
		}
		stocks = append(stocks, s)
	}
	if c.JSON {
		return printJSON(stocks)
	}
	return table(os.Stdout, stockColumns, func(row func(...any)) {
		for _, s := range stocks {
			row(stockCells(s)...)
		}
	})
}

type stockShowCommand struct {
	remote
	SKU string `arg:"" name:"sku" help:"The SKU."`
}

// Run shows one SKU.
func (c *stockShowCommand) Run(ctx context.Context) error {
	s, err := c.client(0).Stock(ctx, c.SKU)
	return c.showStock(s, err)
}

type stockSetCommand struct {
	remote
	SKU      string `arg:"" name:"sku" help:"The SKU."`
	OnHand   int64  `required:"" placeholder:"UNITS" help:"Units on the shelf, those reserved for orders included."`
	Price    int64  `placeholder:"MINOR" help:"Price of a unit in minor units, as 1999 for 19.99 USD; needed for a new SKU."`
	Currency string `default:"USD" help:"ISO 4217 code of the price."`
	IfMatch  string `placeholder:"ETAG" help:"Only if the stock is still as it was when stock show printed this ETag; with its quotes or without."`
}

// Run counts the SKU.
func (c *stockSetCommand) Run(ctx context.Context) error {
	count := client.StockCount{OnHand: &c.OnHand, IfMatch: quoted(c.IfMatch)}
	if c.Price != 0 {
		count.Price = &client.Money{Amount: c.Price, Currency: c.Currency}
	}
	s, err := c.client(0).SetStock(ctx, c.SKU, count)
	return c.showStock(s, err)
}

// quoted writes an ETag as If-Match wants it; a shell takes quotes away.
func quoted(etag string) string {
	if etag == "" || etag == "*" || strings.Contains(etag, `"`) {
		return etag
	}
	return `"` + etag + `"`
}

// taggedStock is a stock with its ETag, which the API sends in a header.
type taggedStock struct {
	client.Stock
	ETag string `json:"etag"`
}

func (r remote) showStock(s client.Stock, err error) error {
	if err != nil {
		return r.explain(err)
	}
	if r.JSON {
		return printJSON(taggedStock{s, s.ETag})
	}
	return table(os.Stdout, stockColumns+"\tETAG", func(row func(...any)) { row(append(stockCells(s), s.ETag)...) })
}

const stockColumns = "SKU\tAVAILABLE\tRESERVED\tSOLD\tON HAND\tPRICE\tUPDATED"

func stockCells(s client.Stock) []any {
	return []any{s.SKU, s.Available, s.Reserved, s.Sold, s.OnHand, money(s.Price), s.UpdatedAt.Format(time.RFC3339)}
}

type stockAdjustCommand struct {
	remote
	SKU    string `arg:"" name:"sku" help:"The SKU."`
	Delta  signed `required:"" placeholder:"UNITS" help:"Units that came in, or went out otherwise than by an order: -3."`
	Reason string `placeholder:"WORDS" help:"Why, as the stock ledger keeps it: damaged, found."`
	ID     string `name:"id" placeholder:"ID" help:"The adjustment's own id; a repeat of it is the same adjustment. Without it a new one, which is printed."`
}

// Run adjusts the stock.
func (c *stockAdjustCommand) Run(ctx context.Context) error {
	adjusted, err := c.client(0).Adjust(ctx, c.SKU, client.Adjustment{
		AdjustmentID: cmp.Or(c.ID, newID()), Delta: int64(c.Delta), Reason: c.Reason,
	})
	if err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return printJSON(adjusted)
	}
	return table(os.Stdout, "ADJUSTMENT\tSKU\tDELTA\tREASON\tAT", func(row func(...any)) {
		row(adjusted.AdjustmentID, adjusted.SKU, fmt.Sprintf("%+d", adjusted.Delta), adjusted.Reason, adjusted.At.Format(time.RFC3339))
	})
}

type stockLedgerCommand struct {
	remote
	SKU   string `arg:"" name:"sku" help:"The SKU."`
	Limit int    `default:"50" help:"How many entries at most; 0: all."`
}

// Run lists the ledger.
func (c *stockLedgerCommand) Run(ctx context.Context) error {
	if c.Limit < 0 {
		return misuse{errors.New("--limit is 0 or more")}
	}
	entries := []client.LedgerEntry{}
	for e, err := range c.client(0).LedgerEntries(ctx, c.SKU, pageSize(c.Limit)) {
		if err != nil {
			return c.explain(err)
		}
		entries = append(entries, e)
		if len(entries) == c.Limit {
			break
		}
	}
	if c.JSON {
		return printJSON(entries)
	}
	return table(os.Stdout, "AT\tDELTA\tREASON\tADJUSTMENT", func(row func(...any)) {
		for _, e := range entries {
			row(e.At.Format(time.RFC3339), fmt.Sprintf("%+d", e.Delta), e.Reason, e.AdjustmentID)
		}
	})
}

// signed is a whole number that may be typed with its sign: of other flags'
// values kong takes what begins with a hyphen for a flag.
type signed int64

// Decode reads the number.
func (s *signed) Decode(ctx *kong.DecodeContext) error {
	text := ctx.Scan.Pop().String()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("must be a whole number, not %q", text)
	}
	*s = signed(n)
	return nil
}
