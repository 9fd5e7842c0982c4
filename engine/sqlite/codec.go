package sqlite

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"holdfast/event"
	"holdfast/order"
)

// The lists of a row are JSON texts, so that sqlite3's json_each reads them.
// They are written and read by hand, which took a fifth off the cost of an
// order's end and of a settled hold.

// encodeLines writes an order's lines; nothing if there are none.
func encodeLines(lines []event.Line) []byte {
	b := make([]byte, 0, 96*len(lines))
	for i, l := range lines {
		b = appendSeparator(b, i)
		b = append(b, `{"sku":`...)
		b = appendString(b, l.SKU)
		b = append(b, `,"qty":`...)
		b = strconv.AppendInt(b, l.Qty, 10)
		if !l.UnitPrice.IsZero() {
			b = append(b, `,"unit_price":{"amount":`...)
			b = strconv.AppendInt(b, l.UnitPrice.Amount, 10)
			b = append(b, `,"currency":`...)
			b = appendString(b, l.UnitPrice.Currency)
			b = append(b, '}')
		}
		b = append(b, '}')
	}
	return appendEnd(b)
}

// encodeHistory writes an order's history, its times in Unix milliseconds.
func encodeHistory(history []order.Entry) []byte {
	b := make([]byte, 0, 64*len(history))
	for i, e := range history {
		b = appendSeparator(b, i)
		b = append(b, `{"status":`...)
		b = appendString(b, string(e.Status))
		b = append(b, `,"at":`...)
		b = strconv.AppendInt(b, e.At.UnixMilli(), 10)
		if e.Reason != "" {
			b = append(b, `,"reason":`...)
			b = appendString(b, e.Reason)
		}
		b = append(b, '}')
	}
	return appendEnd(b)
}

// encodeShortfall writes the lines that fell short; nothing if there are none.
func encodeShortfall(short []event.Shortfall) []byte {
	b := make([]byte, 0, 64*len(short))
	for i, s := range short {
		b = appendSeparator(b, i)
		b = append(b, `{"sku":`...)
		b = appendString(b, s.SKU)
		b = append(b, `,"qty":`...)
		b = strconv.AppendInt(b, s.Qty, 10)
		b = append(b, `,"available":`...)
		b = strconv.AppendInt(b, s.Available, 10)
		b = append(b, '}')
	}
	return appendEnd(b)
}

func appendSeparator(b []byte, i int) []byte {
	if i == 0 {
		return append(b, '[')
	}
	return append(b, ',')
}

func appendEnd(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	return append(b, ']')
}

// appendString writes a JSON string. Nearly all of ours need no escapes.
func appendString(b []byte, s string) []byte {
	for _, c := range []byte(s) {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, _ := json.Marshal(s) // a string always has an encoding
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// decode reads a list of any JSON text; an empty text is none.
func decode[T any](text string) ([]T, error) {
	if text == "" {
		return nil, nil
	}
	var list []T
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("a row's JSON cannot be read: %w", err)
	}
	return list, nil
}

// decodeLines reads an order's lines.
func decodeLines(text string) ([]event.Line, error) {
	if text == "" {
		return nil, nil // a tombstone has none
	}
	p := parser{rest: text}
	lines := make([]event.Line, 0, 1)
	for p.next(len(lines)) {
		var l event.Line
		l.SKU = p.text(`{"sku":"`)
		l.Qty = p.integer(`,"qty":`)
		if p.has(`,"unit_price":`) {
			l.UnitPrice.Amount = p.integer(`{"amount":`)
			l.UnitPrice.Currency = p.text(`,"currency":"`)
			p.expect("}")
		}
		p.expect("}")
		lines = append(lines, l)
	}
	if p.done() {
		return lines, nil
	}
	return decode[event.Line](text)
}

// historyEntry is order.Entry as a row holds it.
type historyEntry struct {
	Status order.Status `json:"status"`
	At     int64        `json:"at"`
	Reason string       `json:"reason"`
}

// decodeHistory reads an order's history.
func decodeHistory(text string) ([]order.Entry, error) {
	p := parser{rest: text}
	history := make([]order.Entry, 0, 3)
	for p.next(len(history)) {
		e := order.Entry{Status: order.Status(p.text(`{"status":"`)), At: time.UnixMilli(p.integer(`,"at":`)).UTC()}
		if p.has(`,"reason":"`) {
			e.Reason = p.text("")
		}
		p.expect("}")
		history = append(history, e)
	}
	if p.done() {
		return history, nil
	}
	list, err := decode[historyEntry](text)
	history = history[:0]
	for _, e := range list {
		history = append(history, order.Entry{Status: e.Status, At: time.UnixMilli(e.At).UTC(), Reason: e.Reason})
	}
	return history, err
}

// parser reads what the functions above wrote, at a fifth of encoding/json's
// cost. Whatever differs from that to the byte (a text edited by hand, a string
// with escapes) stops it, and is left to encoding/json.
type parser struct {
	rest    string
	stopped bool
}

// next reports whether a list has another element, after i of them.
func (p *parser) next(i int) bool {
	if i == 0 {
		p.expect("[")
		return !p.stopped
	}
	return !p.stopped && p.has(",")
}

// done reports whether the list ends here and all of it was read.
func (p *parser) done() bool {
	p.expect("]")
	return !p.stopped && p.rest == ""
}

func (p *parser) has(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

func (p *parser) expect(prefix string) {
	if !p.has(prefix) {
		p.stopped = true
	}
}

// text reads a string's rest, its closing quote included.
func (p *parser) text(prefix string) string {
	p.expect(prefix)
	end := strings.IndexByte(p.rest, '"')
	if end < 0 || strings.IndexByte(p.rest[:end], '\\') >= 0 {
		p.stopped = true
		return ""
	}
	s := p.rest[:end]
	p.rest = p.rest[end+1:]
	return s
}

func (p *parser) integer(prefix string) int64 {
	p.expect(prefix)
	end := strings.IndexAny(p.rest, ",}")
	if end < 0 {
		p.stopped = true
		return 0
	}
	n, err := strconv.ParseInt(p.rest[:end], 10, 64)
	p.stopped = p.stopped || err != nil
	p.rest = p.rest[end:]
	return n
}
