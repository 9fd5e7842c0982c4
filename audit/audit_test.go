package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// scene returns stores in which each order is in the state that its id names.
func scene(t *testing.T) Stores {
	w := newWorld(t, stocked(t), "", 0)
	w.place("completed", simulated.Approve, "A123")
	w.place("nostock", simulated.Approve, "B456")
	w.place("declined", simulated.Decline, "A123")
	w.place("refunded", simulated.Approve, "A123")
	w.place("restocked", simulated.Approve, "A123")
	w.run(0)
	w.refund("refunded", false)
	w.refund("restocked", true)
	w.run(0)

	w.place("cancelled", simulated.Approve, "A123") // its charge was given back
	w.run(3)
	w.stop()
	w.cancel("cancelled")
	w.run(0)

	w.place("expired", simulated.Approve, "A123") // before anything was held
	w.stop()
	w.sweep(time.Hour)
	w.run(0)

	w.place("captured", simulated.Approve, "A123") // PENDING: inventory has not heard of the capture
	w.run(3)
	w.stop()
	w.place("held", simulated.Approve, "A123") // PENDING: payment has not heard of the hold
	w.run(1)
	w.stop()
	w.place("timeout", simulated.Timeout, "A123") // RESERVED: captured, the answer lost
	w.run(4)
	w.stop()
	w.place("refunding", simulated.Approve, "A123")
	w.run(0)
	w.refund("refunding", true)
	w.stop()
	w.place("cancelling", simulated.Approve, "A123")
	w.run(1)
	w.cancel("cancelling")
	w.stop()
	return stores(w)
}

func TestCleanStoresHaveNoBreach(t *testing.T) {
	r := check(t, scene(t), Options{})
	if r.Found != 0 || len(r.Breaches) != 0 {
		t.Fatalf("%+v", r.Breaches)
	}
	want := map[order.Status]int{
		order.Completed: 1, order.FailedNoStock: 1, order.PaymentFailed: 1, order.Refunded: 2, order.Cancelled: 2,
		order.Pending: 2, order.Reserved: 1, order.Refunding: 1, order.Cancelling: 1,
	}
	if fmt.Sprint(r.ByStatus) != fmt.Sprint(want) || r.Orders != 12 || r.Open != 5 || r.Reserved != 4 {
		t.Errorf("%+v", r)
	}
}

func TestASKUThatMovedIsNotAddedUp(t *testing.T) {
	s := scene(t)
	balanceOf("A123", func(b *inventory.Balance) { b.Available++; b.Moved = true })(&s)
	r := check(t, s, Options{})
	var text strings.Builder
	if err := r.WriteText(&text); err != nil || r.Found != 0 || r.Moved != 1 || !strings.Contains(text.String(), "1 SKUs moved") {
		t.Errorf("%v, %+v\n%s", err, r, text.String())
	}
	balanceOf("A123", func(b *inventory.Balance) { b.Available = -1 })(&s)
	if r := check(t, s, Options{}); r.Found != 1 || r.Breaches[0].Kind != Oversold {
		t.Errorf("a count below zero of a SKU that moved: %+v", r.Breaches)
	}
}

// lost is the ref of no order, behind all orders of the scene.
var lost = event.Ref{OrderID: "lost", Number: 99}

func state(s inventory.State) func(*inventory.Reservation) {
	return func(r *inventory.Reservation) { r.State = s }
}

func paidState(s payment.State) func(*payment.Payment) {
	return func(p *payment.Payment) { p.State = s }
}

func status(s order.Status) func(*order.Order) {
	return func(o *order.Order) { o.Status = s }
}

func noEntries(event.Ref, []simulated.Entry) []simulated.Entry { return nil }

// entry adds an entry of 1999 USD.
func entry(key string, s simulated.State) func(event.Ref, []simulated.Entry) []simulated.Entry {
	return func(ref event.Ref, entries []simulated.Entry) []simulated.Entry {
		return append(entries, simulated.Entry{Key: key, Order: ref, State: s, Amount: event.Money{Amount: 1999, Currency: "USD"}})
	}
}

// worth alters the amount of the i-th entry.
func worth(i int, amount int64) func(event.Ref, []simulated.Entry) []simulated.Entry {
	return func(_ event.Ref, entries []simulated.Entry) []simulated.Entry {
		entries[i].Amount.Amount = amount
		return entries
	}
}

func rekeyed(i int, key string) func(event.Ref, []simulated.Entry) []simulated.Entry {
	return func(_ event.Ref, entries []simulated.Entry) []simulated.Entry {
		entries[i].Key = key
		return entries
	}
}

