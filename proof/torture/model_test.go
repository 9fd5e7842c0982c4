package main

import (
	"net/http"
	"testing"

	"github.com/anishathalye/porcupine"
)

// told is a call and its answer, with the moments of its beginning and its end.
type told struct {
	from, to int64
	in, out  any
}

func historyOf(calls []told) *history {
	h := new(history)
	for i, c := range calls {
		h.ops = append(h.ops, porcupine.Operation{ClientId: i, Input: c.in, Call: c.from, Output: c.out, Return: c.to})
	}
	return h
}

func (h *history) want(t *testing.T, m porcupine.Model, possible bool) {
	t.Helper()
	if wrong := h.check(m); (wrong == "") != possible {
		t.Errorf("found %q:\n%v", wrong, h)
	}
}

// shownAs is the answer of a call that shows an order with this trail.
func shownAs(status int, trail, story string) orderAnswer {
	return orderAnswer{status: status, trail: trail, story: story}
}

func TestAnOrdersHistory(t *testing.T) {
	placing := func(meaning string) orderCall { return orderCall{verb: place, meaning: meaning} }
	first := orderAnswer{status: http.StatusAccepted, body: "B"}
	replay := orderAnswer{status: http.StatusAccepted, body: "B", replayed: true}
	mismatch := orderAnswer{status: http.StatusUnprocessableEntity}
	conflict := orderAnswer{status: http.StatusConflict}
	look, cancelling, silence := orderCall{verb: read}, orderCall{verb: cancel}, orderAnswer{}
	completed := shownAs(200, "PENDING RESERVED COMPLETED", "P\nR\nC\n")
	placed := told{1, 2, placing("x"), first}

	for name, c := range map[string]struct {
		possible bool
		calls    []told
	}{
		"placed, repeated, completed":         {true, []told{placed, {3, 4, placing("x"), replay}, {5, 6, look, completed}}},
		"placed twice at once":                {true, []told{{1, 5, placing("x"), replay}, {2, 6, placing("x"), first}}},
		"made twice":                          {false, []told{placed, {3, 4, placing("x"), first}}},
		"another body for a repeat":           {false, []told{placed, {3, 4, placing("x"), orderAnswer{status: 202, body: "C", replayed: true}}}},
		"another request accepted":            {false, []told{placed, {3, 4, placing("y"), replay}}},
		"another request refused":             {true, []told{placed, {3, 4, placing("y"), mismatch}}},
		"the same request refused":            {false, []told{placed, {3, 4, placing("x"), mismatch}}},
		"a 202 forgotten":                     {false, []told{placed, {3, 4, look, orderAnswer{status: http.StatusNotFound}}}},
		"read before it was placed":           {true, []told{{0, 3, look, orderAnswer{status: http.StatusNotFound}}, placed}},
		"placed by a call without an answer":  {true, []told{{1, never, placing("x"), silence}, {3, 4, look, completed}}},
		"a replay of a try before":            {true, []told{{1, 4, orderCall{verb: place, meaning: "x", again: true}, replay}}},
		"a replay of nothing":                 {false, []told{{1, 4, placing("x"), replay}}},
		"its version goes back":               {false, []told{placed, {3, 4, look, completed}, {5, 6, look, shownAs(200, "PENDING RESERVED", "P\nR\n")}}},
		"its history is rewritten":            {false, []told{placed, {3, 4, look, shownAs(200, "PENDING RESERVED", "P\nr\n")}, {5, 6, look, completed}}},
		"an end that no protocol has":         {false, []told{placed, {3, 4, look, shownAs(200, "PENDING FAILED_NO_STOCK REFUNDED", "P\nF\nR\n")}}},
		"cancelled after an accepted cancel":  {true, []told{placed, {3, 4, cancelling, shownAs(202, "PENDING CANCELLING", "P\nX\n")}, {5, 6, look, shownAs(200, "PENDING CANCELLING CANCELLED", "P\nX\nE\n")}}},
		"completed after an accepted cancel":  {false, []told{placed, {3, 4, cancelling, shownAs(202, "PENDING CANCELLING", "P\nX\n")}, {5, 6, look, completed}}},
		"a cancel without an answer, done":    {true, []told{placed, {3, never, cancelling, silence}, {5, 6, look, shownAs(200, "PENDING CANCELLING", "P\nX\n")}}},
		"a cancel without an answer, refused": {true, []told{placed, {3, never, cancelling, silence}, {5, 6, look, completed}}},
		"nobody asked for the cancel":         {false, []told{placed, {5, 6, look, shownAs(200, "PENDING CANCELLING", "P\nX\n")}}},
		"cancel refused while it is pending":  {false, []told{placed, {3, 4, cancelling, conflict}, {5, 6, look, shownAs(200, "PENDING", "P\n")}}},
		"cancel accepted once completed":      {false, []told{placed, {3, 4, look, completed}, {5, 6, cancelling, shownAs(202, "PENDING RESERVED COMPLETED", "P\nR\nC\n")}}},
		"refunded before the answer's try":    {true, []told{placed, {3, 4, orderCall{verb: refund, again: true}, shownAs(202, "PENDING RESERVED COMPLETED REFUNDING REFUNDED", "P\n")}}},
		"two refunds of different minds":      {false, []told{placed, {3, 4, orderCall{verb: refund}, shownAs(202, "PENDING RESERVED COMPLETED REFUNDING", "P\n")}, {5, 6, orderCall{verb: refund, restock: true}, shownAs(202, "PENDING RESERVED COMPLETED REFUNDING", "P\n")}}},
	} {
		t.Run(name, func(t *testing.T) { historyOf(c.calls).want(t, orderModel, c.possible) })
	}
}

