package crash_test

import (
	"fmt"
	"net/http"

	"holdfast/api/client"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
)

// The SKUs on sale. Of the one that is counted no order has any.
const (
	plenty  = "A123"
	second  = "B456"
	none    = "C789"
	counted = "D000"

	inStock   = 100
	price     = 1999
	countedTo = 50
	broken    = 3
)

// purchase is an order that a script places, and how it ends.
type purchase struct {
	id      string
	lines   []client.Line
	method  string
	expired bool // placed so long ago that its hold is over

	end    order.Status // if its client asks for no more
	reason string
	then   string       // the path of what the client asks for next, after the order's; empty: nothing
	with   any          // the body of that request
	after  order.Status // the end once that was accepted
}

func (p purchase) body() client.PlaceOrder {
	return client.PlaceOrder{UserID: "test_user", Items: p.lines, OrderID: &p.id, PaymentMethod: p.method}
}

// charge is what is charged at an end, in minor units.
func (p purchase) charge(end order.Status) (amount int64) {
	if end != order.Completed {
		return 0
	}
	for _, l := range p.lines {
		amount += l.Qty * price
	}
	return amount
}

var oneUnit = []client.Line{{SKU: plenty, Qty: 1}}

func good(id string) purchase {
	return purchase{id: id, lines: oneUnit, method: simulated.Approve, end: order.Completed}
}

func cancelled(id string) purchase {
	p := good(id)
	p.then, p.after = "cancel", order.Cancelled
	return p
}

func refunded(id string, restock bool) purchase {
	p := good(id)
	p.then, p.with, p.after = "refund", client.Refund{Restock: restock}, order.Refunded
	return p
}

// script is some orders in a row, each brought to its end before the next.
type script struct {
	name      string
	purchases []purchase
	play      func(c *customer, p []purchase)
}

// scripts are the ways that an order can go, each as near to the same every time
// as goroutines let it be.
var scripts = []script{
	{"sold", []purchase{
		good("one-line"),
		{id: "two-lines", lines: []client.Line{{SKU: plenty, Qty: 2}, {SKU: second, Qty: 3}}, method: simulated.Approve, end: order.Completed},
	}, (*customer).buyAll},
	{"refused", []purchase{
		{id: "no-stock", lines: []client.Line{{SKU: plenty, Qty: 1}, {SKU: none, Qty: 1}}, method: simulated.Approve, end: order.FailedNoStock, reason: "out_of_stock"},
		{id: "declined", lines: oneUnit, method: simulated.Decline, end: order.PaymentFailed, reason: order.CardDeclined},
	}, (*customer).buyAll},
	{"answer lost", []purchase{
		{id: "unknown", lines: oneUnit, method: simulated.Timeout, end: order.Completed},
	}, (*customer).buyAll},
	{"cancelled before the charge", []purchase{cancelled("early")}, (*customer).cancelEarly},
	{"cancelled after the charge", []purchase{cancelled("late")}, (*customer).cancelLate},
	{"refunded", []purchase{refunded("kept", false), refunded("restocked", true)}, (*customer).refundAll},
	{"expired", []purchase{
		{id: "expired", lines: oneUnit, method: simulated.Down, expired: true, end: order.Cancelled, reason: order.HoldExpired},
	}, (*customer).letExpire},
	{"counted", nil, (*customer).count},
}

// customer plays a script, and notes what it is told.
type customer struct {
	*shop
	mail  *mail
	cards *cards
	note  func(word)
}

// word is one thing that a client asks for and is told. Without a status, it has
// been asked for and not answered yet.
type word struct {
	What   string
	Status int
	Body   string
}

// request asks for something, which must be granted.
func (c *customer) request(what, method, path string, body any) {
	c.note(word{What: what})
	answer := c.ask(method, path, body)
	if answer.Code >= http.StatusMultipleChoices {
		panic(fmt.Sprintf("%s: %d %s", what, answer.Code, answer.Body))
	}
	c.note(word{what, answer.Code, answer.Body.String()})
}

func (c *customer) buy(p purchase) {
	defer c.clockFor(p)()
	c.request(p.placing(), http.MethodPost, "/orders", p.body())
}

// clockFor sets the API's clock for placing the order, until restore is called.
func (s *shop) clockFor(p purchase) (restore func()) {
	if p.expired {
		s.ago.Store(int64(terms.Hold))
	}
	return func() { s.ago.Store(0) }
}

func (p purchase) placing() string { return "place " + p.id }

func (p purchase) asking() string { return p.then + " " + p.id }

// askMore asks for what the purchase asks for next.
func (c *customer) askMore(p purchase) {
	c.request(p.asking(), http.MethodPost, "/orders/"+p.id+"/"+p.then, p.with)
}

// wait returns when the order has ended.
func (c *customer) wait(p purchase) { c.ask(http.MethodGet, "/orders/"+p.id+"?wait=30s", nil) }

func (c *customer) buyAll(all []purchase) {
	for _, p := range all {
		c.buy(p)
		c.wait(p)
	}
}

// cancelEarly cancels before inventory has heard of the order, which it does only
// when all is over.
func (c *customer) cancelEarly(all []purchase) {
	p := all[0]
	placed := c.mail.holdBack(p.id, event.OrderPlaced)
	c.buy(p)
	c.askMore(p)
	c.wait(p)
	placed.release()
}

// cancelLate cancels when the order is paid for and its stock sold; the order
// hears of that only when all is over.
func (c *customer) cancelLate(all []purchase) {
	p := all[0]
	settled := c.mail.holdBack(p.id, event.StockSettled)
	c.buy(p)
	<-settled.sent
	c.askMore(p)
	c.wait(p)
	settled.release()
}

func (c *customer) refundAll(all []purchase) {
	for _, p := range all {
		c.buy(p)
		c.wait(p)
		c.askMore(p)
		c.wait(p)
	}
}

// letExpire has the hold's end found while the gateway does not answer.
func (c *customer) letExpire(all []purchase) {
	p := all[0]
	over := c.mail.holdBack(p.id, event.CancelRequestedExpired)
	c.buy(p)
	<-c.cards.asked
	<-over.sent
	over.release()
	c.wait(p)
}

const (
	countPath  = "/inventory/" + counted
	adjustPath = countPath + "/adjustments"
	counting   = "count " + counted
	adjusting  = "adjust " + counted
)

var breakage = client.Adjustment{AdjustmentID: "breakage", Delta: -broken, Reason: "damaged"}

func (c *customer) count([]purchase) {
	onHand := int64(countedTo)
	c.request(counting, http.MethodPut, countPath, client.StockCount{OnHand: &onHand})
	c.request(adjusting, http.MethodPost, adjustPath, breakage)
}
