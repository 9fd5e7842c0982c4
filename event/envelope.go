package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// envelope is CloudEvents 1.0 in its JSON format
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
// Cause and version are extension attributes.
type envelope struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Cause           string          `json:"cause,omitempty"`
	Version         int             `json:"eventversion,omitempty"`
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time,omitzero"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
	Data64          []byte          `json:"data_base64,omitempty"`
}

// The attributes that all our envelopes share.
const (
	specVersion = "1.0"
	typePrefix  = "holdfast."
	source      = "/holdfast"
)

// payload is an envelope's data. Version 1 had the order's id in it too, which
// is the envelope's subject.
type payload struct {
	Number        int64       `json:"number"`
	Lines         []Line      `json:"lines,omitempty"`
	PaymentMethod string      `json:"payment_method,omitempty"`
	Total         Money       `json:"total,omitzero"`
	ReservedAt    time.Time   `json:"reserved_at,omitzero"`
	Reason        string      `json:"reason,omitempty"`
	Short         []Shortfall `json:"shortfall,omitempty"`
	Restock       bool        `json:"restock,omitempty"`
}

// Undecodable is the type of a message that is no event of ours: see Decode.
const Undecodable Type = "undecodable"

// The years that an event can be of. RFC 3339 has no others than 0 to 9999, in any
// time zone.
const (
	firstYear = 1970
	lastYear  = 9998
)

// maxForeignID bounds an id that this build did not make, in bytes.
const maxForeignID = 200

// writer is the service whose word the event is.
func (t Type) writer() Service {
	switch t {
	case OrderPlaced, CancelRequestedClient, CancelRequestedExpired, RefundRequested:
		return Order
	case PaymentPending, PaymentCaptured, PaymentDeclined, PaymentVoided, PaymentRefunded:
		return Payment
	}
	return Inventory
}

// Encode writes the event as a queue carries it: in its CloudEvents envelope, or
// word for word as it came where this build cannot read it.
func (e Event) Encode() ([]byte, error) {
	if e.Unread != nil {
		return e.Unread, nil
	}
	data, err := json.Marshal(payload{
		Number: e.Number, Lines: e.Lines, PaymentMethod: e.PaymentMethod, Total: e.Total,
		ReservedAt: e.ReservedAt, Reason: e.Reason, Short: e.Short, Restock: e.Restock,
	})
	if err != nil {
		return nil, err
	}
	name, cause := e.Type.split()
	return json.Marshal(envelope{
		SpecVersion: specVersion, ID: e.ID(), Source: source + "/" + string(e.Type.writer()),
		Type: typePrefix + name, Cause: cause, Version: e.Version,
		Subject: e.OrderID, Time: e.At.UTC(), DataContentType: "application/json", Data: data,
	})
}

// MarshalJSON is Encode, but for a message that is no JSON object, which it puts
// into an envelope of its own: whatever was received can be shown.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.Unread == nil || isObject(e.Unread) {
		return e.Encode()
	}
	shown := envelope{SpecVersion: specVersion, ID: e.ID(), Source: source, Type: typePrefix + string(Undecodable)}
	if utf8.Valid(e.Unread) {
		text, err := json.Marshal(string(e.Unread))
		if err != nil {
			return nil, err
		}
		shown.DataContentType, shown.Data = "text/plain", text
	} else {
		shown.DataContentType, shown.Data64 = "application/octet-stream", e.Unread
	}
	return json.Marshal(shown)
}

func isObject(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) && json.Valid(text) && utf8.Valid(text)
}

// Decode reads a message as Encode wrote it, of this version or an older one. It
// never fails: a message that this build cannot read becomes an event that Check
// refuses, of the type and order that its envelope names (Undecodable where it
// is none of ours), with all of the message in Unread. So it can be
// dead-lettered, and redriven word for word to a build that knows it.
func Decode(message []byte) Event {
	e, err := decode(message)
	if err != nil {
		e.Unread = append([]byte{}, message...)
	}
	return e
}

