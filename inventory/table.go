package inventory

import "holdfast/event"

type (
	column = event.Column[State]
	cells  = map[State]event.Cell[State]
)

// table is the inventory service's decision table. A missing cell is a message
// that cannot meet a reservation in that state: it is dead-lettered, never
// guessed at. A hold that finds too little ends REJECTED instead of HELD, and
// answers by that state's cell.
var table = event.Table[State]{
	event.OrderPlaced: column{Expect: None, MaxAge: event.MaxAge, Cells: cells{
		None:             {To: Held, Send: event.StockReserved},
		Rejected:         {Send: event.StockRejected},
		Held:             {Send: event.StockReserved},
		Settled:          {Send: event.StockSettled},
		ReleasedDeclined: {Send: event.StockReleasedDeclined},
		ReleasedVoided:   {Send: event.StockReleasedVoided},
		Returned:         {},
	}},
	event.PaymentCaptured: column{Expect: Held, Cells: cells{
		Held:           {To: Settled, Send: event.StockSettled},
		Settled:        {Send: event.StockSettled},
		ReleasedVoided: {},
		Returned:       {},
	}},
	event.PaymentDeclined: column{Expect: Held, Cells: cells{
		Held:             {To: ReleasedDeclined, Send: event.StockReleasedDeclined},
		ReleasedDeclined: {Send: event.StockReleasedDeclined},
	}},
	event.PaymentVoided: column{Expect: Held, Cells: cells{
		None:           {To: ReleasedVoided, Send: event.StockReleasedVoided}, // a tombstone: the late hold is refused
		Rejected:       {Send: event.StockReleasedVoided},
		Held:           {To: ReleasedVoided, Send: event.StockReleasedVoided},
		Settled:        {To: ReleasedVoided, Send: event.StockReleasedVoided},
		ReleasedVoided: {Send: event.StockReleasedVoided},
	}},
	event.PaymentRefunded: column{Expect: Settled, Cells: cells{
		Settled:  {To: Returned, Send: event.StockReturned},
		Returned: {Send: event.StockReturned},
	}},
}

var rules = table.Rules()

// Cells names the cells of the decision table, for whoever checks that each of them
// is reached.
func Cells() []event.CellName { return table.Names() }
