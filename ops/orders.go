package ops

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/api/client"
)

// pageSize is how many rows a list shows.
const pageSize = 50

// orders is the list of orders.
type orders struct {
	Now      time.Time
	Query    string // an id or a user, as typed
	Status   string
	Statuses []struct{ Status, Words, tone string }
	Exact    *client.Order // the order whose id was typed
	Orders   []client.Order
	Older    string // the page after; empty on the last
	Newest   string // the first page; empty on it
	Place    placeForm
}

// placeForm is the form that places an order, as it was filled in.
type placeForm struct {
	// Key is the idempotency key that the form is sent with: sent twice, it makes one order.
	Key, User, SKU, Qty, Method string
	Open                        bool
}

func (p *Pages) orders(r *http.Request, v viewer) (view, error) {
	q := r.URL.Query()
	o := orders{
		Now: p.config.Now(), Query: strings.TrimSpace(q.Get("q")), Status: q.Get("status"), Statuses: statuses[:], Place: placeFormOf(r),
	}
	cursor := q.Get("cursor")
	if o.Query != "" && cursor == "" {
		found, err := v.Client.Order(r.Context(), o.Query, 0)
		if err == nil {
			o.Exact = &found
		} else if !notFound(err) {
			return view{}, err
		}
	}
	page, err := v.Client.Orders(r.Context(), client.OrderFilter{UserID: o.Query, Status: o.Status, Limit: pageSize}, cursor)
	if err != nil {
		return view{}, err
	}
	o.Orders = page.Orders
	if o.Exact != nil && slices.ContainsFunc(o.Orders, func(listed client.Order) bool { return listed.OrderID == o.Exact.OrderID }) {
		o.Exact = nil // its user has the same name, so it is shown as one of theirs
	}
	o.Older = o.at(page.NextCursor)
	if cursor != "" {
		o.Newest = o.at("first")
	}
	return view{Title: "Orders", Section: "Orders", Body: o, Live: "/ops/orders"}, nil
}

// at is the address of the list from a cursor on, empty for none.
func (o orders) at(cursor string) string {
	if cursor == "" {
		return ""
	}
	q := url.Values{}
	for name, value := range map[string]string{"q": o.Query, "status": o.Status} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if cursor != "first" {
		q.Set("cursor", cursor)
	}
	return "/ops/orders?" + q.Encode()
}

func placeFormOf(r *http.Request) placeForm {
	f := placeForm{Key: r.PostFormValue("key"), User: r.PostFormValue("user"), SKU: r.PostFormValue("sku"), Qty: r.PostFormValue("qty"), Method: r.PostFormValue("method")}
	f.Open = f.Key != ""
	if !f.Open {
		f.Key, f.Qty = once(r), "1"
	}
	return f
}

// once is a name for what a form will ask for, so that it is done once however often it
// is sent. The stream that keeps a page live leaves the reader's forms alone, so it
// needs none; with another in each frame it would never be still.
func once(r *http.Request) string {
	if r.Context().Value(liveKey{}) != nil {
		return ""
	}
	return rand.Text()
}

func (p *Pages) place(r *http.Request, v viewer) (next, saying string, err error) {
	f := placeFormOf(r)
	qty, err := whole("Quantity", f.Qty)
	if err != nil {
		return "", "", err
	}
	placed, err := v.Client.Place(r.Context(), client.PlaceOrder{
		UserID: f.User, Items: []client.Line{{SKU: strings.TrimSpace(f.SKU), Qty: qty}}, PaymentMethod: strings.TrimSpace(f.Method),
	}, f.Key)
	return orderPath(placed.OrderID), "placed", err
}

func orderPath(id string) string { return "/ops/orders/" + url.PathEscape(id) }

// whole reads a whole number from a form's field. What separates thousands to one
// reader is a decimal point to the next, so neither is taken.
func whole(label, text string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, refused(label, "must be a whole number without commas or points, as 1200")
	}
	return n, nil
}

// refused is an error of what was entered in a field.
func refused(label, message string) error {
	return &client.Problem{
		Title: "What was entered cannot be taken", Status: http.StatusUnprocessableEntity,
		Errors: []client.FieldError{{Location: label, Message: message}},
	}
}
