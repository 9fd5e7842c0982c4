package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/keys"
	"holdfast/payment"
	"holdfast/recorder"
)

// underway brings an order as far as its payment, of which the gateway's answer is
// unknown: each service in the process given.
func underway(t *testing.T, orders, stock, payments *server, id string) event.Ref {
	t.Helper()
	orders.place(id)
	o, err := orders.engine.Orders.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	stock.stock("A123", 100)
	placed := event.New(event.OrderPlaced, o.Ref, epoch)
	placed.Lines = o.Lines
	if _, err := stock.inventory.Handle(t.Context(), epoch.Truncate(time.Millisecond), []event.Event{placed}); err != nil {
		t.Fatal(err)
	}
	payments.charge(o.Ref)
	stock.recorder.Note(o.Ref, recorder.Entry{Service: event.Inventory, Kind: recorder.Received, Event: event.OrderPlaced, Count: 1})
	payments.recorder.Note(o.Ref, recorder.Entry{Service: event.Payment, Kind: recorder.Received, Event: event.StockReserved, Count: 1})
	payments.recorder.Note(o.Ref, recorder.Entry{
		Service: event.Payment, Kind: recorder.Called, Op: event.Capture, Outcome: recorder.Unknown, Detail: "no answer in time", Took: 12500 * time.Microsecond,
	})
	orders.recorder.Note(o.Ref, recorder.Entry{Service: event.Order, Kind: recorder.Received, Event: event.PaymentPending, Count: 1})
	return o.Ref
}

