package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	wire "holdfast/api/client"
	"holdfast/event"
	"holdfast/order"
)

func (a *API) registerOrders() {
	tags := []string{"orders"}
	accepted := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[wire.Accepted](), true, "")
	register(a, huma.Operation{
		OperationID: "place-order", Method: http.MethodPost, Path: "/orders", Tags: tags, DefaultStatus: http.StatusAccepted,
		Summary:     "Place an order",
		Description: "Once this is answered with 202 the order is on disk and will reach an end. The same request again gets the same answer.",
		Responses: map[string]*huma.Response{"202": {
			Description: "The order is accepted, now or when this request came first.",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: accepted}},
			Links:       linksTo("get-order", "cancel-order", "refund-order"),
		}},
		Errors:      []int{http.StatusConflict},
		Middlewares: huma.Middlewares{a.admit},
	}, a.placeOrder)
	register(a, huma.Operation{
		OperationID: "get-order", Method: http.MethodGet, Path: "/orders/{id}", Tags: tags,
		Summary:     "Get an order",
		Description: "With wait, answers when the order has ended or the wait is over. A caller sees its own orders; with the scope ops, everybody's.",
		Errors:      []int{http.StatusNotFound},
	}, a.getOrder)
	register(a, huma.Operation{
		OperationID: "list-orders", Method: http.MethodGet, Path: "/orders", Tags: tags,
		Summary:     "List orders",
		Description: "Newest first. Every order that existed at the first page comes exactly once. A caller sees its own orders; with the scope ops, everybody's.",
	}, a.listOrders)
	register(a, huma.Operation{
		OperationID: "cancel-order", Method: http.MethodPost, Path: "/orders/{id}/cancel", Tags: tags, DefaultStatus: http.StatusAccepted,
		Summary:     "Cancel an order",
		Description: "Takes back an order that has not ended; it will end CANCELLED with nothing charged. May be repeated.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, a.cancelOrder)
	register(a, huma.Operation{
		OperationID: "refund-order", Method: http.MethodPost, Path: "/orders/{id}/refund", Tags: tags, DefaultStatus: http.StatusAccepted,
		Summary:     "Refund an order",
		Description: "Gives all of a completed order's money back. May be repeated with the same restock.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, a.refundOrder)
}

// linksTo are the operations on the order that an answer names by its order_id.
func linksTo(operations ...string) map[string]*huma.Link {
	links := make(map[string]*huma.Link, len(operations))
	for _, id := range operations {
		links[id] = &huma.Link{OperationID: id, Parameters: map[string]any{"id": "$response.body#/order_id"}}
	}
	return links
}

// IdempotencyKey is embedded in the input of an operation that takes the header.
type IdempotencyKey struct {
	Key string `header:"Idempotency-Key" doc:"1 to 255 printable ASCII characters that name this request, as checkout-42, bare or in double quotes, which do not count. Requests with the same key are the same request."`
}

// Resolve reads the header again, since huma sees only the first of several. It
// is called by huma for each request.
func (k *IdempotencyKey) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	const place = "header.Idempotency-Key"
	for i, value := range r.Header["Idempotency-Key"] {
		key := unquote(value)
		switch {
		case i > 0 && key != k.Key:
			return []error{invalid(place, "must be given once", nil)}
		case !validKey(key):
			return []error{invalid(place, fmt.Sprintf("must be 1 to %d printable ASCII characters", order.MaxKey), nil)}
		}
		k.Key = key
	}
	return nil
}

func unquote(key string) string {
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		return key[1 : n-1]
	}
	return key
}

func validKey(key string) bool {
	return len(key) >= 1 && len(key) <= order.MaxKey &&
		!strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
}

type placeInput struct {
	IdempotencyKey
	JSON[wire.PlaceOrder]
}

type placeOutput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Location    string `header:"Location" doc:"Path of the order." example:"/orders/order-1001"`
	Replayed    string `header:"Idempotent-Replayed" enum:"true" doc:"Present when this request had been accepted before."`
	Body        []byte
}

