package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// verb is what a client asks of an order or of stock.
type verb string

const (
	place  verb = "place"
	read   verb = "read"
	cancel verb = "cancel"
	refund verb = "refund"
)

// orderCall is a call about one order.
type orderCall struct {
	verb    verb
	meaning string // of the request to place
	restock bool   // of the request to refund
	again   bool   // an earlier try of this call may have had its effect
}

// orderAnswer is what the call was told.
type orderAnswer struct {
	status   int    // 0: nothing, so that it may have had its effect or not
	replayed bool   // of the 202 to place
	body     string // of the 202 to place
	trail    string // of the order that was shown: its statuses, oldest first
	story    string // of the order that was shown: its history, a line a step
}

// orderState is what clients can know of an order at one moment. Statuses that it
// goes through by itself are guessed: see progress.
type orderState struct {
	meaning string // of the request that made it; empty: there is none
	body    string // of its 202, once one was shown
	trail   string // its statuses, oldest first
	story   string // its history as it was last shown, to which steps are only added
	restock bool   // of its refund
}

// byItself lists the statuses that an order goes to without a client's asking.
var byItself = map[string][]string{
	"PENDING":    {"RESERVED", "FAILED_NO_STOCK", "CANCELLED"},
	"RESERVED":   {"COMPLETED", "PAYMENT_FAILED", "CANCELLED"},
	"CANCELLING": {"CANCELLED"},
	"REFUNDING":  {"REFUNDED"},
}

// orderModel is an order as the outward interface promises it. Its own progress
// between two calls is nobody's call, so each step is tried from every state that
// the order may have come to by itself.
var orderModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{orderState{}} },
	Step: func(state, input, output any) []any {
		var next []any
		for _, s := range state.(orderState).step(input.(orderCall), output.(orderAnswer)) {
			next = append(next, s)
		}
		return next
	},
}).ToModel()

// step is what the order may be after a call with this answer; nothing if it
// cannot be.
func (s orderState) step(c orderCall, a orderAnswer) []orderState {
	if c.verb == place {
		return s.placed(c, a)
	}
	if s.meaning == "" {
		return s.onlyIf(a.status == http.StatusNotFound || a.status == 0)
	}
	switch c.verb {
	case read:
		return s.shown(c, a, func(p orderState) (orderState, bool) { return p, true })
	case cancel:
		return s.shown(c, a, orderState.cancelled)
	default:
		return s.shown(c, a, func(p orderState) (orderState, bool) { return p.refunded(c.restock) })
	}
}

func (s orderState) onlyIf(possible bool) []orderState {
	if possible {
		return []orderState{s}
	}
	return nil
}

// placed is a request to place: it makes the order, or finds it made.
func (s orderState) placed(c orderCall, a orderAnswer) []orderState {
	made := orderState{meaning: c.meaning, body: a.body, trail: "PENDING"}
	switch {
	case a.status == 0 && s.meaning == "":
		return []orderState{s, made}
	case a.status == 0:
		return []orderState{s}
	case a.status == http.StatusUnprocessableEntity:
		return s.onlyIf(s.meaning != "" && s.meaning != c.meaning)
	case a.status != http.StatusAccepted:
		return nil
	case s.meaning == "":
		return made.onlyIf(!a.replayed || c.again)
	}
	same := s.meaning == c.meaning && a.replayed && (s.body == "" || s.body == a.body)
	s.body = a.body
	return s.onlyIf(same)
}

// shown is a call that shows the order as ask leaves it, or is refused where ask
// is not possible.
func (s orderState) shown(c orderCall, a orderAnswer, ask func(orderState) (orderState, bool)) (next []orderState) {
	if a.status == 0 {
		next = append(next, s)
	}
	for _, p := range s.progress() {
		left, possible := ask(p)
		switch {
		case a.status == http.StatusConflict && !possible:
			next = append(next, p)
		case a.status == 0 && possible && left != p:
			next = append(next, left)
		case (a.status == http.StatusOK || a.status == http.StatusAccepted) && possible:
			next = append(next, left.told(c, a)...)
		}
	}
	return next
}

// told is what the order is once it was shown so. The answer to a later try may
// show what the order has become since the first one had its effect.
func (s orderState) told(c orderCall, a orderAnswer) (all []orderState) {
	since := []orderState{s}
	if c.again {
		since = s.progress()
	}
	for _, p := range since {
		if p.matches(a) {
			p.story = a.story
			all = append(all, p)
		}
	}
	return all
}

// matches reports whether the order may be shown so: its steps are these, and none
// that was ever shown has changed.
func (s orderState) matches(a orderAnswer) bool {
	return s.trail == a.trail && strings.HasPrefix(a.story, s.story)
}

func (s orderState) status() string { return s.trail[strings.LastIndex(s.trail, " ")+1:] }

func (s orderState) enter(status string) orderState {
	s.trail += " " + status
	return s
}

// progress is all that the order may have become by itself, what it is included.
func (s orderState) progress() []orderState {
	all := []orderState{s}
	for _, status := range byItself[s.status()] {
		all = append(all, s.enter(status).progress()...)
	}
	return all
}

// cancelled is the order after an accepted cancel; false where that is refused.
func (s orderState) cancelled() (orderState, bool) {
	switch s.status() {
	case "PENDING", "RESERVED":
		return s.enter("CANCELLING"), true
	case "CANCELLING", "CANCELLED":
		return s, true
	}
	return s, false
}

// refunded is the order after an accepted refund; false where that is refused.
func (s orderState) refunded(restock bool) (orderState, bool) {
	switch s.status() {
	case "COMPLETED":
		s.restock = restock
		return s.enter("REFUNDING"), true
	case "REFUNDING", "REFUNDED":
		return s, s.restock == restock
	}
	return s, false
}

// ended reports whether an order with this trail has nothing left to do.
func ended(trail string) bool {
	status := orderState{trail: trail}.status()
	return status != "" && !slices.Contains([]string{"PENDING", "RESERVED", "CANCELLING", "REFUNDING"}, status)
}

func (c orderCall) String() string {
	text := string(c.verb)
	switch {
	case c.verb == place:
		text += " " + c.meaning
	case c.verb == refund && c.restock:
		text += " and restock"
	}
	if c.again {
		text += " (tried before)"
	}
	return text
}

func (a orderAnswer) String() string {
	switch {
	case a.status == 0:
		return "no answer"
	case a.trail != "":
		return fmt.Sprintf("%d %s", a.status, strings.TrimSuffix(strings.ReplaceAll(a.story, "\n", "; "), "; "))
	case a.replayed:
		return fmt.Sprintf("%d replayed %s", a.status, strings.TrimSpace(a.body))
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.body))
}
