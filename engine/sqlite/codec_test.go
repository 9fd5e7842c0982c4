package sqlite

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/order"
)

var odd = []string{"", "A123", `a"b`, `a\b`, "tab\tnew\nline", "ünï ☃", "a,b}c]", "\x7f\x00", "</script>"}

func TestLinesSurvive(t *testing.T) {
	var lines []event.Line
	for i, s := range odd {
		lines = append(lines, event.Line{SKU: s, Qty: int64(i)}, event.Line{SKU: s, Qty: math.MinInt64, UnitPrice: event.Money{Amount: math.MaxInt64, Currency: s}})
	}
	for n := range lines {
		checkLines(t, lines[n:n+1])
		checkLines(t, lines[n:])
	}
	if len(encodeLines(nil)) > 0 || len(encodeShortfall(nil)) > 0 {
		t.Error("no lines have a text")
	}
}

func checkLines(t *testing.T, lines []event.Line) {
	t.Helper()
	text := string(encodeLines(lines))
	got, err := decodeLines(text)
	if err != nil || !reflect.DeepEqual(got, lines) {
		t.Fatalf("%s\nis read as %+v, %v", text, got, err)
	}
	var want []event.Line
	if err := json.Unmarshal([]byte(text), &want); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\nis not what encoding/json reads: %+v, %v", text, want, err)
	}
}

func TestHistorySurvives(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 123_000_000, time.UTC)
	var history []order.Entry
	for i, s := range odd {
		history = append(history, order.Entry{Status: order.Pending, At: at.Add(time.Duration(i) * time.Millisecond), Reason: s})
		text := string(encodeHistory(history))
		got, err := decodeHistory(text)
		if err != nil || !reflect.DeepEqual(got, history) {
			t.Fatalf("%s\nis read as %+v, %v", text, got, err)
		}
	}
}

func TestShortfallSurvives(t *testing.T) {
	var short []event.Shortfall
	for i, s := range odd {
		short = append(short, event.Shortfall{SKU: s, Qty: int64(i), Available: -1})
	}
	if got, err := decode[event.Shortfall](string(encodeShortfall(short))); err != nil || !reflect.DeepEqual(got, short) {
		t.Errorf("read as %+v, %v", got, err)
	}
}

// People may edit a row with sqlite3: any JSON of the right meaning is read, and
// anything else is an error, never half a list.
func TestTextsThatWeDidNotWrite(t *testing.T) {
	edited := `[ {"qty": 2, "sku": "A123"}, {"sku":"B456","qty":3} ]`
	want := []event.Line{{SKU: "A123", Qty: 2}, {SKU: "B456", Qty: 3}}
	if got, err := decodeLines(edited); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read as %+v, %v", got, err)
	}
	if got, err := decodeHistory(`[{"at": 0, "status": "PENDING"}]`); err != nil || len(got) != 1 || !got[0].At.Equal(time.UnixMilli(0)) {
		t.Errorf("read as %+v, %v", got, err)
	}
	whole := string(encodeLines([]event.Line{{SKU: "A", Qty: 1, UnitPrice: price}, {SKU: "B", Qty: 22}}))
	for n := 1; n < len(whole); n++ {
		if got, err := decodeLines(whole[:n]); err == nil {
			t.Errorf("%s is read as %+v", whole[:n], got)
		}
	}
	if got, err := decodeLines(strings.Replace(whole, "22", "2.5", 1)); err == nil {
		t.Errorf("a fraction is read as %+v", got)
	}
}