// breaches are what an audit names; their Detail is not compared.
type breaches []Breach

func of(k Kind, id string) breaches  { return breaches{{Kind: k, OrderID: id}} }
func at(k Kind, sku string) breaches { return breaches{{Kind: k, SKU: sku}} }

// tampered is every way of being wrong that an audit must find, one at a time.
var tampered = []struct {
	name   string
	tamper tamper
	want   breaches
}{
	{"completed, stock still held", reservationOf("completed", state(inventory.Held)), of(StockNotSettled, "completed")},
	{"completed, reservation gone", reservationOf("completed", func(r *inventory.Reservation) { *r = inventory.Reservation{} }), of(StockNotSettled, "completed")},
	{"refunding, stock released", reservationOf("refunding", state(inventory.ReleasedVoided)), of(StockNotSettled, "refunding")},
	{"declined, stock still held", reservationOf("declined", state(inventory.Held)), of(StockNotReleased, "declined")},
	{"cancelled, stock sold", reservationOf("cancelled", state(inventory.Settled)), of(StockNotReleased, "cancelled")},
	{"refused, yet held", reservationOf("nostock", state(inventory.Held)), of(StockNotReleased, "nostock")},
	{"expired, no tombstone", reservationOf("expired", func(r *inventory.Reservation) { *r = inventory.Reservation{} }), of(ReservationDiffers, "expired")},
	{"reserved, yet refused", reservationOf("timeout", state(inventory.Rejected)), of(ReservationDiffers, "timeout")},
	{"other lines held", reservationOf("held", func(r *inventory.Reservation) { r.Lines[0].SKU = "C789" }), of(ReservationDiffers, "held")},
	{"refunded, stock still sold", reservationOf("refunded", state(inventory.Settled)), of(StockNotReturned, "refunded")},
	{"refunded, restock ignored", reservationOf("restocked", func(r *inventory.Reservation) { r.Restocked = false }), of(StockNotReturned, "restocked")},

	{"completed, never captured", entriesOf("completed", noEntries), of(NotCapturedOnce, "completed")},
	{"completed, captured under a second key", entriesOf("completed", entry("again", simulated.Captured)), of(NotCapturedOnce, "completed")},
	{"completed, yet given back", entriesOf("completed", entry("completed/refund", simulated.Refunded)), of(NotCapturedOnce, "completed")},
	{"pending, captured twice", entriesOf("captured", entry("again", simulated.Captured)), of(CapturedTwice, "captured")},
	{"cancelled, charged and given back twice", entriesOf("cancelled", func(ref event.Ref, entries []simulated.Entry) []simulated.Entry {
		return entry("again/refund", simulated.Refunded)(ref, entry("again", simulated.Captured)(ref, entries))
	}), of(CapturedTwice, "cancelled")},
	{"pending, yet given back", entriesOf("captured", entry("captured/refund", simulated.Refunded)), of(GatewayDiffers, "captured")},
	{"cancelled, still charged", entriesOf("cancelled", func(_ event.Ref, e []simulated.Entry) []simulated.Entry { return e[:1] }), of(NetCharge, "cancelled")},
	{"cancelled, given back in part", entriesOf("cancelled", worth(1, 1000)), of(NetCharge, "cancelled")},
	{"refused for stock, yet charged", entriesOf("nostock", entry("nostock", simulated.Captured)), of(NetCharge, "nostock")},
	{"refused for stock, yet charged and given back", entriesOf("nostock", func(ref event.Ref, entries []simulated.Entry) []simulated.Entry {
		return entry("nostock/refund", simulated.Refunded)(ref, entry("nostock", simulated.Captured)(ref, entries))
	}), of(GatewayDiffers, "nostock")},
	{"declined, yet captured", entriesOf("declined", entry("again", simulated.Captured)), of(NetCharge, "declined")},
	{"refunded, money kept", entriesOf("refunded", func(_ event.Ref, e []simulated.Entry) []simulated.Entry { return e[:1] }), of(NotRefundedOnce, "refunded")},
	{"refunded twice", entriesOf("refunded", entry("again", simulated.Refunded)), of(NotRefundedOnce, "refunded")},
	{"refunded in part", entriesOf("refunded", worth(1, 1000)), of(NotRefundedOnce, "refunded")},

	{"captured another amount", entriesOf("completed", worth(0, 1)), of(WrongAmount, "completed")},
	{"payment of another amount", all(paymentOf("captured", func(p *payment.Payment) { p.Amount.Amount = 5 }), entriesOf("captured", worth(0, 5))), of(WrongAmount, "captured")},
	{"order of another total", orderOf("completed", func(o *order.Order) { o.Total.Currency = "EUR" }), of(WrongAmount, "completed")},
	{"completed order without a total", orderOf("completed", func(o *order.Order) { o.Total = event.Money{} }), of(WrongAmount, "completed")},
	{"reservation of another total", all(
		reservationOf("timeout", func(r *inventory.Reservation) { r.Total.Amount = 5 }), orderOf("timeout", func(o *order.Order) { o.Total.Amount = 5 }),
		paymentOf("timeout", func(p *payment.Payment) { p.Amount.Amount = 5 }), entriesOf("timeout", worth(0, 5)),
	), of(WrongAmount, "timeout")},

	{"completed, payment not captured", paymentOf("completed", paidState(payment.Charging)), of(PaymentDiffers, "completed")},
	{"pending, payment in a refund", paymentOf("captured", paidState(payment.Refunding)), of(PaymentDiffers, "captured")},
	{"stock released for another reason than the payment's", reservationOf("cancelled", state(inventory.ReleasedDeclined)), of(PaymentDiffers, "cancelled")},
	{"sold before it was paid", reservationOf("timeout", state(inventory.Settled)), of(PaymentDiffers, "timeout")},
	{"charged without a hold", reservationOf("captured", func(r *inventory.Reservation) { *r = inventory.Reservation{} }), of(PaymentDiffers, "captured")},
	{"payment captured, gateway did not", entriesOf("captured", noEntries), of(GatewayDiffers, "captured")},
	{"payment voided, gateway captured", paymentOf("captured", paidState(payment.Voided)), of(GatewayDiffers, "captured")},
	{"payment declined, gateway captured", paymentOf("captured", paidState(payment.Declined)), of(GatewayDiffers, "captured")},
	{"gateway captured, payment knows nothing", paymentOf("timeout", func(p *payment.Payment) { p.Amount = event.Money{} }), of(GatewayDiffers, "timeout")},
	{"gateway charged before payment asked", entriesOf("held", entry("held", simulated.Captured)), of(GatewayDiffers, "held")},
	{"captured under another key", entriesOf("completed", rekeyed(0, "other")), of(GatewayDiffers, "completed")},
	{"refunded under another key", entriesOf("refunded", rekeyed(1, "refunded")), of(GatewayDiffers, "refunded")},

	{"reservation without an order", snapshotOf("cancelling", func(r inventory.Reservation) []inventory.Reservation {
		return []inventory.Reservation{r, {Ref: lost, State: inventory.Rejected}}
	}), of(LostOrder, "lost")},
	{"payment without an order", extraPayment(lost), of(LostOrder, "lost")},
	{"payment under the number of another order", extraPayment(event.Ref{OrderID: "lost", Number: 12}), of(LostOrder, "lost")},
	{"ledger entries without an order", extraEntry(lost), of(LostOrder, "lost")},

	{"reservation with another number", reservationOf("completed", func(r *inventory.Reservation) { r.Number = 7 }), of(MixedRefs, "completed")},
	{"payment with another id", paymentOf("completed", func(p *payment.Payment) { p.OrderID = "refunded" }), of(MixedRefs, "completed")},
	{"ledger entry with another number", entriesOf("completed", func(_ event.Ref, e []simulated.Entry) []simulated.Entry {
		e[0].Order.Number = 7
		return e
	}), of(MixedRefs, "completed")},
	{"scanned payment with another number", extraPayment(event.Ref{OrderID: "completed", Number: 99}), of(MixedRefs, "completed")},
	{"order that cannot be found by its id", all(orderOf("completed", status(order.Cancelled)), func(s *Stores) { s.Orders = unfindable{s.Orders} }), of(MixedRefs, "completed")},
	{"order that its id does not find", all(orderOf("completed", status(order.Cancelled)), func(s *Stores) { s.Orders = renumbered{s.Orders} }), of(MixedRefs, "completed")},

	{"history back in time", orderOf("completed", func(o *order.Order) { o.History[1].At = start.Add(-time.Second) }), of(BrokenHistory, "completed")},
	{"status that the history does not end with", orderOf("captured", status(order.Reserved)), of(BrokenHistory, "captured")},
	{"step that no table has", orderOf("completed", func(o *order.Order) { o.History[1].Status = order.Cancelling }), of(BrokenHistory, "completed")},
	{"no history", orderOf("completed", func(o *order.Order) { o.History = nil }), of(BrokenHistory, "completed")},
	{"neither status nor history", orderOf("completed", func(o *order.Order) { o.Status, o.History = "", nil }), of(BrokenHistory, "completed")},
	{"ended order with a due time", orderOf("completed", func(o *order.Order) { o.Due = start }), of(WrongDue, "completed")},
	{"open order that is never due", orderOf("held", func(o *order.Order) { o.Due = time.Time{} }), of(WrongDue, "held")},

	{"available below zero", balanceOf("C789", func(b *inventory.Balance) { b.Available, b.Ledger = -1, -1 }), at(Oversold, "C789")},
	{"reserved below zero", balanceOf("C789", func(b *inventory.Balance) { b.Reserved, b.Available = -1, 11 }), breaches{{Kind: NegativeCount, SKU: "C789"}, {Kind: StockDiffers, SKU: "C789"}}},
	{"sold below zero", balanceOf("C789", func(b *inventory.Balance) { b.Sold, b.Available = -1, 11 }), breaches{{Kind: NegativeCount, SKU: "C789"}, {Kind: StockDiffers, SKU: "C789"}}},
	{"reserved for no one", balanceOf("A123", func(b *inventory.Balance) { b.Reserved++; b.Available-- }), at(StockDiffers, "A123")},
	{"sold to no one", balanceOf("A123", func(b *inventory.Balance) { b.Sold++; b.Available-- }), at(StockDiffers, "A123")},
	{"returned to the shelf twice", snapshotOf("refunded", func(r inventory.Reservation) []inventory.Reservation {
		r.Restocked = true
		return []inventory.Reservation{r}
	}), at(StockDiffers, "A123")},
	{"units of a SKU that does not exist", snapshotOf("held", func(r inventory.Reservation) []inventory.Reservation {
		r.Lines = append(r.Lines, event.Line{SKU: "Z", Qty: 1})
		return []inventory.Reservation{r}
	}), at(StockDiffers, "Z")},
	{"orders counted that are not there", tallyOf(func(t *order.Tally) { t.ByStatus[order.Completed]++ }), breaches{{Kind: TallyDiffers}}},
	{"orders that were not counted when they moved", tallyOf(func(t *order.Tally) {
		t.ByStatus[order.Pending]++
		t.ByStatus[order.Reserved]--
	}), breaches{{Kind: TallyDiffers}, {Kind: TallyDiffers}}},
	{"open orders miscounted", tallyOf(func(t *order.Tally) { t.Open-- }), breaches{{Kind: TallyDiffers}}},
	{"units that were never counted in", balanceOf("A123", func(b *inventory.Balance) { b.Available++ }), at(LedgerDiffers, "A123")},
}

