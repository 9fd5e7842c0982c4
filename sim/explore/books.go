package explore

import (
	"holdfast/event"
	"holdfast/payment"
)

// books are what the processor knows of the order: what became of the charge's
// key, and whether the refund's has been used.
type books struct {
	charge   charge
	refunded bool
}

// charge is an outcome of the charge's key.
type charge uint8

// The outcomes.
const (
	open charge = iota
	captured
	declined
	voided
)

// kept reports whether the client is charged.
func (b books) kept() bool { return b.charge == captured && !b.refunded }

// keys are the idempotency keys that the processor has seen, and what each is for.
type keys struct {
	useOf, keyOf map[string]string
}

func newKeys() keys { return keys{useOf: make(map[string]string), keyOf: make(map[string]string)} }

// belongs reports whether the key is that of the use, and of no other: the first
// that is seen of either is.
func (k keys) belongs(key, use string) bool {
	if k.useOf[key] == "" && k.keyOf[use] == "" {
		k.useOf[key], k.keyOf[use] = use, key
	}
	return k.useOf[key] == use && k.keyOf[use] == key
}

// ruling is what the processor makes of a request: its books, and its answer.
type ruling struct {
	books  books
	answer payment.Answer
}

// rule lists the rulings that the processor may choose from. Of two, the first
// is in the order's favour.
func (p *processor) rule(b books, op event.Op) []ruling {
	switch op {
	case event.Capture:
		return p.capture(b)
	case event.Void:
		return []ruling{p.void(b)}
	}
	if b.charge != captured {
		return nil // an error: there is nothing to give back
	}
	return []ruling{{books{captured, true}, payment.AnswerRefunded}}
}

func (p *processor) capture(b books) []ruling {
	switch b.charge {
	case captured:
		return []ruling{{b, payment.AnswerCaptured}}
	case declined:
		return []ruling{{b, payment.AnswerDeclined}}
	case voided:
		return []ruling{{b, payment.AnswerVoided}}
	}
	refusal := books{charge: declined}
	if p.ForgetsDeclines {
		refusal = b
	}
	return []ruling{{books{charge: captured}, payment.AnswerCaptured}, {refusal, payment.AnswerDeclined}}
}

func (p *processor) void(b books) ruling {
	switch {
	case b.charge == captured:
		return ruling{b, payment.AnswerCaptured}
	case b.charge == open && !p.CannotVoid:
		b.charge = voided
	}
	return ruling{b, payment.AnswerVoided}
}
