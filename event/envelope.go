package event

import (
	"encoding/json"
	"strings"
	"time"
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
	Version         int             `json:"eventversion"`
	Subject         string          `json:"subject"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Data            json.RawMessage `json:"data"`
}

// data is an Event without the methods that would make its encoding recurse.
type data Event

// readable reports whether this build knows what an event's data means.
func (e Event) readable() bool {
	_, known := e.Type.Reader()
	return known && e.Version >= 1 && e.Version <= Version
}

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

// MarshalJSON writes the event in its CloudEvents envelope.
func (e Event) MarshalJSON() ([]byte, error) {
	text := e.Unread
	if text == nil {
		var err error
		if text, err = json.Marshal(data(e)); err != nil {
			return nil, err
		}
	}
	name, cause := e.Type.split()
	return json.Marshal(envelope{
		SpecVersion: "1.0", ID: e.ID(), Source: "/holdfast/" + string(e.Type.writer()),
		Type: "holdfast." + name, Cause: cause, Version: e.Version,
		Subject: e.OrderID, Time: e.At.UTC(), DataContentType: "application/json", Data: text,
	})
}

// UnmarshalJSON reads an event from its envelope. It fails with UnknownEvent
// when the text is no CloudEvents 1.0 envelope of ours. The data of an event of a
// type or version that this build does not know is kept word for word, so that
// it can be dead-lettered now and redriven to a build that knows it.
func (e *Event) UnmarshalJSON(text []byte) error {
	var env envelope
	if err := json.Unmarshal(text, &env); err != nil {
		return Errorf(UnknownEvent, "not an event envelope: %w", err)
	}
	name, ours := strings.CutPrefix(env.Type, "holdfast.")
	if env.SpecVersion != "1.0" || !ours || name == "" {
		return Errorf(UnknownEvent, "not an event of ours: specversion %q, type %q", env.SpecVersion, env.Type)
	}
	if env.Cause != "" {
		name += "(" + env.Cause + ")"
	}
	read := Event{Type: Type(name), Version: env.Version, At: env.Time, Ref: Ref{OrderID: env.Subject}}
	if !read.readable() {
		read.Unread = env.Data
	} else if err := json.Unmarshal(env.Data, (*data)(&read)); err != nil {
		return Errorf(UnknownEvent, "the data of a %s: %w", read.Type, err)
	}
	*e = read
	return nil
}
