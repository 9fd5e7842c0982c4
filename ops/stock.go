package ops

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"holdfast/api/client"
)

// low is how few units of a SKU are few.
const low = 10

// stock is the list of what there is.
type stock struct {
	Now    time.Time
	MayAdd bool
	Find   string // a SKU, as typed
	Low    []client.Stock
	Bound  int
	All    []client.Stock
	After  string // the page after; empty on the last
	First  string // the first page; empty on it
	Add    countForm
}

// countForm is a count or a new SKU, as it was filled in.
type countForm struct {
	SKU, OnHand, Price, Currency string
	Open                         bool
}

func (p *Pages) stock(r *http.Request, v viewer) (view, error) {
	s := stock{Now: p.config.Now(), MayAdd: v.May("inventory"), Find: strings.TrimSpace(r.URL.Query().Get("sku")), Bound: low, Add: countFormOf(r)}
	cursor := r.URL.Query().Get("cursor")
	if s.Find != "" {
		return p.found(r, v, s)
	}
	page, err := v.Client.StockPage(r.Context(), pageSize, cursor)
	if err != nil {
		return view{}, err
	}
	s.All = page.Inventory
	if page.NextCursor != "" {
		s.After = "/ops/stock?" + url.Values{"cursor": {page.NextCursor}}.Encode()
	}
	if cursor != "" {
		s.First = "/ops/stock"
	} else if s.Low, err = v.Client.LowStock(r.Context(), low, pageSize); err != nil {
		return view{}, err
	}
	return stockView(s), nil
}

// found is the list with the one SKU that was looked for.
func (p *Pages) found(r *http.Request, v viewer, s stock) (view, error) {
	row, err := v.Client.Stock(r.Context(), s.Find)
	switch {
	case err == nil:
		s.All = []client.Stock{row}
	case !notFound(err):
		return view{}, err
	}
	s.First = "/ops/stock"
	return stockView(s), nil
}

func stockView(s stock) view {
	return view{Title: "Stock", Section: "Stock", Body: s, Live: "/ops/stock"}
}

func countFormOf(r *http.Request) countForm {
	f := countForm{SKU: r.PostFormValue("sku"), OnHand: r.PostFormValue("on_hand"), Price: r.PostFormValue("price"), Currency: r.PostFormValue("currency")}
	f.Open = f.OnHand != "" || f.SKU != ""
	return f
}

func (p *Pages) addSKU(r *http.Request, v viewer) (next, saying string, err error) {
	f := countFormOf(r)
	sku := strings.TrimSpace(f.SKU)
	if sku == "" {
		return "", "", refused("SKU", "must be 1 to 64 letters, digits, dots, underscores and hyphens")
	}
	if _, err := v.Client.Stock(r.Context(), sku); err == nil {
		return "", "", refused("SKU", sku+" exists already; count it on its own page")
	}
	return p.setStock(r, v, sku, f, "added")
}

func (p *Pages) count(r *http.Request, v viewer) (next, saying string, err error) {
	return p.setStock(r, v, r.PathValue("sku"), countFormOf(r), "counted")
}

func (p *Pages) setStock(r *http.Request, v viewer, sku string, f countForm, done string) (next, saying string, err error) {
	onHand, err := whole("Units on the shelf", f.OnHand)
	if err != nil {
		return "", "", err
	}
	c := client.StockCount{OnHand: &onHand}
	if strings.TrimSpace(f.Price) != "" {
		amount, err := whole("Price in minor units", f.Price)
		if err != nil {
			return "", "", err
		}
		c.Price = &client.Money{Amount: amount, Currency: strings.ToUpper(strings.TrimSpace(f.Currency))}
	}
	_, err = v.Client.SetStock(r.Context(), sku, c)
	return skuPath(sku), done, err
}

func skuPath(sku string) string { return "/ops/stock/" + url.PathEscape(sku) }

// sku is what there is of one SKU, and how that came about.
type sku struct {
	Now      time.Time
	Stock    client.Stock
	MayCount bool
	Ledger   []client.LedgerEntry
	Older    string // the page after; empty on the last
	Newest   string // the first page; empty on it
	Count    countForm
	Adjust   adjustForm
}

// adjustForm is an adjustment, as it was filled in.
type adjustForm struct {
	ID, Delta, Reason string // sent twice with one ID, it is made once
	Open              bool
}

func (p *Pages) sku(r *http.Request, v viewer) (view, error) {
	row, err := v.Client.Stock(r.Context(), r.PathValue("sku"))
	if err != nil {
		return view{}, err
	}
	cursor := r.URL.Query().Get("cursor")
	ledger, err := v.Client.Ledger(r.Context(), row.SKU, pageSize, cursor)
	if err != nil {
		return view{}, err
	}
	s := sku{Now: p.config.Now(), Stock: row, MayCount: v.May("inventory"), Ledger: ledger.Entries, Count: countFormOf(r), Adjust: adjustFormOf(r)}
	if ledger.NextCursor != "" {
		s.Older = skuPath(row.SKU) + "?" + url.Values{"cursor": {ledger.NextCursor}}.Encode()
	}
	if cursor != "" {
		s.Newest = skuPath(row.SKU)
	}
	return view{Title: row.SKU, Section: "Stock", Body: s, Live: skuPath(row.SKU)}, nil
}

func adjustFormOf(r *http.Request) adjustForm {
	f := adjustForm{ID: r.PostFormValue("adjustment_id"), Delta: r.PostFormValue("delta"), Reason: r.PostFormValue("reason")}
	if f.Open = f.ID != ""; !f.Open {
		f.ID = once(r)
	}
	return f
}

func (p *Pages) adjust(r *http.Request, v viewer) (next, saying string, err error) {
	f, sku := adjustFormOf(r), r.PathValue("sku")
	delta, err := whole("Units", strings.TrimPrefix(strings.ReplaceAll(f.Delta, "−", "-"), "+"))
	if err != nil {
		return "", "", err
	}
	_, err = v.Client.Adjust(r.Context(), sku, client.Adjustment{AdjustmentID: f.ID, Delta: delta, Reason: strings.TrimSpace(f.Reason)})
	return skuPath(sku), "adjusted", err
}