func (a *API) placeOrder(ctx context.Context, in *placeInput) (*placeOutput, error) {
	request, err := a.request(ctx, in)
	if err != nil {
		return nil, err
	}
	placed, err := a.accept(ctx, request)
	if err != nil {
		return nil, err
	}
	body, err := render(placed.Order)
	if err != nil {
		return nil, err
	}
	out := &placeOutput{ContentType: "application/json", Location: "/orders/" + placed.Order.OrderID, Body: body}
	if placed.New {
		a.send(ctx, placed.Send)
	} else {
		out.Replayed = "true"
	}
	return out, nil
}

// admit refuses orders while there is more to do than can be, before it costs
// anything to read them.
func (a *API) admit(ctx huma.Context, next func(huma.Context)) {
	if err := a.busy(); err != nil {
		r, w := humago.Unwrap(ctx)
		a.refuse(r.Context(), ctx.Operation().OperationID, err).write(w)
		return
	}
	next(ctx)
}

// busy is overloaded, or nil where one more order can be taken.
func (a *API) busy() error {
	switch {
	case len(a.intake) == cap(a.intake):
		return a.tooMany()
	case a.config.Backlog != nil && a.config.Backlog() >= maxBacklog:
		return event.Errorf(overloaded, "%d messages or more are waiting to be handled; try again", maxBacklog)
	}
	return nil
}

func (a *API) tooMany() error {
	return event.Errorf(overloaded, "%d orders are waiting to be written; try again", cap(a.intake))
}

// accept has the order stored. Here, where a request waits for the disk, the
// intake is bounded, and nowhere else.
func (a *API) accept(ctx context.Context, request order.Request) (order.Placed, error) {
	select {
	case a.intake <- struct{}{}:
		defer func() { <-a.intake }()
	default:
		return order.Placed{}, a.tooMany()
	}
	placed, err := a.config.Orders.Place(ctx, a.now(), []order.Request{request})
	if err != nil {
		return order.Placed{}, err
	}
	return placed[0], placed[0].Err
}

func (a *API) request(ctx context.Context, in *placeInput) (order.Request, error) {
	body := in.Value
	r := order.Request{
		Caller: callerOf(ctx).Name, UserID: body.UserID, Key: in.Key,
		PaymentMethod: body.PaymentMethod, Lines: make([]event.Line, len(body.Items)),
	}
	for i, l := range body.Items {
		r.Lines[i] = event.Line{SKU: l.SKU, Qty: l.Qty}
	}
	switch {
	case body.OrderID != nil && *body.OrderID == "":
		// The service takes it for none, and a client that meant to name its order would get two.
		return r, invalid("body.order_id", "must match "+event.NamePattern, "")
	case body.OrderID != nil:
		r.OrderID = *body.OrderID
	case r.Key == "":
		r.NewID = a.config.NewID()
	}
	return r, nil
}

// sendTime is how long a client waits for its event to be sent: the order is
// stored, and the sweeper sends again.
const sendTime = 2 * time.Second

