package sim

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// mark names something that happened in a world.
type mark string

func race(n int) mark { return mark(fmt.Sprintf("race %d", n)) }

var races = []int{
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32,
	34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 47, 49, 50, 51, 52, 53, 54, 56, 57, 58,
}

// Races are the rows of docs/races.md that a simulation brings about.
func Races() []int { return slices.Clone(races) }

// racesByCell are the rows that a message brings about by the state it finds.
var racesByCell = map[cell]int{
	{event.Inventory, string(inventory.Rejected), event.OrderPlaced}:             26,
	{event.Inventory, string(inventory.ReleasedVoided), event.OrderPlaced}:       27,
	{event.Inventory, string(inventory.ReleasedVoided), event.PaymentVoided}:     28,
	{event.Inventory, string(inventory.ReleasedDeclined), event.PaymentDeclined}: 28,
	{event.Inventory, string(inventory.ReleasedVoided), event.PaymentCaptured}:   29,
	{event.Payment, string(payment.VoidingExpired), event.GatewayCaptured}:       31,
	{event.Payment, string(payment.Charging), event.GatewayUnknown}:              35,
	{event.Payment, string(payment.VoidingExpired), event.GatewayUnknown}:        36,
	{event.Payment, string(payment.VoidingClient), event.GatewayCaptured}:        38,
	{event.Payment, string(payment.Captured), event.GatewayCaptured}:             39,
	{event.Payment, string(payment.Voided), event.GatewayUnknown}:                39,
	{event.Inventory, string(inventory.Held), event.PaymentDeclined}:             41,
	{event.Payment, string(payment.Declined), event.CancelRequestedClient}:       50,
	{event.Inventory, string(inventory.Settled), event.PaymentVoided}:            51,
	{event.Inventory, string(inventory.Rejected), event.PaymentVoided}:           52,
	{event.Payment, string(payment.VoidingExpired), event.CancelRequestedClient}: 56,
	{event.Payment, string(payment.Refunding), event.CancelRequestedExpired}:     57,
	{event.Payment, string(payment.Refunded), event.CancelRequestedExpired}:      57,
	{event.Payment, string(payment.Captured), event.CancelRequestedExpired}:      57,
}

// handledRaces marks the rows that a service's answer to a message brings about.
func (w *world) handledRaces(s event.Service, e event.Event, found string, r event.Result) {
	if n, ok := racesByCell[cell{s, found, e.Type}]; ok {
		w.hit(race(n))
	}
	if r.Send.Type == event.StockRejected && r.Send.Reason == inventory.OutOfStock {
		w.hit(race(21))
		if len(e.Lines) > 1 && len(r.Send.Short) == 1 {
			w.hit(race(22))
		}
	}
}

// crashRaces marks the rows that a crash brings about where it strikes.
func (w *world) crashRaces(where string) {
	switch {
	case where == "after storing an order":
		w.hit(race(2))
	case where == "before storing an order":
		w.hit(race(3))
	case strings.HasPrefix(where, "after changing"):
		w.hit(race(11))
	case strings.HasPrefix(where, "after sending"):
		w.hit(race(12))
	case where == "after the gateway's answer":
		w.hit(race(34))
	}
}

// lostRaces marks the rows that the loss of a message brings about.
func (w *world) lostRaces(e event.Event) {
	switch e.Type {
	case event.PaymentCaptured, event.PaymentDeclined, event.PaymentVoided:
		w.hit(race(49))
	case event.RefundRequested:
		w.hit(race(53))
	}
}

// Row is a line of the coverage table.
type Row struct {
	Kind  string `json:"kind"` // "race", "cell" or "fault"
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Rows are everything that simulations should make happen, and how often they did.
func (c Coverage) Rows() (rows []Row) {
	for _, n := range races {
		rows = append(rows, Row{"race", string(race(n)), c.marks[race(n)]})
	}
	for _, s := range event.Services {
		for _, found := range cellsOf(s) {
			rows = append(rows, Row{"cell", fmt.Sprintf("%s: %s finds %s", s, found.Message, known(found.State)), c.cells[cell{s, found.State, found.Message}]})
		}
	}
	for _, f := range Faults() {
		rows = append(rows, Row{"fault", string(f), c.struck[f]})
	}
	return rows
}

// Missed are the names of the rows that nothing has hit.
func (c Coverage) Missed() (names []string) {
	for _, r := range c.Rows() {
		if r.Count == 0 {
			names = append(names, r.Kind+" "+r.Name)
		}
	}
	return names
}

// cellsOf are the cells of a service's decision table.
func cellsOf(s event.Service) []event.CellName {
	switch s {
	case event.Order:
		return order.Cells()
	case event.Inventory:
		return inventory.Cells()
	}
	return payment.Cells()
}

func known(state string) string {
	if state == "" {
		return "no record"
	}
	return state
}

// swept marks the rows of several sweepers: what they ask about one order, one
// after another, may contradict.
func (w *world) swept(p *process, events []event.Event) {
	for _, e := range events {
		last, ok := w.asked[e.OrderID]
		if ok && last.by != p.name {
			w.hit(race(43))
			if last.question == event.CancelRequestedExpired && e.Type == event.OrderPlaced {
				w.hit(race(58))
			}
		}
		w.asked[e.OrderID] = question{p.name, e.Type}
	}
}

// question is what a sweeper asked last about an order.
type question struct {
	by       string
	question event.Type
}

// redriveRaces marks the rows of a redrive: of an order that has ended, and of an
// event of which another delivery is under way.
func (w *world) redriveRaces(s event.Service, letters []event.DeadLetter) {
	for _, l := range letters {
		if status := w.statusOf(l.Event.OrderID); status != "" && status.Ended() {
			w.hit(race(16))
		}
		for _, m := range w.queues[s].held {
			if m.event.ID() == l.ID {
				w.hit(race(17))
			}
		}
	}
}
