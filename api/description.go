package api

import (
	"strings"
	"text/template"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

// reason is why an order has come to a status.
type reason struct{ Code, Status, When, Do string }

// reasons are all that an order's reason may be.
var reasons = []reason{
	{inventory.OutOfStock, "FAILED_NO_STOCK", "A line asks for more units than are available; `shortfall` names it. Nothing was held or charged.", "Order less, or again once there is more."},
	{inventory.UnknownSKU, "FAILED_NO_STOCK", "There is no such SKU; `shortfall` names it. Nothing was held or charged.", "Look at the SKU."},
	{inventory.MixedCurrency, "FAILED_NO_STOCK", "The lines are priced in several currencies. Nothing was held or charged.", "Place an order for each currency."},
	{order.CardDeclined, "PAYMENT_FAILED", "The payment was declined for good, and the stock was given back.", "Place a new order with another payment method."},
	{order.CancelledByClient, "CANCELLING, CANCELLED", "It was cancelled. Nothing stays charged, and the stock was given back.", "Nothing."},
	{order.HoldExpired, "CANCELLED", "No payment was known when its hold ended, 15 minutes after it was placed unless the server was told otherwise. Nothing stays charged, and the stock was given back.", "Place a new order."},
}

// problemRow is a kind of problem in the description's table.
type problemRow struct {
	Code     event.Code
	Status   int
	When, Do string
}

// description is what the document says of the API as a whole.
func description() string {
	var text strings.Builder
	var problems []problemRow
	for _, k := range kinds {
		problems = append(problems, problemRow{k.code, k.status, k.when, k.do})
	}
	place := examples["place-order"]
	err := template.Must(template.ParseFS(pages, "pages/docs.md")).Execute(&text, map[string]any{
		"Base": base, "Named": exampleNamed, "Held": exampleHeld, "ProblemType": problemType, "Problems": problems, "Reasons": reasons,
		"Place": place.curl(&huma.Operation{Method: "POST", Path: "/orders"}),
	})
	if err != nil {
		panic(err) // it is the same for every run, so the first test would find it
	}
	return text.String()
}
