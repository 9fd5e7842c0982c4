package enginetest

import (
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
)

var inventoryProtocolTests = []storeTest{
	{"inventory keeps to its table", inventoryTable},
	{"inventory applies the events of one order in a batch one after another", inventoryBatches},
	{"inventory refuses what is short, unknown or of mixed currency", inventoryRefuses},
	{"inventory's events carry what their readers need", inventoryEvents},
	{"inventory cannot read another's events or a newer version's", inventoryUnknownEvents},
}

var inventoryColumns = []event.Type{
	event.OrderPlaced, event.PaymentCaptured, event.PaymentDeclined, event.PaymentVoided, event.PaymentRefunded,
}

type inventoryCell = cell[inventory.State]

// inventoryRows is PROTOCOL's table "inventory", where there is enough.
var inventoryRows = func() map[inventory.State][]inventoryCell {
	to := func(s inventory.State, e event.Type) inventoryCell { return inventoryCell{to: s, send: e} }
	send := func(e event.Type) inventoryCell { return inventoryCell{send: e} }
	var stay inventoryCell
	dead := inventoryCell{dead: true}
	const declined, voided = event.StockReleasedDeclined, event.StockReleasedVoided
	return map[inventory.State][]inventoryCell{
		inventory.None:     {to(inventory.Held, event.StockReserved), dead, dead, to(inventory.ReleasedVoided, voided), dead},
		inventory.Rejected: {send(event.StockRejected), dead, dead, send(voided), dead},
		inventory.Held: {send(event.StockReserved), to(inventory.Settled, event.StockSettled), to(inventory.ReleasedDeclined, declined),
			to(inventory.ReleasedVoided, voided), dead},
		inventory.Settled: {send(event.StockSettled), send(event.StockSettled), dead, to(inventory.ReleasedVoided, voided),
			to(inventory.Returned, event.StockReturned)},
		inventory.ReleasedDeclined: {send(declined), dead, send(declined), dead, dead},
		inventory.ReleasedVoided:   {send(voided), stay, dead, send(voided), dead},
		inventory.Returned:         {stay, stay, dead, dead, send(event.StockReturned)},
	}
}()

var inventoryPaths = []path[inventory.State]{
	{state: inventory.None, qty: 2},
	{state: inventory.Rejected, qty: 6, messages: []event.Type{event.OrderPlaced}},
	{state: inventory.Held, qty: 2, messages: []event.Type{event.OrderPlaced}},
	{state: inventory.Held, qty: 5, messages: []event.Type{event.OrderPlaced}}, // the last units: a repeat finds none
	{state: inventory.Settled, qty: 2, messages: []event.Type{event.OrderPlaced, event.PaymentCaptured}},
	{state: inventory.Settled, qty: 5, messages: []event.Type{event.OrderPlaced, event.PaymentCaptured}, restock: true},
	{state: inventory.ReleasedDeclined, qty: 2, messages: []event.Type{event.OrderPlaced, event.PaymentDeclined}},
	{state: inventory.ReleasedVoided, qty: 2, messages: []event.Type{event.PaymentVoided}},
	{state: inventory.ReleasedVoided, qty: 2, messages: []event.Type{event.OrderPlaced, event.PaymentVoided}},
	{state: inventory.ReleasedVoided, qty: 2, messages: []event.Type{event.OrderPlaced, event.PaymentCaptured, event.PaymentVoided}},
	{state: inventory.Returned, qty: 2, messages: []event.Type{event.OrderPlaced, event.PaymentCaptured, event.PaymentRefunded}},
	{state: inventory.Returned, qty: 2, messages: []event.Type{event.OrderPlaced, event.PaymentCaptured, event.PaymentRefunded}, restock: true},
}

// inventoryMessage is a message to the inventory service, as order and payment fill it.
func inventoryMessage(typ event.Type, r event.Ref, p path[inventory.State]) event.Event {
	m := event.New(typ, r, after(5))
	if typ == event.OrderPlaced {
		m.Lines, m.PaymentMethod = []event.Line{line(skuOf(r), p.qty)}, "sim_slow"
	}
	m.Restock = typ == event.PaymentRefunded && p.restock
	return m
}

// skuOf gives each order of the table a SKU of its own.
func skuOf(r event.Ref) string { return "sku-" + r.OrderID }

func inventoryTable(t *testing.T, e *engine.Engine) { inventoryProtocol(e).run(t) }

func inventoryBatches(t *testing.T, e *engine.Engine) {
	inventoryProtocol(e).runInBatches(t, inventoryService(e))
}

