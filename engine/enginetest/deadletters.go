package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/engine"
	"holdfast/event"
)

var deadLetterTests = []storeTest{
	{"Put keeps every field of a letter", letterKeepsEveryField},
	{"Put keeps events of a type or version that nobody reads", letterOfUnknownEvent},
	{"Put lets a letter take the place of the older one with its id", letterReplaces},
	{"List returns the letters in ascending id after the one given", listLetters},
	{"Get and Delete say NotFound of an unknown id", letterUnknown},
	{"Delete removes a letter for good", letterDeleted},
	{"each service has dead letters of its own", lettersApart},
	{"Put of one letter by many at once keeps one", lettersInParallel},
}

// letter is a dead letter with every field set, of the order after the nth: no
// order has the number 0.
func letter(n int) event.DeadLetter {
	e := event.New(event.StockRejected, ref(n+1), after(n))
	e.Lines = []event.Line{{SKU: "A", Qty: 2, UnitPrice: price}, line("B", 1)}
	e.PaymentMethod, e.Total, e.ReservedAt, e.Reason, e.Restock = "sim_slow", price, after(1), "out_of_stock", true
	e.Short = []event.Shortfall{{SKU: "A", Qty: 2, Available: 1}}
	return event.DeadLetter{ID: e.ID(), Event: e, Reason: "cannot be: é\n\"quoted\"", Count: 3 + n, DeadAt: after(60)}
}

// put stores letters among the order service's, and returns these.
func put(t *testing.T, e *engine.Engine, letters ...event.DeadLetter) event.DeadLetters {
	t.Helper()
	d := e.DeadLetters[event.Order]
	wantNoError(t, d.Put(t.Context(), letters))
	return d
}

func wantLetters(t *testing.T, d event.DeadLetters, n int) {
	t.Helper()
	if got := must(d.Count(t.Context()))(t); got != n {
		t.Errorf("%d dead letters are counted, want %d", got, n)
	}
	if got := must(d.List(t.Context(), "", 1000))(t); len(got) != n {
		t.Errorf("%d dead letters are listed, want %d", len(got), n)
	}
}

func letterKeepsEveryField(t *testing.T, e *engine.Engine) {
	want := letter(1)
	d := put(t, e, want)
	wantSame(t, "get", must(d.Get(t.Context(), want.ID))(t), want)
	wantSame(t, "list", must(d.List(t.Context(), "", 5))(t), []event.DeadLetter{want})
}

func letterOfUnknownEvent(t *testing.T, e *engine.Engine) {
	for i, typ := range []event.Type{"Unheard", "Unheard(of)", event.OrderPlaced} {
		want := letter(i)
		newer := event.New(typ, ref(i), after(i))
		newer.Version = 99
		want.Event = event.Decode(must(newer.Encode())(t))
		want.ID = want.Event.ID()
		got := must(put(t, e, want).Get(t.Context(), want.ID))(t)
		wantSame(t, string(typ), got, want)
		if got.Event.Type != typ || got.Event.Version != 99 || got.Event.OrderID != ref(i).OrderID {
			t.Errorf("%s is read as %+v", typ, got.Event)
		}
	}
}

func letterReplaces(t *testing.T, e *engine.Engine) {
	newer, newest := letter(1), letter(1)
	newer.Reason, newer.Count = "again", 9
	newest.Reason, newest.Event.Lines = "and again", nil
	d := put(t, e, letter(1), letter(2))
	put(t, e, newer)
	wantSame(t, "after a second Put", must(d.Get(t.Context(), newer.ID))(t), newer)
	put(t, e, newer, newest)
	wantSame(t, "after two in one Put", must(d.Get(t.Context(), newer.ID))(t), newest)
	wantLetters(t, d, 2)
}

func listLetters(t *testing.T, e *engine.Engine) {
	var want []event.DeadLetter
	for i, id := range []string{"b", "A", "a", "_", "a:b", "a-b", "a.b", "Z", "0", "10", "9", "aa", "a/b"} {
		l := letter(i)
		l.ID = id
		want = append(want, l)
	}
	d := put(t, e, want...)
	slices.SortFunc(want, func(a, b event.DeadLetter) int { return strings.Compare(a.ID, b.ID) })
	got := pages(t, 4, func(last event.DeadLetter) ([]event.DeadLetter, error) { return d.List(t.Context(), last.ID, 4) })
	wantSame(t, "list", got, want)
	wantLetters(t, d, len(want))
}

func wantDeleted(t *testing.T, d event.DeadLetters, want int, letters ...event.DeadLetter) {
	t.Helper()
	if n := must(d.Delete(t.Context(), letters))(t); n != want {
		t.Errorf("Delete removed %d of %d letters, want %d", n, len(letters), want)
	}
}

func letterUnknown(t *testing.T, e *engine.Engine) {
	d := put(t, e, letter(1))
	_, err := d.Get(t.Context(), "none")
	wantCode(t, "Get", err, event.NotFound)
	wantDeleted(t, d, 0, letter(2))
	wantLetters(t, d, 1)
}

func letterDeleted(t *testing.T, e *engine.Engine) {
	d := put(t, e, letter(1), letter(2))
	wantDeleted(t, d, 1, letter(1))
	_, err := d.Get(t.Context(), letter(1).ID)
	wantCode(t, "Get", err, event.NotFound)
	wantDeleted(t, d, 0, letter(1))
	wantLetters(t, d, 1)
}

func lettersApart(t *testing.T, e *engine.Engine) {
	for i, s := range event.Services {
		l := letter(1)
		l.Reason = string(s)
		wantNoError(t, e.DeadLetters[s].Put(t.Context(), []event.DeadLetter{l, letter(i + 2)}))
	}
	for _, s := range event.Services {
		if l := must(e.DeadLetters[s].Get(t.Context(), letter(1).ID))(t); l.Reason != string(s) {
			t.Errorf("the dead letters of %s hold %q", s, l.Reason)
		}
		wantLetters(t, e.DeadLetters[s], 2)
	}
	wantDeleted(t, e.DeadLetters[event.Order], 1, letter(1))
	wantLetters(t, e.DeadLetters[event.Payment], 2)
}

func lettersInParallel(t *testing.T, e *engine.Engine) {
	d := e.DeadLetters[event.Payment]
	inParallel(t, 20, func(i int) error {
		l := letter(1)
		l.Reason = fmt.Sprint("try ", i)
		return d.Put(t.Context(), []event.DeadLetter{l, letter(100 + i)})
	})
	wantLetters(t, d, 21)
}
