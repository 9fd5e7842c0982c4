package ops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"holdfast/api/client"
)

// queues is the page of the queues.
type queues struct {
	Queues    []queueRow
	Attention []alert
}

// queueRow is a queue as it is shown: a dash is a figure that is not known now.
type queueRow struct {
	Name, Waiting, InHand, Oldest, Dead string
	HasDead                             bool
}

func queueRows(all []client.Queue) []queueRow {
	rows := make([]queueRow, len(all))
	for i, q := range all {
		rows[i] = queueRow{
			Name: q.Name, Waiting: countOrDash(q.Depth), InHand: countOrDash(q.InFlight), Dead: countOrDash(q.DeadLetters),
			Oldest: "–", HasDead: q.DeadLetters != nil && *q.DeadLetters > 0,
		}
		if q.OldestSeconds != nil && *q.OldestSeconds > 0 {
			rows[i].Oldest = duration(seconds(*q.OldestSeconds))
		}
	}
	return rows
}

func countOrDash(n *int) string {
	if n == nil {
		return "–"
	}
	return count(*n)
}

func (p *Pages) queues(r *http.Request, v viewer) (view, error) {
	all, err := v.Client.Queues(r.Context())
	if err != nil {
		return view{}, err
	}
	q := queues{Queues: queueRows(all)}
	for _, one := range all {
		q.Attention = append(q.Attention, queueAlerts(one)...)
	}
	return view{Title: "Queues", Section: "Queues", Body: q}, nil
}

// letters are the dead letters of a queue.
type letters struct {
	Queue   string
	Now     time.Time
	Letters []letter
	Next    string // the page after; empty on the last
	First   string // the first page; empty on it
}

// letter is a dead letter, and what its event says.
type letter struct {
	client.DeadLetter
	Queue   string
	Now     time.Time
	Type    string
	OrderID string
	Text    string // the event, indented
}

func (p *Pages) letters(r *http.Request, v viewer) (view, error) {
	name, cursor := r.PathValue("name"), r.URL.Query().Get("cursor")
	page, err := v.Client.DeadLetterPage(r.Context(), name, pageSize, cursor)
	if err != nil {
		return view{}, err
	}
	l := letters{Queue: name, Now: p.config.Now()}
	for _, d := range page.DeadLetters {
		l.Letters = append(l.Letters, newLetter(name, d, l.Now))
	}
	if page.NextCursor != "" {
		l.Next = lettersPath(name) + "?" + url.Values{"cursor": {page.NextCursor}}.Encode()
	}
	if cursor != "" {
		l.First = lettersPath(name)
	}
	return view{Title: "Dead letters of " + name, Section: "Queues", Body: l, Live: lettersPath(name)}, nil
}

func (p *Pages) letter(r *http.Request, v viewer) (view, error) {
	name := r.PathValue("name")
	d, err := v.Client.DeadLetter(r.Context(), name, r.FormValue("id"))
	if err != nil {
		return view{}, err
	}
	l := newLetter(name, d, p.config.Now())
	return view{Title: "Dead letter", Section: "Queues", Body: l, Live: l.Path()}, nil
}

// Path is the letter's own page.
func (l letter) Path() string {
	return "/ops/queues/" + url.PathEscape(l.Queue) + "/dead-letter?" + url.Values{"id": {l.ID}}.Encode()
}

func lettersPath(queue string) string {
	return "/ops/queues/" + url.PathEscape(queue) + "/dead-letters"
}

func newLetter(queue string, d client.DeadLetter, now time.Time) letter {
	l := letter{DeadLetter: d, Queue: queue, Now: now, Type: "not readable"}
	var e map[string]any
	read := json.NewDecoder(bytes.NewReader(d.Event))
	read.UseNumber()
	if read.Decode(&e) != nil {
		l.Text = string(d.Event)
		return l
	}
	if t, ok := e["type"].(string); ok {
		l.Type = strings.TrimPrefix(t, "holdfast.")
		if cause, ok := e["cause"].(string); ok {
			l.Type += "(" + cause + ")"
		}
	}
	l.OrderID, _ = e["subject"].(string)
	conceal(e)
	if text, err := json.MarshalIndent(e, "", "  "); err == nil {
		l.Text = string(text)
	}
	return l
}

// conceal takes out of an event what is charged, wherever it stands: it is nobody's to
// read here.
func conceal(value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			text, _ := inner.(string) // as of a message that is damaged
			if name == "payment_method" || strings.Contains(text, "payment_method") {
				value[name] = "(not shown)"
			}
			conceal(inner)
		}
	case []any:
		for _, inner := range value {
			conceal(inner)
		}
	}
}

func (p *Pages) redrive(r *http.Request, v viewer) (next, saying string, err error) {
	name, n := r.PathValue("name"), 0
	switch ids := r.PostForm["id"]; {
	case r.PostFormValue("all") != "":
		n, err = v.Client.RedriveAll(r.Context(), name)
	case len(ids) == 0:
		err = refused("Dead letters", "choose one or more, or redrive all")
	default:
		n, err = v.Client.Redrive(r.Context(), name, ids...)
	}
	return lettersPath(name), fmt.Sprint("redriven-", n), err
}

func (p *Pages) deleteLetter(r *http.Request, v viewer) (next, saying string, err error) {
	name := r.PathValue("name")
	return lettersPath(name), "deleted", v.Client.DeleteDeadLetter(r.Context(), name, r.PostFormValue("id"))
}

// sayings are what acts have done, by the word that leads to the next page. A page
// shows no other text from its address.
var sayings = map[string]string{
	"placed":       "The order is accepted.",
	"cancelled":    "The cancel is accepted. The order ends cancelled, with nothing charged.",
	"refunded":     "The refund is accepted. The order ends refunded.",
	"added":        "The SKU is added.",
	"counted":      "The count is taken.",
	"adjusted":     "The adjustment is made.",
	"deleted":      "The dead letter is deleted for good.",
	"outage-begun": "The simulated gateway is unreachable for 60 seconds. Place an order and watch it wait.",
	"outage-ended": "The simulated gateway can be reached again.",
}

func said(r *http.Request) string {
	word := r.URL.Query().Get("said")
	var n int
	if _, err := fmt.Sscanf(word, "redriven-%d", &n); err == nil && n >= 0 {
		return plural(n, "dead letter is", "dead letters are") + " back on the queue."
	}
	return sayings[word]
}