func inventoryProtocol(e *engine.Engine) protocol[inventory.State, inventory.Reservation] {
	return protocol[inventory.State, inventory.Reservation]{
		columns: inventoryColumns, rows: inventoryRows, paths: inventoryPaths, hand: handTo(inventoryService(e)),
		begin: func(t *testing.T, n int, p path[inventory.State]) event.Ref {
			stockUp(t, e, skuOf(ref(n)), 5)
			return ref(n)
		},
		message: inventoryMessage,
		read: func(t *testing.T, r event.Ref) inventory.Reservation {
			return stored(reservation(t, e, r))
		},
		state: func(r inventory.Reservation) inventory.State { return r.State },
		settled: func(t *testing.T, r event.Ref, p path[inventory.State], s inventory.State) {
			wantStockOf(t, e, r, p, s)
		},
	}
}

// wantStockOf checks where the units of a reservation in a state must be.
func wantStockOf(t *testing.T, e *engine.Engine, r event.Ref, p path[inventory.State], s inventory.State) {
	t.Helper()
	switch sku := skuOf(r); {
	case s == inventory.Held:
		wantStock(t, e, sku, 5-p.qty, p.qty, 0)
	case s == inventory.Settled, s == inventory.Returned && !p.restock:
		wantStock(t, e, sku, 5-p.qty, 0, p.qty)
	default:
		wantStock(t, e, sku, 5, 0, 0)
	}
}

// inventoryRefuses is the cell of OrderPlaced on no reservation, where there is
// not enough; the repeat comes after a restock.
func inventoryRefuses(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 1)
	must(count(t.Context(), e, inventory.Count{SKU: "E", OnHand: 9, Price: event.Money{Amount: 1, Currency: "EUR"}, At: start}))(t)
	s := inventoryService(e)
	for i, refusal := range []struct {
		reason string
		lines  []event.Line
		short  []event.Shortfall
	}{
		{inventory.OutOfStock, []event.Line{line("E", 1), line("A", 2)}, []event.Shortfall{{SKU: "A", Qty: 2, Available: 1}}},
		{inventory.UnknownSKU, []event.Line{line("A", 1), line("ghost", 1)}, []event.Shortfall{{SKU: "ghost", Qty: 1}}},
		{inventory.MixedCurrency, []event.Line{line("A", 1), line("E", 1)}, nil},
	} {
		m := event.New(event.OrderPlaced, ref(i), start)
		m.Lines = refusal.lines
		for try := range 2 {
			got := handle(t, s, after(1+try), m)[0]
			if got.Send.Type != event.StockRejected || got.Send.Reason != refusal.reason || got.Send.Ref != ref(i) || got.Dead != nil {
				t.Errorf("try %d for %s: %+v", try, refusal.reason, got)
			}
			wantSame(t, "shortfall", got.Send.Short, refusal.short)
			if state := reservation(t, e, ref(i)).State; state != inventory.Rejected {
				t.Errorf("the reservation is %s", state)
			}
			wantStock(t, e, "E", 9, 0, 0)
			stockUp(t, e, "A", 100)
		}
		stockUp(t, e, "A", 1)
	}
}

func inventoryEvents(t *testing.T, e *engine.Engine) {
	stockUp(t, e, skuOf(ref(1)), 5)
	s, p := inventoryService(e), path[inventory.State]{qty: 2}
	lines := []event.Line{{SKU: skuOf(ref(1)), Qty: 2, UnitPrice: price}}
	total := event.Money{Amount: 2 * price.Amount, Currency: "USD"}
	for i, typ := range []event.Type{event.OrderPlaced, event.OrderPlaced, event.PaymentCaptured, event.OrderPlaced, event.PaymentRefunded} {
		got := handle(t, s, after(10+i), inventoryMessage(typ, ref(1), p))[0].Send
		wantSame(t, "lines", got.Lines, lines)
		wantSame(t, "total", got.Total, total)
		wantSame(t, "reserved at", got.ReservedAt, after(10))
		if got.Type == event.StockReserved && got.PaymentMethod != "sim_slow" || got.Version != event.Version {
			t.Errorf("%s: %+v", got.Type, got)
		}
	}
	got := handle(t, s, after(20), inventoryMessage(event.PaymentVoided, ref(2), p))[0].Send
	if len(got.Lines) != 0 || !got.ReservedAt.IsZero() || !got.Total.IsZero() {
		t.Errorf("a tombstone's event speaks of a hold: %+v", got)
	}
}

func inventoryUnknownEvents(t *testing.T, e *engine.Engine) {
	for _, typ := range []event.Type{event.StockReserved, event.CancelRequestedClient, event.PaymentPending, event.GatewayVoided, "Unheard"} {
		wantUnknown(t, inventoryService(e), ref(1), event.Version, typ)
	}
	wantUnknown(t, inventoryService(e), ref(1), event.Version+1, event.OrderPlaced)
	wantSame(t, "the reservation", reservation(t, e, ref(1)), inventory.Reservation{})
}