// charge has the payment service write down that an order is to be charged.
func (s *server) charge(ref event.Ref) {
	s.t.Helper()
	price := event.Money{Amount: 1999, Currency: "USD"}
	_, err := s.engine.Payments.Apply(s.t.Context(), []payment.Change{{
		Ref: ref, From: []payment.State{payment.None}, To: payment.Charging, At: epoch, Amount: price, Method: "sim_secret",
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestATimelineIsTheSameThroughTheDoor(t *testing.T) {
	for _, id := range []string{"order-1", ".."} {
		whole, apart := start(t), startApart(t)
		underway(t, whole, whole, whole, id)
		underway(t, apart.door, apart.inventory, apart.payment, id)
		target := "/orders/" + id + "/timeline"
		want, got := whole.get(target), apart.door.get(target, apart.door.key("ops", keys.Ops))
		if want.want(t, 200); got.body != want.body {
			t.Errorf("%s, want %s", got.body, want.body)
		}
		checkTimeline(t, id, want)
	}
}

func checkTimeline(t *testing.T, id string, a answer) {
	t.Helper()
	got := read[client.Timeline](t, a)
	if got.Order.OrderID != id || got.Number < 1 || got.HoldUntil.Sub(got.Order.CreatedAt) != 15*time.Minute || got.DueAt == nil || len(got.Unanswered) != 0 {
		t.Errorf("%s", a.body)
	}
	if r := got.Reservation; r == nil || r.State != "HELD" || r.HeldAt == nil || len(r.Items) != 1 || r.Items[0].UnitPrice.Amount != 1999 {
		t.Errorf("%s", a.body)
	}
	if p := got.Payment; p == nil || p.State != "CHARGING" || p.Amount.Amount != 1999 || strings.Contains(a.body, "sim_secret") {
		t.Errorf("%s", a.body)
	}
	var told []string
	for _, r := range got.Remembered {
		told = append(told, r.Service+" "+r.Kind+" "+r.Event+r.Op)
	}
	if want := []string{"inventory received OrderPlaced", "payment received StockReserved", "payment called capture", "order received PaymentPending"}; !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
	if c := got.Remembered[2]; c.Outcome != "unknown" || c.Detail != "no answer in time" || c.TookMS != 12.5 || c.Next != nil {
		t.Errorf("%+v", c)
	}
}

// Other processes tell the time to the millisecond, in which an order may come all its
// way.
func TestWhatHappenedInOneMillisecondIsToldInItsOrder(t *testing.T) {
	p := startApart(t)
	p.door.place("b")
	ref := p.door.stored()[0].Ref
	for _, note := range []struct {
		s *server
		recorder.Entry
	}{
		{p.door, recorder.Entry{Service: event.Order, Kind: recorder.Received, Event: event.StockSettled}},
		{p.inventory, recorder.Entry{Service: event.Inventory, Kind: recorder.Received, Event: event.PaymentCaptured}},
		{p.payment, recorder.Entry{Service: event.Payment, Kind: recorder.Called, Op: event.Capture, Outcome: "captured"}},
		{p.payment, recorder.Entry{Service: event.Payment, Kind: recorder.Received, Event: event.StockReserved}},
		{p.inventory, recorder.Entry{Service: event.Inventory, Kind: recorder.Received, Event: event.OrderPlaced}},
		{p.door, recorder.Entry{Service: event.Order, Kind: recorder.Swept}},
	} {
		note.s.recorder.Note(ref, note.Entry)
	}
	var told []string
	for _, r := range read[client.Timeline](t, p.door.get("/orders/b/timeline")).Remembered {
		told = append(told, r.Kind+" "+r.Event)
	}
	want := []string{"swept ", "received OrderPlaced", "received StockReserved", "called ", "received PaymentCaptured", "received StockSettled"}
	if !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}

func TestATimelineOfWhatHasNotBegun(t *testing.T) {
	s := start(t)
	s.place("a")
	if a := s.get("/orders/a/timeline"); !strings.Contains(a.body, `"sweeps":0,"remembered":[],"unanswered":[]}`) {
		t.Errorf("%s", a.body)
	}
	s.complete("a")
	if got := read[client.Timeline](t, s.get("/orders/a/timeline")); got.DueAt != nil || got.Order.Status != "COMPLETED" {
		t.Errorf("%+v", got)
	}
	s.get("/orders/b/timeline").problem(t, 404)
	s.get("/orders/a%20b/timeline").problem(t, 404)
}

// brokenStock cannot be read now.
type brokenStock struct{ inventory.Store }

func (brokenStock) Get(context.Context, []event.Ref) ([]inventory.Reservation, error) {
	return nil, event.Errorf(event.Unavailable, "inventory.db is gone")
}

func TestATimelineWithoutOneService(t *testing.T) {
	here := start(t)
	underway(t, here, here, here, "a")
	here.inventory.Store = brokenStock{here.inventory.Store}
	there := startApart(t)
	underway(t, there.door, there.inventory, there.payment, "a")
	there.inventory.inventory.Store = brokenStock{there.inventory.inventory.Store}
	gone := start(t, func(c *api.Config) {
		c.Inventory, c.Elsewhere = nil, map[event.Service]*url.URL{event.Inventory: parse(t, "http://127.0.0.1:1")}
	})
	ref := underway(t, gone, here, gone, "a")
	if ref.Number != 1 {
		t.Fatal(ref)
	}
	for name, s := range map[string]*server{"here": here, "there": there.door, "gone": gone} {
		a := s.get("/orders/a/timeline")
		got := read[client.Timeline](t, a)
		if a.status != 200 || !slices.Equal(got.Unanswered, []string{"inventory"}) || got.Reservation != nil || got.Payment == nil || len(got.Remembered) != 3 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if n := strings.Count(s.log.String(), "level=WARN"); n != 1 {
			t.Errorf("%s: %d warnings: %s", name, n, s.log)
		}
	}
}

// What something else answers is no record.
func TestATimelineOfSomethingElse(t *testing.T) {
	for _, body := range []string{"<html>", `{}`, `{"service": "order", "remembered": []}`, strings.Repeat(" ", 5<<20) + `{"service": "payment"}`} {
		at := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) }))
		s := start(t, func(c *api.Config) { c.Elsewhere = map[event.Service]*url.URL{event.Payment: at} })
		s.place("a")
		if got := read[client.Timeline](t, s.get("/orders/a/timeline")); !slices.Equal(got.Unanswered, []string{"payment"}) {
			t.Errorf("%.40q: %+v", body, got)
		}
	}
}

