package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"holdfast/event"
)

func full() event.Event {
	e := event.New(event.StockReleasedVoided, event.Ref{OrderID: "o1", Number: 7}, noon)
	e.Lines = []event.Line{{SKU: "A123", Qty: 2, UnitPrice: event.Money{Amount: 1999, Currency: "USD"}}}
	e.PaymentMethod, e.Total, e.ReservedAt = "sim_approve", event.Money{Amount: 3998, Currency: "USD"}, noon
	e.Reason, e.Short, e.Restock = "out_of_stock", []event.Shortfall{{SKU: "A123", Qty: 2, Available: 1}}, true
	return e
}

func encode(t *testing.T, e event.Event) []byte {
	t.Helper()
	text, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// shown is what a person is shown of an event.
func shown(t *testing.T, e event.Event) map[string]any {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil || !utf8.Valid(text) {
		t.Fatalf("shown as %q, %v", text, err)
	}
	var envelope map[string]any
	if err := json.Unmarshal(text, &envelope); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return envelope
}

func wantAttributes(t *testing.T, envelope, want map[string]any) {
	t.Helper()
	for attribute, value := range want {
		if envelope[attribute] != value {
			t.Errorf("%s is %v, want %v", attribute, envelope[attribute], value)
		}
	}
}

func TestTheEnvelopeIsCloudEventsAndKeepsEveryField(t *testing.T) {
	wantAttributes(t, shown(t, full()), map[string]any{
		"specversion": "1.0", "id": "o1:StockReleased(voided)", "source": "/holdfast/inventory", "type": "holdfast.StockReleased",
		"cause": "voided", "eventversion": 2.0, "subject": "o1", "time": "2026-11-23T12:00:00.005Z", "datacontenttype": "application/json",
	})
	if back := event.Decode(encode(t, full())); !reflect.DeepEqual(back, full()) {
		t.Errorf("read back as %+v", back)
	}
}

func TestTimesAreUTCWhateverZoneTheyCameIn(t *testing.T) {
	away := full()
	away.At = noon.In(time.FixedZone("", 2*60*60))
	if text := encode(t, away); !bytes.Equal(text, encode(t, full())) {
		t.Errorf("written as %s", text)
	}
	text := strings.Replace(string(encode(t, full())), `"time":"2026-11-23T12:00:00.005Z"`, `"time":"2026-11-23T14:00:00.005+02:00"`, 1)
	if back := event.Decode([]byte(text)); !reflect.DeepEqual(back, full()) {
		t.Errorf("read back as %+v", back)
	}
}

func TestTheSameEventSentAgainHasTheSameID(t *testing.T) {
	again := full()
	again.At = noon.Add(time.Hour)
	other := full()
	other.Type = event.StockReleasedDeclined
	if full().ID() != again.ID() || full().ID() == other.ID() {
		t.Errorf("ids: %s, %s, %s", full().ID(), again.ID(), other.ID())
	}
}

// unread decodes a message that this build must not believe, and checks that it
// is kept word for word with the reason why.
func unread(t *testing.T, message, reason string) event.Event {
	t.Helper()
	e := event.Decode([]byte(message))
	if err := e.Check(); !errors.Is(err, event.UnknownEvent) || !strings.Contains(err.Error(), reason) {
		t.Errorf("%q: Check = %v, want UnknownEvent that says %q", message, err, reason)
	}
	if text := encode(t, e); string(text) != message {
		t.Errorf("%q is given back as %q", message, text)
	}
	return e
}

// foreign are messages that are no event of ours, and why.
var foreign = map[string]string{
	"": "not an event envelope", "garbage": "not an event envelope", "\x00\xff": "not an event envelope", `[]`: "not an event envelope",
	`"x"`: "not an event envelope", "{\"specversion\":\"1.0\xff": "not an event envelope", `{} {}`: "not an event envelope",
	"null": "not an event of ours", `{}`: "not an event of ours",
	`{"specversion":"1.0","type":"other.Thing","id":"7","subject":"o1"}`:   "not an event of ours",
	`{"specversion":"0.3","type":"holdfast.OrderPlaced","id":"7"}`:         "not an event of ours",
	`{"specversion":"1.0","type":"holdfast.","id":"7"}`:                    "not an event of ours",
	`{"specversion":"1.0","type":"holdfast.OrderPlaced","time":"at noon"}`: "not an event envelope",
}

func TestWhatIsNoEnvelopeOfOursIsKeptUnderAHashOfItself(t *testing.T) {
	ids := make(map[string]string)
	for message, reason := range foreign {
		e := unread(t, message, reason)
		if e.Type != event.Undecodable || e.OrderID != "" {
			t.Errorf("%q is taken for a %s of order %q", message, e.Type, e.OrderID)
		}
		id := e.ID()
		if other, taken := ids[id]; taken || !strings.HasPrefix(id, "undecodable:") || id != event.Decode([]byte(message)).ID() {
			t.Errorf("%q has the id %s, as %q has", message, id, other)
		}
		ids[id] = message
	}
}

func TestAnEventOfATypeOrVersionThatNobodyReadsIsKept(t *testing.T) {
	for _, c := range []struct {
		message, id, reason string
		typ                 event.Type
		version             int
	}{
		{`{"specversion":"1.0","id":"o1:StockSettled","source":"/holdfast/inventory","type":"holdfast.StockSettled","eventversion":9,"subject":"o1","data":{"total":"as text"}}`,
			"o1:StockSettled", "version 9 of the event format; this build reads versions 1 to 2", event.StockSettled, 9},
		{`{"specversion":"1.0","id":"a new kind of id","type":"holdfast.StockEaten","cause":"mice","eventversion":1,"subject":"o1","data":{"by":3}}`,
			"a new kind of id", `events of type "StockEaten(mice)"`, "StockEaten(mice)", 1},
		{`{"specversion":"1.0","id":"o1:StockSettled","type":"holdfast.StockSettled","subject":"o1","data":{"number":7}}`,
			"o1:StockSettled", "version 0", event.StockSettled, 0},
	} {
		e := unread(t, c.message, c.reason)
		if e.ID() != c.id || e.Type != c.typ || e.Version != c.version || e.OrderID != "o1" {
			t.Errorf("%s is taken for %s, version %d of %s, order %q", c.message, e.ID(), e.Version, e.Type, e.OrderID)
		}
	}
}

// What passes between a service and the worker, or a client and the order
// service, comes from no queue.
func TestNoMessagePassesForAnAnswerOfTheGatewayOrAClientsRequest(t *testing.T) {
	for _, typ := range []string{"gateway: captured", "gateway: voided", "cancel", "refund", "undecodable"} {
		e := unread(t, strings.Replace(string(encode(t, full())), "holdfast.StockReleased", "holdfast."+typ, 1), "no service of this build reads")
		if err := (event.Queues{}).Send(t.Context(), []event.Event{e}); !errors.Is(err, event.UnknownEvent) {
			t.Errorf("Send of %q = %v, want UnknownEvent", typ, err)
		}
	}
}

// sampleText is version 2's golden text of a type.
func sampleText(t *testing.T, typ event.Type) string {
	t.Helper()
	for i, e := range samples() {
		if e.Type == typ {
			return string(golden(t, event.Version)[i])
		}
	}
	t.Fatalf("no sample of %s", typ)
	return ""
}

// versionAs is how an envelope says its version.
func versionAs(version int) string { return fmt.Sprintf(`"eventversion":%d,`, version) }

func TestMalformedDataIsNeverBelieved(t *testing.T) {
	const (
		placed   = event.OrderPlaced
		reserved = event.StockReserved
		captured = event.PaymentCaptured
		order    = `"subject":"01jd-4f.Z_9",`
		number   = `"number":9007199254740993`
		lines    = `"lines":[{"sku":"A123","qty":2},{"sku":"B-4.5_6","qty":1}],`
		total    = `"total":{"amount":4003,"currency":"USD"},`
	)
	for name, c := range map[string]struct {
		typ               event.Type
		old, new, because string
	}{
		"no order id":         {captured, order, ``, `order ""`},
		"an unfit order id":   {captured, order, `"subject":"a/b",`, `order "a/b"`},
		"no number":           {captured, number, ``, "number 0"},
		"number 0":            {captured, number, `"number":0`, "number 0"},
		"a negative number":   {captured, number, `"number":-1`, "number -1"},
		"a fraction":          {captured, number, `"number":1.5`, "the data of a PaymentCaptured"},
		"a number as text":    {captured, number, `"number":"7"`, "the data of a PaymentCaptured"},
		"no data":             {captured, `,"data":{` + number + `}`, ``, "the data of a PaymentCaptured"},
		"data that is null":   {captured, `{` + number + `}`, `null`, "number 0"},
		"data that is a list": {captured, `{` + number + `}`, `[]`, "the data of a PaymentCaptured"},
		"no time":             {captured, `"time":"2026-11-23T12:00:00.005Z",`, ``, "no time"},
		"the year 10000":      {captured, `"time":"2026-11-23T12:00:00.005Z",`, `"time":"9999-12-31T23:59:59-01:00",`, "a time of 10000-"},
		"a year before 0":     {captured, `"time":"2026-11-23T12:00:00.005Z",`, `"time":"0000-01-01T00:00:00+01:00",`, "a time of -0001-"},
		"reserved in 10000":   {captured, number, number + `,"reserved_at":"9999-12-31T23:59:59-01:00"`, "stock reserved at 10000-"},
		"no lines":            {placed, lines, ``, "no lines"},
		"lines that are none": {placed, lines, `"lines":[],`, "no lines"},
		"an unfit SKU":        {placed, lines, `"lines":[{"sku":"a b","qty":1}],`, `a line of 1 "a b"`},
		"a line of nothing":   {placed, lines, `"lines":[{"sku":"A"}],`, `a line of 0 "A"`},
		"a negative line":     {placed, lines, `"lines":[{"sku":"A","qty":-1}],`, `a line of -1 "A"`},
		"a SKU twice":         {placed, lines, `"lines":[{"sku":"A","qty":1},{"sku":"A","qty":1}],`, `a line of 1 "A"`},
		"no total":            {reserved, total, ``, `a total of 0 ""`},
		"a total of nothing":  {reserved, total, `"total":{"amount":0,"currency":"USD"},`, `a total of 0 "USD"`},
		"a negative total":    {reserved, total, `"total":{"amount":-5,"currency":"USD"},`, `a total of -5 "USD"`},
		"no currency":         {reserved, total, `"total":{"amount":5},`, `a total of 5 ""`},
		"negative units held": {reserved, `"qty":2`, `"qty":-2`, `a line of -2 "A123"`},
	} {
		t.Run(name, func(t *testing.T) {
			for version := 1; version <= event.Version; version++ {
				good := strings.Replace(sampleText(t, c.typ), versionAs(event.Version), versionAs(version), 1)
				bad := strings.Replace(good, c.old, c.new, 1)
				if bad == good || event.Decode([]byte(good)).Unread != nil {
					t.Fatalf("%s has no %s, or cannot be read itself", good, c.old)
				}
				if e := unread(t, bad, c.because); e.Type != c.typ || e.Version != version || e.ID() != event.Decode([]byte(good)).ID() {
					t.Errorf("taken for %s, version %d of %s; it keeps what its envelope says", e.ID(), e.Version, e.Type)
				}
			}
		})
	}
}

func TestAnIDThatCannotBeShownGivesWayToAHash(t *testing.T) {
	base := `{"specversion":"1.0","id":"%","type":"holdfast.StockEaten","subject":"o1"}`
	seen := make(map[string]bool)
	for _, id := range []string{"", `two\nlines`, `a\u0000b`, `\u200b\u0007`, strings.Repeat("x", 201), strings.Repeat("é", 101)} {
		e := unread(t, strings.Replace(base, "%", id, 1), "StockEaten")
		if got := e.ID(); !strings.HasPrefix(got, "undecodable:") || seen[got] {
			t.Errorf("the id %q becomes %q", id, got)
		}
		seen[e.ID()] = true
	}
	for _, id := range []string{strings.Repeat("x", 200), "é, a:b/c"} {
		if got := unread(t, strings.Replace(base, "%", id, 1), "StockEaten").ID(); got != id {
			t.Errorf("the id %q becomes %q", id, got)
		}
	}
}

func TestWhateverWasReceivedCanBeShown(t *testing.T) {
	for message, want := range map[string]map[string]any{
		"plain words":      {"datacontenttype": "text/plain", "data": "plain words"},
		"":                 {"datacontenttype": "text/plain", "data": ""},
		`"a text"`:         {"datacontenttype": "text/plain", "data": `"a text"`},
		"{":                {"datacontenttype": "text/plain", "data": "{"},
		"[1, 2]":           {"datacontenttype": "text/plain", "data": "[1, 2]"},
		"a\xff\x00":        {"datacontenttype": "application/octet-stream", "data_base64": "Yf8A", "data": nil},
		"{\"a\":\"\xff\"}": {"datacontenttype": "application/octet-stream", "data_base64": "eyJhIjoi/yJ9", "data": nil, "a": nil},
		` {"a": "<b>"}`:    {"a": "<b>", "specversion": nil},
	} {
		e := event.Decode([]byte(message))
		if want["datacontenttype"] != nil {
			wantAttributes(t, shown(t, e), map[string]any{"specversion": "1.0", "id": e.ID(), "source": "/holdfast", "type": "holdfast.undecodable"})
		}
		wantAttributes(t, shown(t, e), want)
	}
}
