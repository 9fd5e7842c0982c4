package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	wire "holdfast/api/client"
	"holdfast/event"
	"holdfast/inventory"
)

func (a *API) registerInventory() {
	tags := []string{"inventory"}
	register(a, huma.Operation{
		OperationID: "list-stock", Method: http.MethodGet, Path: "/inventory", Tags: tags,
		Summary:     "List stock",
		Description: "In ascending order of SKU; with max_available, what is low or sold out, the fewest available first, on one page.",
	}, a.listStock)
	register(a, huma.Operation{
		OperationID: "get-stock", Method: http.MethodGet, Path: "/inventory/{sku}", Tags: tags,
		Summary:     "Get the stock of a SKU",
		Description: "What there is of it, with an ETag that If-Match takes.",
		Errors:      []int{http.StatusNotFound},
	}, a.getStock)
	register(a, huma.Operation{
		OperationID: "list-ledger", Method: http.MethodGet, Path: "/inventory/{sku}/ledger", Tags: tags,
		Summary:     "List the stock ledger of a SKU",
		Description: "Every count and adjustment, newest first. The sum of the deltas is what is available, reserved and sold together.",
		Errors:      []int{http.StatusNotFound},
	}, a.listLedger)
	register(a, huma.Operation{
		OperationID: "set-stock", Method: http.MethodPut, Path: "/inventory/{sku}", Tags: tags,
		Summary:     "Create a SKU or count it afresh",
		Description: "Says how many units lie on the shelf, those reserved included; what is available follows from it. Each count leaves a row in the stock ledger.",
		Errors:      []int{http.StatusConflict, http.StatusPreconditionFailed},
	}, a.setStock)
	register(a, huma.Operation{
		OperationID: "adjust-stock", Method: http.MethodPost, Path: "/inventory/{sku}/adjustments", Tags: tags,
		Summary:     "Adjust the stock of a SKU",
		Description: "Says that units came in, or went out otherwise than by an order. The same adjustment_id again gets the same answer and moves nothing. Each adjustment leaves a row in the stock ledger.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, a.adjustStock)
}

type stockOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"Names this state of the stock, for If-Match." example:"\"7\""`
	Body   wire.Stock
}

func newStockOutput(s inventory.Stock) *stockOutput {
	return &stockOutput{Status: http.StatusOK, ETag: etag(s.Version), Body: wireStock(s)}
}

type getStockInput struct {
	SKU         string `path:"sku" example:"A123" doc:"Stock keeping unit: 1 to 64 letters, digits, dots, underscores and hyphens."`
	IfNoneMatch string `header:"If-None-Match" doc:"Answer 304 if the stock has this ETag."`
}

// findStock returns the stock of a SKU, or NotFound.
func (a *API) findStock(ctx context.Context, sku string) (inventory.Stock, error) {
	if !event.ValidName(sku) {
		return inventory.Stock{}, event.Errorf(event.NotFound, "nothing can have this SKU; SKUs match %s", event.NamePattern)
	}
	return a.config.Inventory.Store.Stock(ctx, sku)
}

func (a *API) getStock(ctx context.Context, in *getStockInput) (*stockOutput, error) {
	s, err := a.findStock(ctx, in.SKU)
	if err != nil {
		return nil, err
	}
	out := newStockOutput(s)
	if matchesWeak(in.IfNoneMatch, out.ETag) {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

type listStockInput struct {
	Limit        int           `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many SKUs to a page."`
	Cursor       string        `query:"cursor" doc:"next_cursor of the page before; without it, the first page. Not with max_available."`
	MaxAvailable optionalUnits `query:"max_available" minimum:"0" example:"10" doc:"Only SKUs of which at most so many units are available, the fewest first; limit is how many at most."`
}

// optionalUnits is a query parameter of which huma tells whether it was sent: 0 units
// are not none.
type optionalUnits struct {
	Units int64
	given bool
}

// Schema is called by huma for the document, the others for each request.
func (o optionalUnits) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeOf(o.Units))
}
func (o *optionalUnits) Receiver() reflect.Value      { return reflect.ValueOf(o).Elem().Field(0) }
func (o *optionalUnits) OnParamSet(given bool, _ any) { o.given = given }

type listStockOutput struct{ Body wire.StockPage }

func (a *API) listStock(ctx context.Context, in *listStockInput) (*listStockOutput, error) {
	if in.MaxAvailable.given {
		return a.listLow(ctx, in)
	}
	after, err := openCursor(in.Cursor, "inventory")
	if err != nil {
		return nil, err
	}
	// One more than the page holds tells whether there is another page.
	rows, err := a.config.Inventory.Store.List(ctx, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &listStockOutput{wire.StockPage{Inventory: []wire.Stock{}}}
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		out.Body.NextCursor = sealCursor(rows[in.Limit-1].SKU, "inventory")
	}
	for _, s := range rows {
		out.Body.Inventory = append(out.Body.Inventory, wireStock(s))
	}
	return out, nil
}