func TestRecords(t *testing.T) {
	s := start(t)
	ref := underway(t, s, s, s, "a")
	for service, remembers := range map[string]int{"order": 1, "inventory": 1, "payment": 2} {
		a := s.get(fmt.Sprintf("/records/%s/a?number=%d", service, ref.Number))
		a.want(t, 200)
		got := read[client.Record](t, a)
		if got.Service != service || len(got.Remembered) != remembers || (got.Reservation != nil) != (service == "inventory") || (got.Payment != nil) != (service == "payment") {
			t.Errorf("%s", a.body)
		}
	}
	s.get("/records/stock/a?number=1").problem(t, 404)
	s.get("/records/order/b?number=1").problem(t, 404)
	s.get("/records/order/a%20b?number=1").problem(t, 404)
	for _, query := range []string{"", "?number=", "?number=0", "?number=-1", "?number=x", "?number=1&number=1", "?number=99999999999999999999"} {
		s.get("/records/inventory/a"+query).problem(t, 422)
	}
	s.place("b")
	if a := s.get("/records/inventory/b?number=2"); a.body != `{"service":"inventory","remembered":[]}`+"\n" {
		t.Errorf("an order without a reservation: %d %s", a.status, a.body)
	}
}

// numbered are stores that keep everything under an order's number, and find that it
// is another order's.
type (
	numberedStock    struct{ inventory.Store }
	numberedPayments struct{ payment.Store }
)

var errAnothers = event.Errorf(event.Conflict, "it has order another-order under the number")

func (numberedStock) Get(context.Context, []event.Ref) ([]inventory.Reservation, error) {
	return nil, errAnothers
}

func (numberedPayments) Get(context.Context, []event.Ref) ([]payment.Payment, error) {
	return nil, errAnothers
}

func TestNoRecordIsShownUnderAnotherOrdersNumber(t *testing.T) {
	byID := start(t)
	underway(t, byID, byID, byID, "a")
	byID.place("b")
	byNumber := start(t, func(c *api.Config) { c.Payments = numberedPayments{c.Payments} })
	underway(t, byNumber, byNumber, byNumber, "a")
	byNumber.inventory.Store = numberedStock{byNumber.inventory.Store}
	for _, s := range []*server{byID, byNumber} {
		for _, service := range []string{"order", "inventory", "payment"} {
			a := s.get("/records/" + service + "/a?number=2")
			if p := a.problem(t, 404); strings.Contains(a.body, "another-order") || !strings.Contains(p.Detail, `order "a" has not the number 2`) {
				t.Errorf("%s: %s", service, a.body)
			}
		}
	}
	// The folder's files are not of one backup: nothing of the other order is shown.
	a := byNumber.get("/orders/a/timeline")
	if got := read[client.Timeline](t, a); !slices.Equal(got.Unanswered, []string{"inventory", "payment"}) || strings.Contains(a.body, "another-order") {
		t.Errorf("%s", a.body)
	}
	if !strings.Contains(byNumber.log.String(), "another-order") {
		t.Errorf("log %s", byNumber.log)
	}
}

// A service asks no other for a record, and a process that is not a door forwards to
// none.
func TestAServiceTellsOfItsOwnRecords(t *testing.T) {
	p := startApart(t)
	underway(t, p.door, p.inventory, p.payment, "a")
	p.inventory.get("/records/inventory/a?number=1").want(t, 200)
	for _, service := range []string{"order", "payment", "stock"} {
		if d := p.inventory.get("/records/"+service+"/a?number=1").problem(t, 404).Detail; !strings.Contains(d, "the order service's address") {
			t.Errorf("%s: %s", service, d)
		}
	}
	for _, target := range []string{"/overview", "/orders/a/timeline"} {
		p.payment.get(target).problem(t, 404)
	}
}
