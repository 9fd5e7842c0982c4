package ops

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"holdfast/api/client"
)

// parse returns the layout with one page in it.
func parse(file string) *template.Template {
	return template.Must(template.New("").Funcs(words).ParseFS(files, "pages/layout.html", "pages/"+file))
}

// words are what the pages write values with.
var words = template.FuncMap{
	"count": count[int], "units": count[int64], "signed": signed, "money": money, "clock": clock, "stamp": stamp,
	"status": statusWords, "tone": tone, "plural": plural, "ends": ended, "items": itemWords,
	"took":  func(o client.Order) string { return duration(o.UpdatedAt.Sub(o.CreatedAt)) },
	"since": elapsed,
	"pages": func() []section { return sections },
	"pager": func(back, backText, on, onText string) pager { return pager{back, backText, on, onText} },
	"rows":  rowsOf,
	"head":  func(id string) string { return id[:max(0, len(id)-tailLen)] },
	"tail":  func(id string) string { return id[max(0, len(id)-tailLen):] },
}

// tailLen is how much of an id a narrow page shows: its end, since the ids of orders
// that were placed together begin alike.
const tailLen = 12

// section is a page that the navigation leads to.
type section struct{ Name, Path string }

var sections = []section{{"Now", "/"}, {"Orders", "/ops/orders"}, {"Stock", "/ops/stock"}, {"Queues", "/ops/queues"}}

// pager is the links below a list.
type pager struct{ Back, BackText, On, OnText string }

// rows are a table's rows, and the time that they are shown at.
type rows struct {
	Now    time.Time
	Orders []client.Order
	Stock  []client.Stock
}

func rowsOf(now time.Time, of any) (rows, error) {
	switch of := of.(type) {
	case []client.Order:
		return rows{Now: now, Orders: of}, nil
	case *client.Order:
		return rows{Now: now, Orders: []client.Order{*of}}, nil
	case []client.Stock:
		return rows{Now: now, Stock: of}, nil
	}
	return rows{}, fmt.Errorf("no table has rows of %T", of)
}

// count writes a number with commas between its thousands.
func count[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "−", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// signed is count with a plus where there is no minus.
func signed(n int64) string {
	if n > 0 {
		return "+" + count(n)
	}
	return count(n)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// minorDigits are the digits of the minor unit where they are not two (ISO 4217,
// list one, of 2024-06-25).
var minorDigits = map[string]int{
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4,
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
	"UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}

// money writes an amount in its currency's own units: 1999 USD is 19.99 USD.
func money(m client.Money) string {
	if m.Currency == "" {
		return "–"
	}
	digits, ok := minorDigits[m.Currency]
	if !ok {
		digits = 2
	}
	if digits == 0 {
		return count(m.Amount) + " " + m.Currency
	}
	unit := int64(1)
	for range digits {
		unit *= 10
	}
	return fmt.Sprintf("%s.%0*d %s", count(m.Amount/unit), digits, m.Amount%unit, m.Currency)
}

// clock is the time of day, to the second, with the date where that is another.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// stamp is a time in full, for programs and for who points at it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// duration writes a time span as a person says it: 4 ms, 2.5 s, 12 s, 3 min, 2 h 5 min.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// elapsed writes how long after the beginning a step was: +4 ms, +2.500 s, +6:32, +1:06:32.
func elapsed(d time.Duration) string {
	switch s := int(d.Seconds()); {
	case d < time.Second:
		return fmt.Sprintf("+%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("+%.3f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("+%d:%02d", s/60, s%60)
	default:
		return fmt.Sprintf("+%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
}

// seconds is a duration from the API's seconds.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// statuses are the statuses of an order, in the order of its life, with their words.
var statuses = []struct{ Status, Words, tone string }{
	{"PENDING", "Pending", "open"},
	{"RESERVED", "Waits for payment", "open"},
	{"CANCELLING", "Being cancelled", "open"},
	{"REFUNDING", "Being refunded", "open"},
	{"COMPLETED", "Completed", "good"},
	{"FAILED_NO_STOCK", "Failed: no stock", "ended"},
	{"PAYMENT_FAILED", "Failed: payment", "ended"},
	{"CANCELLED", "Cancelled", "ended"},
	{"REFUNDED", "Refunded", "ended"},
}

// statusWords says a status in words.
func statusWords(status string) string {
	for _, s := range statuses {
		if s.Status == status {
			return s.Words
		}
	}
	return status
}

// tone is how a status is drawn: open, good or ended.
func tone(status string) string {
	for _, s := range statuses {
		if s.Status == status {
			return s.tone
		}
	}
	return "ended"
}

// ended reports whether an order in this status has come to an end.
func ended(status string) bool { return tone(status) != "open" }

// reasons are an order's reason codes in words.
var reasons = map[string]string{
	"out_of_stock":        "there was not enough stock",
	"unknown_sku":         "a SKU does not exist",
	"mixed_currency":      "its lines are priced in different currencies",
	"card_declined":       "the card was declined",
	"cancelled_by_client": "the client cancelled it",
	"hold_expired":        "its hold ended before it was paid",
}

// reason says a reason code in words, as the code where there are none.
func reason(code string) string {
	if words, ok := reasons[code]; ok {
		return words
	}
	return code
}