// send puts an event on its queue, also when the client has left by now.
func (a *API) send(ctx context.Context, e event.Event) {
	if e.Type == "" {
		return
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	if err := a.config.Send(bounded, []event.Event{e}); err != nil {
		a.config.Log.WarnContext(ctx, "event not sent; the sweeper will", "event", e.Type, "order_id", e.OrderID, "error", err)
	}
}

type orderOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"The order's version." example:"\"3\""`
	Body   wire.Order
}

func newOrderOutput(status int, o order.Order) *orderOutput {
	return &orderOutput{Status: status, ETag: etag(o.Version()), Body: wireOrder(o)}
}

type getOrderInput struct {
	ID          string `path:"id" example:"order-1001" doc:"The order's id."`
	Wait        string `query:"wait" example:"10s" doc:"How long to wait for the order to end, as a Go duration (10s, 1500ms) of at most 60s."`
	IfNoneMatch string `header:"If-None-Match" doc:"Answer 304 if the order has this ETag."`
}

func (a *API) getOrder(ctx context.Context, in *getOrderInput) (*orderOutput, error) {
	wait, err := parseWait(in.Wait)
	if err != nil {
		return nil, err
	}
	o, err := a.await(ctx, in.ID, wait)
	if err != nil {
		return nil, err
	}
	out := newOrderOutput(http.StatusOK, o)
	if matchesWeak(in.IfNoneMatch, out.ETag) {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

func parseWait(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 || wait > maxWait {
		return 0, invalid("query.wait", "must be a duration from 0s to 60s, as 10s", text)
	}
	return wait, nil
}

// find returns the order with this id, or NotFound if there is none that the
// caller may see.
func (a *API) find(ctx context.Context, id string) (order.Order, error) {
	if !event.ValidName(id) {
		return order.Order{}, event.Errorf(event.NotFound, "no order can have this id; ids match %s", event.NamePattern)
	}
	o, err := a.config.Orders.Store.Get(ctx, id)
	if seen := view(ctx); err == nil && seen != "" && seen != o.Caller {
		return order.Order{}, event.Errorf(event.NotFound, "no order %q", id)
	}
	return o, err
}

type listOrdersInput struct {
	UserID string `query:"user_id" maxLength:"128" doc:"Only orders of this user."`
	Status string `query:"status" enum:"PENDING,RESERVED,COMPLETED,FAILED_NO_STOCK,PAYMENT_FAILED,CANCELLING,CANCELLED,REFUNDING,REFUNDED" doc:"Only orders in this status."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many orders to a page."`
	Cursor string `query:"cursor" doc:"next_cursor of the page before; without it, the first page. The filters must be the same."`
}

type listOrdersOutput struct{ Body wire.OrderPage }

func (a *API) listOrders(ctx context.Context, in *listOrdersInput) (*listOrdersOutput, error) {
	seen := view(ctx)
	filters := []string{"orders", seen, in.UserID, in.Status}
	cursor, err := openCursor(in.Cursor, filters...)
	if err != nil {
		return nil, err
	}
	page, err := a.config.Orders.Store.List(ctx, order.Query{
		Caller: seen, UserID: in.UserID, Status: order.Status(in.Status), Cursor: cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := &listOrdersOutput{wire.OrderPage{Orders: make([]wire.Order, len(page.Orders)), NextCursor: sealCursor(page.Next, filters...)}}
	for i, o := range page.Orders {
		out.Body.Orders[i] = wireOrder(o)
	}
	return out, nil
}

type cancelInput struct {
	ID string `path:"id" example:"order-1002" doc:"The order's id."`
	OptionalJSON[struct{}]
}

func (a *API) cancelOrder(ctx context.Context, in *cancelInput) (*orderOutput, error) {
	return a.ask(ctx, in.ID, a.config.Orders.Cancel)
}

type refundInput struct {
	ID string `path:"id" example:"order-1001" doc:"The order's id."`
	OptionalJSON[wire.Refund]
}

func (a *API) refundOrder(ctx context.Context, in *refundInput) (*orderOutput, error) {
	return a.ask(ctx, in.ID, func(ctx context.Context, now time.Time, id string) (order.Order, event.Event, error) {
		return a.config.Orders.Refund(ctx, now, id, in.Value.Restock)
	})
}

// ask makes a request of the caller's order and sends what follows of it.
func (a *API) ask(ctx context.Context, id string, request func(context.Context, time.Time, string) (order.Order, event.Event, error)) (*orderOutput, error) {
	if _, err := a.find(ctx, id); err != nil {
		return nil, err
	}
	o, e, err := request(ctx, a.now(), id)
	if err != nil {
		return nil, err
	}
	a.send(ctx, e)
	return newOrderOutput(http.StatusAccepted, o), nil
}