// decode fails with UnknownEvent for a message that this build cannot read, and
// then returns what it could make out of it.
func decode(message []byte) (Event, error) {
	var env envelope
	if err := json.Unmarshal(message, &env); err != nil {
		return Event{Type: Undecodable}, Errorf(UnknownEvent, "not an event envelope: %w", err)
	}
	name, ours := strings.CutPrefix(env.Type, typePrefix)
	if env.SpecVersion != specVersion || !ours || name == "" {
		return Event{Type: Undecodable}, Errorf(UnknownEvent, "not an event of ours: specversion %q, type %q", env.SpecVersion, env.Type)
	}
	if env.Cause != "" {
		name += "(" + env.Cause + ")"
	}
	e := Event{Type: Type(name), Version: env.Version, At: env.Time.UTC(), Ref: Ref{OrderID: env.Subject}}
	if err := e.known(); err != nil {
		return e, err
	}
	var data payload
	if err := json.Unmarshal(env.Data, &data); err != nil {
		return e, Errorf(UnknownEvent, "the data of a %s: %w", e.Type, err)
	}
	e.Number, e.Lines, e.PaymentMethod, e.Total = data.Number, data.Lines, data.PaymentMethod, data.Total
	e.ReservedAt, e.Reason, e.Short, e.Restock = data.ReservedAt.UTC(), data.Reason, data.Short, data.Restock
	if err := e.plausible(); err != nil {
		return e, Errorf(UnknownEvent, "a malformed %s: %w", e.Type, err)
	}
	return e, nil
}

// known tells whether this build has the event's type and version.
func (e Event) known() error {
	if _, ok := e.Type.Reader(); !ok {
		return Errorf(UnknownEvent, "no service of this build reads events of type %q", e.Type)
	}
	if e.Version < 1 || e.Version > Version {
		return Errorf(UnknownEvent, "%s has version %d of the event format; this build reads versions 1 to %d", e.Type, e.Version, Version)
	}
	return nil
}

// plausible refuses what no build of ours writes and what could do harm if it
// were believed.
func (e Event) plausible() error {
	switch {
	case !ValidName(e.OrderID) || e.Number < 1:
		return fmt.Errorf("order %q with number %d", e.OrderID, e.Number)
	case e.At.IsZero():
		return errors.New("no time")
	case e.At.Year() < firstYear || e.At.Year() > lastYear:
		return fmt.Errorf("a time of %s", e.At)
	case !e.ReservedAt.IsZero() && (e.ReservedAt.Year() < firstYear || e.ReservedAt.Year() > lastYear):
		return fmt.Errorf("stock reserved at %s", e.ReservedAt)
	case e.Type == OrderPlaced && len(e.Lines) == 0:
		return errors.New("no lines")
	case e.Type == StockReserved && (e.Total.Amount < 1 || e.Total.Currency == ""):
		return fmt.Errorf("a total of %d %q", e.Total.Amount, e.Total.Currency)
	}
	seen := make(map[string]bool, len(e.Lines))
	for _, l := range e.Lines {
		if !ValidName(l.SKU) || l.Qty < 1 || seen[l.SKU] {
			return fmt.Errorf("a line of %d %q", l.Qty, l.SKU)
		}
		seen[l.SKU] = true
	}
	return nil
}

// Check tells whether this build can read the event: nil, or UnknownEvent with
// the reason.
func (e Event) Check() error {
	if e.Unread == nil {
		return e.known()
	}
	_, err := decode(e.Unread)
	return err
}

// ID is the event's own id. It is made of what the event says, so the same
// event sent again has the same id, and a dead-letter queue holds it once. A
// message that this build cannot read keeps the id in its envelope, or is named
// by a hash of itself.
func (e Event) ID() string {
	if e.Unread == nil {
		return e.OrderID + ":" + string(e.Type)
	}
	var env envelope
	if json.Unmarshal(e.Unread, &env) == nil && e.Type != Undecodable && printableID(env.ID) {
		return env.ID
	}
	sum := sha256.Sum256(e.Unread)
	return string(Undecodable) + ":" + hex.EncodeToString(sum[:16])
}

func printableID(id string) bool {
	return id != "" && len(id) <= maxForeignID && utf8.ValidString(id) &&
		!strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsGraphic(r) })
}