func TestEachBreachIsFound(t *testing.T) {
	for _, c := range tampered {
		t.Run(c.name, func(t *testing.T) {
			s := scene(t)
			c.tamper(&s)
			r := check(t, s, Options{})
			got := breaches{}
			for _, b := range r.Breaches {
				b.Detail = ""
				got = append(got, b)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("found %+v", r.Breaches)
			}
		})
	}
}

func TestDrained(t *testing.T) {
	got := make(map[Kind]int)
	for _, b := range check(t, scene(t), Options{Drained: true}).Breaches {
		got[b.Kind]++
	}
	if want := map[Kind]int{OrderOpen: 5, UnitsReserved: 1}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("found %v", got)
	}
}

// TestManyOrders crosses pages and the bound of what is listed. Orders that are as
// they should be are read by the page only.
func TestManyOrders(t *testing.T) {
	w := newWorld(t, stocked(t), "", 0)
	n := 2*pageSize + 100
	for i := range n {
		w.place(fmt.Sprintf("o%d", i), simulated.Decline, "A123")
	}
	if r := check(t, stores(w), Options{Drained: true}); r.Found != n || len(r.Breaches) != MaxListed || r.Open != n {
		t.Errorf("found %d breaches, %d listed, %d orders open", r.Found, len(r.Breaches), r.Open)
	}
	w.run(0)
	s := stores(w)
	lookups := 0
	s.Orders = listed{s.Orders, &lookups}
	if r := check(t, s, Options{Drained: true}); r.Found != 0 || lookups != 0 {
		t.Errorf("%d orders looked up alone, found %+v", lookups, r.Breaches)
	}
	extraPayment(event.Ref{OrderID: "lost", Number: int64(n + 1)})(&s)
	orderOf("o1099", func(o *order.Order) { o.Due = start })(&s)
	r := check(t, s, Options{Drained: true})
	if r.Orders != n || r.Found != 2 || r.Breaches[0].Kind != WrongDue || r.Breaches[1].Kind != LostOrder {
		t.Errorf("%d orders, found %+v", r.Orders, r.Breaches)
	}
}

