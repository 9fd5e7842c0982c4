package enginetest

import (
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/keys"
	"holdfast/order"
)

// A value given to a store or returned by it is the caller's own: whatever the
// caller does to it, the store's record stays as it was written.
var aliasTests = []storeTest{
	{"orders share no memory with their store", ordersUnshared},
	{"reservations share no memory with their store", reservationsUnshared},
	{"dead letters share no memory with their store", lettersUnshared},
	{"messages that cannot be read share no memory with their store", unreadLettersUnshared},
	{"ledger entries share no memory with their ledger", entriesUnshared},
	{"keys share no memory with their store", keysUnshared},
}

// spoilOrder overwrites all that an order's slices hold.
func spoilOrder(o order.Order) {
	spoilLines(o.Lines, o.Short)
	for i := range o.History {
		o.History[i] = order.Entry{Status: "SPOILT"}
	}
}

func spoilLines(lines []event.Line, short []event.Shortfall) {
	for i := range lines {
		lines[i] = event.Line{SKU: "SPOILT"}
	}
	for i := range short {
		short[i] = event.Shortfall{SKU: "SPOILT"}
	}
}

func ordersUnshared(t *testing.T, e *engine.Engine) {
	given := newOrder("o")
	want := create(t, e, given)[0].Clone()
	spoilOrder(given)
	c := order.Change{Ref: want.Ref, From: pending, To: order.Cancelling, At: after(1), Due: after(9),
		Lines: []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}, Short: []event.Shortfall{{SKU: "A123", Qty: 1}}}
	change(t, e, c)
	want.Apply(c)
	want = want.Clone()
	spoilLines(c.Lines, c.Short)
	query := order.Query{Limit: 9}
	for name, read := range map[string]func() order.Order{
		"Get":  func() order.Order { return must(e.Orders.Get(t.Context(), "o"))(t) },
		"List": func() order.Order { return must(e.Orders.List(t.Context(), query))(t).Orders[0] },
		"Due":  func() order.Order { return must(e.Orders.Due(t.Context(), after(99), 9))(t)[0] },
		"Scan": func() order.Order { return must(e.Orders.Scan(t.Context(), 0, 9))(t)[0] },
		"Create": func() order.Order {
			return must(e.Orders.Create(t.Context(), []order.Order{newOrder("o")}))(t)[0].Order
		},
		"Apply": func() order.Order {
			return must(e.Orders.Apply(t.Context(), []order.Change{{Ref: want.Ref}}))(t)[0].Record
		},
	} {
		spoilOrder(read())
		wantSame(t, "after spoiling what "+name+" returned", read(), want)
	}
}

func reservationsUnshared(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 1)
	held, refused := hold(ref(1), line("A", 1)), hold(ref(2), line("A", 5))
	for _, w := range move(t, e, held, refused) {
		spoilLines(w.Record.Lines, w.Record.Short)
	}
	spoilLines(held.Lines, nil)
	spoilLines(refused.Lines, nil)
	want := []inventory.Reservation{
		{Ref: ref(1), State: inventory.Held, Lines: []event.Line{{SKU: "A", Qty: 1, UnitPrice: price}}, Total: price, HeldAt: after(1), UpdatedAt: after(1)},
		{Ref: ref(2), State: inventory.Rejected, Lines: []event.Line{{SKU: "A", Qty: 5, UnitPrice: price}}, Reason: inventory.OutOfStock,
			Short: []event.Shortfall{{SKU: "A", Qty: 5}}, UpdatedAt: after(1)},
	}
	for name, read := range map[string]func() []inventory.Reservation{
		"Get": func() []inventory.Reservation { return must(e.Inventory.Get(t.Context(), refs(2)))(t) },
		"Snapshot": func() []inventory.Reservation {
			all, _ := snapshot(t, e)
			return all
		},
		"Apply": func() []inventory.Reservation {
			w := move(t, e, inventory.Change{Ref: ref(1)}, inventory.Change{Ref: ref(2)})
			return []inventory.Reservation{w[0].Record, w[1].Record}
		},
	} {
		for _, r := range read() {
			spoilLines(r.Lines, r.Short)
		}
		for i, r := range read() {
			wantSame(t, "after spoiling what "+name+" returned", stored(r), want[i])
		}
	}
}

func lettersUnshared(t *testing.T, e *engine.Engine) {
	given := letter(1)
	d := put(t, e, given)
	spoilLines(given.Event.Lines, given.Event.Short)
	for range 2 {
		got := must(d.Get(t.Context(), given.ID))(t)
		wantSame(t, "get", got, letter(1))
		spoilLines(got.Event.Lines, got.Event.Short)
		got = must(d.List(t.Context(), "", 1))(t)[0]
		wantSame(t, "list", got, letter(1))
		spoilLines(got.Event.Lines, got.Event.Short)
	}
}

func unreadLettersUnshared(t *testing.T, e *engine.Engine) {
	message := []byte("garbage")
	given, want := deadOf(message), deadOf(message)
	d := put(t, e, given)
	clear(given.Event.Unread)
	for range 2 {
		got := must(d.Get(t.Context(), given.ID))(t)
		wantSame(t, "get", got, want)
		clear(got.Event.Unread)
		got = must(d.List(t.Context(), "", 1))(t)[0]
		wantSame(t, "list", got, want)
		clear(got.Event.Unread)
	}
}

func keysUnshared(t *testing.T, e *engine.Engine) {
	given := newKey("shop", 1)
	createKeys(t, e, given)
	clear(given.Scopes)
	for range 2 {
		got := allKeys(t, e)
		wantSame(t, "keys", got, []keys.Key{newKey("shop", 1)})
		clear(got[0].Scopes)
		got[0].Name = "spoilt"
	}
}

func entriesUnshared(t *testing.T, e *engine.Engine) {
	given := []simulated.Entry{entry(ref(1), "a")}
	book(t, e, ref(1), given...)
	given[0].State = "spoilt"
	for name, read := range map[string]func() []simulated.Entry{
		"Get":  func() []simulated.Entry { return entriesOf(t, e, ref(1)) },
		"Scan": func() []simulated.Entry { return must(e.Ledger.Scan(t.Context(), 0, 9))(t) },
	} {
		read()[0].State = "spoilt"
		wantSame(t, "after spoiling what "+name+" returned", read(), []simulated.Entry{entry(ref(1), "a")})
	}
}
