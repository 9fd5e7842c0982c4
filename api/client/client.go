// Package client is a small client of Holdfast's HTTP API, and the home of the
// JSON types that the API speaks. It imports nothing but the standard library.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds how much of an answer is read, in bytes.
const maxAnswer = 16 << 20

// Client calls the API of one server. Its methods may be called concurrently;
// they fail with a *Problem when the server refuses.
type Client struct {
	base string
	http *http.Client
	key  string // the secret of an API key; may be empty
}

// New returns a client of the server at baseURL, as "http://127.0.0.1:8000".
// A nil httpClient means http.DefaultClient.
func New(baseURL string, httpClient *http.Client) *Client {
	if httpClient == nil {
		httpClient = http.DefaultClient
	}
	return &Client{base: strings.TrimRight(baseURL, "/"), http: httpClient}
}

// WithKey returns a client that is c but sends this secret of an API key; an
// empty one sends none.
func (c *Client) WithKey(secret string) *Client {
	with := *c
	with.key = secret
	return &with
}

// Place places an order. With a key or an OrderID the same call may be repeated
// and places one order; an empty key sends none.
func (c *Client) Place(ctx context.Context, o PlaceOrder, key string) (Accepted, error) {
	header := http.Header{}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	var accepted Accepted
	answer, err := c.call(ctx, http.MethodPost, "/orders", header, o, &accepted)
	accepted.Replayed = answer.Get("Idempotent-Replayed") == "true"
	return accepted, err
}

// Order returns the order with this id. With wait above 0 (at most a minute)
// it answers when the order has ended or the wait is over.
func (c *Client) Order(ctx context.Context, id string, wait time.Duration) (Order, error) {
	query := url.Values{}
	if wait > 0 {
		query.Set("wait", wait.String())
	}
	var o Order
	_, err := c.call(ctx, http.MethodGet, "/orders/"+url.PathEscape(id)+encode(query), nil, nil, &o)
	return o, err
}

// OrderFilter selects orders. Empty fields select all.
type OrderFilter struct {
	UserID string
	Status string
	Limit  int // orders a page, 1 to 200; 0: the server's default
}

// Orders returns a page of orders, newest first. An empty cursor asks for the
// first page; each page names the next.
func (c *Client) Orders(ctx context.Context, f OrderFilter, cursor string) (OrderPage, error) {
	query := paging(f.Limit, cursor)
	set(query, "user_id", f.UserID)
	set(query, "status", f.Status)
	var page OrderPage
	_, err := c.call(ctx, http.MethodGet, "/orders"+encode(query), nil, nil, &page)
	return page, err
}

// AllOrders goes through the selected orders, newest first, page by page. It
// ends after the first error.
func (c *Client) AllOrders(ctx context.Context, f OrderFilter) iter.Seq2[Order, error] {
	return all(func(cursor string) ([]Order, string, error) {
		page, err := c.Orders(ctx, f, cursor)
		return page.Orders, page.NextCursor, err
	})
}

// Cancel takes an order back. It may be repeated.
func (c *Client) Cancel(ctx context.Context, id string) (Order, error) {
	var o Order
	_, err := c.call(ctx, http.MethodPost, "/orders/"+url.PathEscape(id)+"/cancel", nil, nil, &o)
	return o, err
}

// Refund gives the money for a completed order back, and with restock puts its
// units on sale again. It may be repeated with the same restock.
func (c *Client) Refund(ctx context.Context, id string, restock bool) (Order, error) {
	var o Order
	_, err := c.call(ctx, http.MethodPost, "/orders/"+url.PathEscape(id)+"/refund", nil, Refund{Restock: restock}, &o)
	return o, err
}

// Stock returns what there is of a SKU.
func (c *Client) Stock(ctx context.Context, sku string) (Stock, error) {
	var s Stock
	answer, err := c.call(ctx, http.MethodGet, "/inventory/"+url.PathEscape(sku), nil, nil, &s)
	s.ETag = answer.Get("ETag")
	return s, err
}

// Stocks goes through all stock in ascending order of SKU, page by page. It
// ends after the first error.
func (c *Client) Stocks(ctx context.Context) iter.Seq2[Stock, error] {
	return all(func(cursor string) ([]Stock, string, error) {
		var page StockPage
		_, err := c.call(ctx, http.MethodGet, "/inventory"+encode(paging(0, cursor)), nil, nil, &page)
		return page.Inventory, page.NextCursor, err
	})
}

// SetStock creates a SKU or counts it afresh.
func (c *Client) SetStock(ctx context.Context, sku string, count StockCount) (Stock, error) {
	header := http.Header{}
	if count.IfMatch != "" {
		header.Set("If-Match", count.IfMatch)
	}
	var s Stock
	answer, err := c.call(ctx, http.MethodPut, "/inventory/"+url.PathEscape(sku), header, count, &s)
	s.ETag = answer.Get("ETag")
	return s, err
}

// Adjust moves the stock of a SKU by a delta. It may be repeated: the same
// AdjustmentID is the same adjustment, and gets the same answer.
func (c *Client) Adjust(ctx context.Context, sku string, a Adjustment) (Adjusted, error) {
	var adjusted Adjusted
	_, err := c.call(ctx, http.MethodPost, "/inventory/"+url.PathEscape(sku)+"/adjustments", nil, a, &adjusted)
	return adjusted, err
}

// all turns pages into one sequence.
func all[T any](page func(cursor string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor, more := "", true; more; more = cursor != "" {
			items, next, err := page(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			cursor = next
		}
	}
}

// call makes one request, with body as JSON unless it is nil, and reads the
// answer into the value given, nil if it has none. It returns the answer's header.
func (c *Client) call(ctx context.Context, method, path string, header http.Header, body, into any) (http.Header, error) {
	request, err := c.request(ctx, method, path, header, body)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	if answer.StatusCode >= 300 {
		return answer.Header, problemOf(answer, text)
	}
	if into == nil {
		return answer.Header, nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return nil, fmt.Errorf("the answer to %s %s is not what this client expects: %w", method, path, err)
	}
	return answer.Header, nil
}

func (c *Client) request(ctx context.Context, method, path string, header http.Header, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	return request, nil
}

// problemOf reads the problem in an answer. What stands between may have
// answered in its own words; then the problem is the status alone.
func problemOf(answer *http.Response, text []byte) *Problem {
	var p Problem
	if err := json.Unmarshal(text, &p); err != nil || p.Status == 0 {
		return &Problem{Type: "about:blank", Title: http.StatusText(answer.StatusCode), Status: answer.StatusCode}
	}
	return &p
}

func paging(limit int, cursor string) url.Values {
	query := url.Values{}
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	set(query, "cursor", cursor)
	return query
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

func encode(query url.Values) string {
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}