func TestDeadLettersAreListedButNoBreach(t *testing.T) {
	s := scene(t)
	letter := event.DeadLetter{ID: "held:OrderPlaced", Event: event.New(event.OrderPlaced, event.Ref{OrderID: "held"}, start), Reason: "poison"}
	if err := s.DeadLetters[event.Inventory].Put(context.Background(), []event.DeadLetter{letter}); err != nil {
		t.Fatal(err)
	}
	r := check(t, s, Options{})
	want := Letter{Service: event.Inventory, ID: "held:OrderPlaced", OrderID: "held", Reason: "poison"}
	if r.Found != 0 || r.DeadLetters[event.Inventory] != 1 || len(r.Letters) != 1 || r.Letters[0] != want {
		t.Errorf("%+v", r)
	}
}

// still is a queue that holds so many messages.
type still struct {
	event.Queue
	depth event.Depth
}

func (q still) Depth(context.Context) (event.Depth, error) { return q.depth, nil }

func TestADrainedSystemHasEmptyQueues(t *testing.T) {
	for name, depth := range map[string]event.Depth{
		"1 messages: 1 ready, 0 delayed, 0 in flight": {Ready: 1},
		"2 messages: 0 ready, 2 delayed, 0 in flight": {Delayed: 2},
		"3 messages: 0 ready, 0 delayed, 3 in flight": {InFlight: 3},
	} {
		w := newWorld(t, stocked(t), "", 0)
		s := stores(w)
		s.Queues = event.Queues{event.Order: still{}, event.Inventory: still{depth: depth}}
		if r := check(t, s, Options{}); r.Found != 0 {
			t.Errorf("of a system at work: %+v", r.Breaches)
		}
		want := Breach{Kind: QueueNotEmpty, Queue: event.Inventory, Detail: name}
		if r := check(t, s, Options{Drained: true}); r.Found != 1 || r.Breaches[0] != want || want.where() != "queue inventory" {
			t.Errorf("of a drained one: %+v, want %+v", r.Breaches, want)
		}
	}
}

func TestUnreadableStoreIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Check(ctx, scene(t), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestOnlyACountThatStoodStillIsJudged: while orders move it is of another moment than
// their list, and not every engine keeps one by status.
func TestOnlyACountThatStoodStillIsJudged(t *testing.T) {
	for name, alter := range map[string]func(*order.Tally){
		"an order ended meanwhile": func() func(*order.Tally) {
			asked := 0
			return func(t *order.Tally) {
				asked++
				t.Open, t.ByStatus[order.Completed] = t.Open-asked, t.ByStatus[order.Completed]+asked
			}
		}(),
		"open orders alone are counted": func(t *order.Tally) { t.Open, t.ByStatus = t.Open+3, nil },
	} {
		s := scene(t)
		tallyOf(alter)(&s)
		if r := check(t, s, Options{}); r.Found != 0 {
			t.Errorf("%s: %+v", name, r.Breaches)
		}
	}
}

func TestReportForPeopleAndPrograms(t *testing.T) {
	s := scene(t)
	tallyOf(func(t *order.Tally) { t.ByStatus[order.Cancelled] = 0 })(&s)
	entriesOf("completed", noEntries)(&s)
	balanceOf("A123", func(b *inventory.Balance) { b.Available++ })(&s)
	r := check(t, s, Options{})
	r.DeadLetters[event.Order] = 3
	r.Letters = append(r.Letters, Letter{Service: event.Order, ID: "x:StockSettled", OrderID: "x", Reason: "poison"})
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	want := `breach not_captured_once: order completed: the order is COMPLETED, but the gateway has no entry of it
breach tally_differs: all orders: the order store counts 0 CANCELLED, and there are 2
breach ledger_differs: SKU A123: available 994 + reserved 4 + sold 3 = 1001, but the stock ledger's sum is 1000
dead letter of order: order x: x:StockSettled: poison
and 2 more dead letters
orders 12, PENDING 2, RESERVED 1, COMPLETED 1, FAILED_NO_STOCK 1, PAYMENT_FAILED 1, CANCELLING 1, CANCELLED 2, REFUNDING 1, REFUNDED 2; open 5, units reserved 4, dead letters 3, breaches 3
`
	if text.String() != want {
		t.Errorf("got\n%s", text.String())
	}
	data, err := json.Marshal(newReport())
	const empty = `{"found":0,"breaches":[],"orders":0,"by_status":{},"open":0,"reserved":0,"moved":0,"dead_letters":{},"letters":[]}`
	if err != nil || string(data) != empty {
		t.Errorf("got %s, %v", data, err)
	}
}
