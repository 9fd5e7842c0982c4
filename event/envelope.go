package event

import (
	"encoding/json"
	"time"
)

// envelope is CloudEvents 1.0 in its JSON format
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
// Cause and version are extension attributes.
type envelope struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Cause           string    `json:"cause,omitempty"`
	Version         int       `json:"eventversion"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            data      `json:"data"`
}

// data is an Event without the methods that would make its encoding recurse.
type data Event

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
	name, cause := e.Type.split()
	return json.Marshal(envelope{
		SpecVersion: "1.0", ID: e.ID(), Source: "/holdfast/" + string(e.Type.writer()),
		Type: "holdfast." + name, Cause: cause, Version: e.Version,
		Subject: e.OrderID, Time: e.At.UTC(), DataContentType: "application/json", Data: data(e),
	})
}

// UnmarshalJSON reads an event from its envelope. It fails with UnknownEvent
// when the text is no CloudEvents 1.0 envelope of ours; a type or a version that
// no table knows is kept as it is, for the reader to dead-letter.
func (e *Event) UnmarshalJSON(text []byte) error {
	var env envelope
	if err := json.Unmarshal(text, &env); err != nil {
		return Errorf(UnknownEvent, "not an event envelope: %w", err)
	}
	const prefix = "holdfast."
	if env.SpecVersion != "1.0" || len(env.Type) <= len(prefix) || env.Type[:len(prefix)] != prefix {
		return Errorf(UnknownEvent, "not an event of ours: specversion %q, type %q", env.SpecVersion, env.Type)
	}
	t := Type(env.Type[len(prefix):])
	if env.Cause != "" {
		t += Type("(" + env.Cause + ")")
	}
	*e = Event(env.Data)
	e.Type, e.Version, e.At = t, env.Version, env.Time
	return nil
}