// listLow has no further pages: a stock that moves would come twice, or never.
func (a *API) listLow(ctx context.Context, in *listStockInput) (*listStockOutput, error) {
	if in.Cursor != "" {
		return nil, invalid("query.cursor", "cannot be given with max_available, which has one page", nil)
	}
	rows, err := a.config.Inventory.Store.Low(ctx, in.MaxAvailable.Units, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &listStockOutput{wire.StockPage{Inventory: make([]wire.Stock, len(rows))}}
	for i, s := range rows {
		out.Body.Inventory[i] = wireStock(s)
	}
	return out, nil
}

type listLedgerInput struct {
	SKU    string `path:"sku" example:"A123" doc:"Stock keeping unit: 1 to 64 letters, digits, dots, underscores and hyphens."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many entries to a page."`
	Cursor string `query:"cursor" doc:"next_cursor of the page before; without it, the first page."`
}

type listLedgerOutput struct{ Body wire.LedgerPage }

func (a *API) listLedger(ctx context.Context, in *listLedgerInput) (*listLedgerOutput, error) {
	cursor, err := openCursor(in.Cursor, "ledger", in.SKU)
	if err != nil {
		return nil, err
	}
	// A SKU that is not there has no ledger, rather than an empty one.
	if _, err := a.findStock(ctx, in.SKU); err != nil {
		return nil, err
	}
	page, err := a.config.Inventory.Store.Ledger(ctx, inventory.LedgerQuery{SKU: in.SKU, Cursor: cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := &listLedgerOutput{wire.LedgerPage{Entries: make([]wire.LedgerEntry, len(page.Rows)), NextCursor: sealCursor(page.Next, "ledger", in.SKU)}}
	for i, row := range page.Rows {
		out.Body.Entries[i] = wire.LedgerEntry{AdjustmentID: row.AdjustmentID, Delta: row.Delta, Reason: row.Reason, At: row.At}
	}
	return out, nil
}

// Preconditions is embedded in the input of an operation that writes only if
// what is there is what the client expects (RFC 9110, section 13.1).
type Preconditions struct {
	IfMatch     string `header:"If-Match" doc:"Count only if the stock still has this ETag, quotes included; * if it exists."`
	IfNoneMatch string `header:"If-None-Match" enum:"*" doc:"Count only if the SKU does not exist yet."`
}

// Resolve reads the headers again, since huma sees only the first of several,
// and would take an empty one for none: it asks for a condition but names none,
// so it is refused. It is called by huma for each request.
func (p *Preconditions) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	var errs []error
	read := func(name string) string {
		value := strings.Join(r.Header[name], ",")
		if len(r.Header[name]) > 0 && strings.Trim(value, " \t,") == "" {
			errs = append(errs, invalid("header."+name, "must not be empty; leave it out to count in any case", nil))
		}
		return value
	}
	p.IfMatch, p.IfNoneMatch = read("If-Match"), read("If-None-Match")
	return errs
}

type setStockInput struct {
	SKU string `path:"sku" example:"A123" doc:"Stock keeping unit: 1 to 64 letters, digits, dots, underscores and hyphens."`
	Preconditions
	JSON[wire.StockCount]
}

func (a *API) setStock(ctx context.Context, in *setStockInput) (*stockOutput, error) {
	count, err := in.count()
	if err != nil {
		return nil, err
	}
	// What can never be done is refused before any condition is looked at (RFC 9110,
	// section 13.2.1).
	if err := count.Validate(); err != nil {
		return nil, err
	}
	if count.IfVersion, err = a.precondition(ctx, in); err != nil {
		return nil, err
	}
	count.At = a.now()
	s, err := a.config.Inventory.Count(ctx, count)
	switch {
	case in.IfNoneMatch != "" && errors.Is(err, event.Stale):
		return nil, event.ErrorAt(event.Stale, "header.If-None-Match", in.SKU+" exists already")
	case err != nil:
		return nil, err
	}
	return newStockOutput(s), nil
}

// count is what the body asks for. The service takes a zero price for "keep the
// price", so one that the client wrote out is refused here.
func (in *setStockInput) count() (inventory.Count, error) {
	c := inventory.Count{SKU: in.SKU, OnHand: *in.Value.OnHand}
	if price := in.Value.Price; price != nil {
		c.Price = event.Money(*price)
		if c.Price.IsZero() {
			return c, invalid("body.price", "needs an amount and a currency", nil)
		}
	}
	return c, nil
}

// precondition is the version that the headers want the stock to have, nil if
// any will do (RFC 9110, section 13.2.2). For If-Match: * it is enough to have
// seen the SKU once: SKUs are never deleted.
func (a *API) precondition(ctx context.Context, in *setStockInput) (*int64, error) {
	var version *int64
	if in.IfMatch != "" {
		s, err := a.config.Inventory.Store.Stock(ctx, in.SKU)
		switch {
		case errors.Is(err, event.NotFound):
			return nil, event.Errorf(event.Stale, "%s does not exist, so it has no such ETag", in.SKU)
		case err != nil:
			return nil, err
		case in.IfMatch == anyTag:
			// Not the version just read: a busy SKU has another by now.
		case !matchesStrong(in.IfMatch, etag(s.Version)):
			return nil, event.Errorf(event.Stale, "the stock of %s has changed since you read it; read it again", in.SKU)
		default:
			version = &s.Version
		}
	}
	if in.IfNoneMatch != "" {
		version = new(int64)
	}
	return version, nil
}