func TestAStocksHistory(t *testing.T) {
	counting := stockCall{verb: count, units: 10}
	shown := func(available, reserved, sold int64) stockAnswer { return stockAnswer{200, available, reserved, sold} }
	take := func(id string, n int64) stockCall { return stockCall{verb: adjust, id: id, delta: -n} }
	ok, conflict, mismatch, silence := stockAnswer{status: 200}, stockAnswer{status: 409}, stockAnswer{status: 422}, stockAnswer{}
	look, sale := stockCall{verb: read}, stockCall{verb: read, sells: true}
	made := told{1, 2, counting, shown(10, 0, 0)}

	for name, c := range map[string]struct {
		possible bool
		calls    []told
	}{
		"adjusted once":                     {true, []told{made, {3, 4, take("a", 3), ok}, {5, 6, take("a", 3), ok}, {7, 8, look, shown(7, 0, 0)}}},
		"adjusted twice":                    {false, []told{made, {3, 4, take("a", 3), ok}, {5, 6, take("a", 3), ok}, {7, 8, look, shown(4, 0, 0)}}},
		"an adjustment lost":                {false, []told{made, {3, 4, take("a", 3), ok}, {7, 8, look, shown(10, 0, 0)}}},
		"an adjustment without an answer":   {true, []told{made, {3, never, take("a", 3), silence}, {7, 8, look, shown(10, 0, 0)}, {9, 10, look, shown(7, 0, 0)}}},
		"undone without asking":             {false, []told{made, {3, never, take("a", 3), silence}, {7, 8, look, shown(7, 0, 0)}, {9, 10, look, shown(10, 0, 0)}}},
		"an id taken for another":           {true, []told{made, {3, 4, take("a", 3), ok}, {5, 6, take("a", 4), mismatch}}},
		"an id taken for another, accepted": {false, []told{made, {3, 4, take("a", 3), ok}, {5, 6, take("a", 4), ok}}},
		"below zero refused":                {true, []told{made, {3, 4, take("a", 11), conflict}}},
		"below zero accepted":               {false, []told{made, {3, 4, take("a", 11), ok}}},
		"refused though there is enough":    {false, []told{made, {3, 4, take("a", 3), conflict}}},
		"orders move units, not the total":  {true, []told{made, {3, 4, sale, shown(5, 2, 3)}, {5, 6, sale, shown(10, 0, 0)}}},
		"a unit from nowhere":               {false, []told{made, {3, 4, sale, shown(5, 2, 4)}}},
		"fewer than none":                   {false, []told{made, {3, 4, sale, shown(-1, 8, 3)}}},
		"counted afresh":                    {true, []told{made, {3, 4, stockCall{verb: count, units: 4}, shown(4, 0, 0)}, {5, 6, look, shown(4, 0, 0)}}},
		"a count lost":                      {false, []told{made, {3, 4, stockCall{verb: count, units: 4}, shown(4, 0, 0)}, {5, 6, look, shown(10, 0, 0)}}},
	} {
		t.Run(name, func(t *testing.T) { historyOf(c.calls).want(t, stockModel, c.possible) })
	}
}
