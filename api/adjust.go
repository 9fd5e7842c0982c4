package api

import (
	"cmp"
	"context"

	wire "holdfast/api/client"
	"holdfast/inventory"
)

// reasonAdjusted is the ledger's reason for an adjustment that names none.
const reasonAdjusted = "adjusted"

type adjustInput struct {
	SKU string `path:"sku" example:"A123" doc:"Stock keeping unit: 1 to 64 letters, digits, dots, underscores and hyphens."`
	JSON[wire.Adjustment]
}

type adjustOutput struct{ Body wire.Adjusted }

func (a *API) adjustStock(ctx context.Context, in *adjustInput) (*adjustOutput, error) {
	row, err := a.config.Inventory.Adjust(ctx, inventory.Adjustment{
		ID: in.Value.AdjustmentID, SKU: in.SKU, Delta: in.Value.Delta, Reason: cmp.Or(in.Value.Reason, reasonAdjusted), At: a.now(),
	})
	if err != nil {
		return nil, err
	}
	return &adjustOutput{wire.Adjusted{AdjustmentID: row.AdjustmentID, SKU: row.SKU, Delta: row.Delta, Reason: row.Reason, At: row.At}}, nil
}
