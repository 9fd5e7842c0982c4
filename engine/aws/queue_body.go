package aws

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"holdfast/event"
)

// wrapped is what a message begins with that SQS would not carry as it is: the
// rest is base64. A message that begins so by itself is wrapped too.
const wrapped = "holdfast-base64:"

// encodeBodies are the events as SQS carries them. It fails with event.Invalid if
// one is too large.
func encodeBodies(events []event.Event) ([]string, error) {
	bodies := make([]string, len(events))
	for i, e := range events {
		message, err := e.Encode()
		if err != nil {
			return nil, fmt.Errorf("encode event %s: %w", e.ID(), err)
		}
		bodies[i] = wrap(message)
		if n := len(bodies[i]); n > maxBody {
			return nil, event.Errorf(event.Invalid, "event %s takes %d bytes; a queue carries %d at most", e.ID(), n, maxBody)
		}
	}
	return bodies, nil
}

func wrap(message []byte) string {
	text := string(message)
	if carried(text) && !strings.HasPrefix(text, wrapped) {
		return text
	}
	return wrapped + base64.StdEncoding.EncodeToString(message)
}

// unwrap undoes wrap. What looks wrapped and is not stays as it is.
func unwrap(body string) []byte {
	if text, ok := strings.CutPrefix(body, wrapped); ok {
		if message, err := base64.StdEncoding.DecodeString(text); err == nil {
			return message
		}
	}
	return []byte(body)
}

// carried tells whether SQS carries the text: at least one character, and of
// Unicode those that XML has
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
func carried(text string) bool {
	return text != "" && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}
