package ops

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
)

var (
	nine    = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	quarter = nine.Add(15 * time.Minute)
)

// timeline is that of an order in this status, at nine, whose hold ends a quarter later.
func timeline(status string, change ...func(*client.Timeline)) client.Timeline {
	t := client.Timeline{Order: client.Order{Status: status}, Now: nine, HoldUntil: quarter}
	for _, c := range change {
		c(&t)
	}
	return t
}

func reserved(state string) func(*client.Timeline) {
	return func(t *client.Timeline) { t.Reservation = &client.Reservation{State: state} }
}

func paid(state string) func(*client.Timeline) {
	return func(t *client.Timeline) { t.Payment = &client.Payment{State: state} }
}

func silent(services ...string) func(*client.Timeline) {
	return func(t *client.Timeline) { t.Unanswered = services }
}

func remembered(all ...client.Remembered) func(*client.Timeline) {
	return func(t *client.Timeline) { t.Remembered = all }
}

func called(op, outcome string) client.Remembered {
	return client.Remembered{Kind: "called", Service: "payment", Op: op, Outcome: outcome}
}

// back is a message that comes again so long after nine.
func back(service string, after time.Duration) client.Remembered {
	return client.Remembered{Kind: "returned", Service: service, Next: new(nine.Add(after))}
}

// due has the sweeper ask so long after nine, for so often by now.
func due(after time.Duration, sweeps int) func(*client.Timeline) {
	return func(t *client.Timeline) { t.DueAt, t.Sweeps = new(nine.Add(after)), sweeps }
}

// past has the hold end now.
func past(t *client.Timeline) { t.Now = quarter }

const (
	held     = "Stock held until 09:15:00; unpaid by then, the order is cancelled and the stock goes back."
	notAsked = "Payment: the gateway has been asked and has not answered yet."

	uncertain    = "The stock stays held until it is certain that nothing is charged."
	stillHeld    = "The hold ended at 09:15:00. " + uncertain
	overdueWords = "The hold has ended; payment is to say whether the order was paid."
	releasing    = "Nothing is charged; inventory is to release the stock."
	toldOrder    = "Inventory is done; the order service is to hear of it."
)

func TestWaiting(t *testing.T) {
	charging := []func(*client.Timeline){reserved("HELD"), paid("CHARGING")}
	down := &client.Gateway{OutageUntil: new(nine.Add(time.Minute)), Breakers: []client.Breaker{{Operation: "capture", State: "open"}}}
	broken := &client.Gateway{Breakers: []client.Breaker{{Operation: "capture", State: "closed"}, {Operation: "void", State: "open"}}}
	for name, c := range map[string]struct {
		t       client.Timeline
		gateway *client.Gateway
		want    []string
	}{
		"just accepted":        {timeline("PENDING"), nil, []string{"Inventory is to hold the stock."}},
		"inventory is away":    {timeline("PENDING", silent("inventory")), nil, []string{"Inventory, which does not answer now.", "The inventory service does not answer now, so what it knows of this order is missing here."}},
		"held":                 {timeline("PENDING", reserved("HELD")), nil, []string{"The stock is held; payment is to begin the charge.", held}},
		"held, payment away":   {timeline("PENDING", reserved("HELD"), silent("payment")), nil, []string{"The stock is held. Payment does not answer now.", held, "The payment service does not answer now, so what it knows of this order is missing here."}},
		"hold refused":         {timeline("PENDING", reserved("REJECTED")), nil, []string{toldOrder}},
		"settled":              {timeline("RESERVED", reserved("SETTLED"), paid("CAPTURED")), nil, []string{toldOrder}},
		"paid":                 {timeline("RESERVED", reserved("HELD"), paid("CAPTURED")), nil, []string{"It is paid; inventory is to settle the hold."}},
		"declined":             {timeline("RESERVED", reserved("HELD"), paid("DECLINED")), nil, []string{releasing}},
		"voided":               {timeline("PENDING", reserved("HELD"), paid("VOIDED")), nil, []string{releasing}},
		"voided, never held":   {timeline("PENDING", past, paid("VOIDED")), nil, []string{releasing}},
		"over, never held":     {timeline("PENDING", past), nil, []string{overdueWords}},
		"over, not charged":    {timeline("PENDING", past, reserved("HELD")), nil, []string{overdueWords, stillHeld}},
		"charging":             {timeline("PENDING", charging...), &client.Gateway{}, []string{notAsked, held}},
		"charging, not known":  {timeline("PENDING", charging...), nil, []string{notAsked, held}},
		"charging, out":        {timeline("RESERVED", charging...), down, []string{notAsked, "The simulated gateway is unreachable until 09:01:00.", held}},
		"charging, breaker":    {timeline("RESERVED", charging...), broken, []string{notAsked, "The gateway does not answer anybody who asks it to void; it is tried every few seconds.", held}},
		"an outage of no harm": {timeline("PENDING"), down, []string{"Inventory is to hold the stock."}},
		"asked once": {
			timeline("RESERVED", append(charging, remembered(called("capture", "unknown"), back("payment", 12*time.Second)))...),
			nil,
			[]string{"Payment unknown: asked 1 time in vain, next in 12 s.", held},
		},
		"asked three times": {
			timeline("RESERVED", append(charging, remembered(called("capture", "unknown"), back("payment", -time.Minute), called("capture", "unknown"), called("capture", "unknown"), back("payment", 90*time.Second), back("inventory", time.Second)))...),
			nil,
			[]string{"Payment unknown: asked 3 times in vain, next in 90 s.", held},
		},
		"next at once": {
			timeline("RESERVED", append(charging, remembered(called("capture", "unknown"), back("payment", 300*time.Millisecond)))...),
			nil,
			[]string{"Payment unknown: asked 1 time in vain, next in 1 s.", held},
		},
		"asking now": {
			timeline("RESERVED", append(charging, remembered(called("capture", "unknown"), back("payment", 0)))...),
			nil,
			[]string{"Payment unknown: asked 1 time in vain, asking again now.", held},
		},
		"held back": {
			timeline("RESERVED", append(charging, remembered(called("capture", "held back"), back("payment", 3*time.Second)))...),
			nil,
			[]string{"Payment: the gateway is not asked while it does not answer others, next in 3 s.", held},
		},
		"unknown, then held back": {
			timeline("RESERVED", append(charging, remembered(called("capture", "unknown"), called("capture", "held back"), back("payment", 3*time.Second)))...),
			nil,
			[]string{"Payment unknown: asked 1 time in vain, next in 3 s.", held},
		},
		"unknown of another step": {
			timeline("RESERVED", append(charging, remembered(called("void", "unknown")))...),
			nil,
			[]string{notAsked, held},
		},
		"when next is forgotten": {
			timeline("RESERVED", append(charging, remembered(called("capture", "unknown")))...),
			nil,
			[]string{"Payment unknown: asked 1 time in vain, asking again now.", held},
		},
		"past its hold": {
			timeline("RESERVED", append(charging, past)...),
			nil,
			[]string{notAsked, stillHeld},
		},
		"past its hold, the day after": {
			timeline("RESERVED", append(charging, func(t *client.Timeline) { t.Now = nine.Add(24 * time.Hour) })...),
			nil,
			[]string{notAsked, "The hold ended at 2026-11-23 09:15:00. The stock stays held until it is certain that nothing is charged."},
		},
		"hold over, voiding":    {timeline("PENDING", reserved("HELD"), paid("VOIDING(expired)"), remembered(called("void", "unknown"))), nil, []string{"Void of the payment unknown: asked 1 time in vain, asking again now.", held}},
		"cancel accepted":       {timeline("CANCELLING"), nil, []string{"Payment is to take the charge back."}},
		"cancel, payment away":  {timeline("CANCELLING", silent("payment")), nil, []string{"Payment is to take the charge back.", "The payment service does not answer now, so what it knows of this order is missing here."}},
		"cancel, voiding":       {timeline("CANCELLING", reserved("HELD"), paid("VOIDING(client)")), down, []string{"Void of the payment: the gateway has been asked and has not answered yet.", "The simulated gateway is unreachable until 09:01:00.", uncertain}},
		"cancel, not heard yet": {timeline("CANCELLING", charging...), nil, []string{"Payment is to take the charge back.", uncertain}},
		"cancel, voided":        {timeline("CANCELLING", reserved("HELD"), paid("VOIDED")), nil, []string{releasing}},
		"cancel, declined":      {timeline("CANCELLING", reserved("HELD"), paid("DECLINED")), nil, []string{releasing}},
		"cancel, refused hold":  {timeline("CANCELLING", reserved("REJECTED"), paid("VOIDED")), nil, []string{releasing}},
		"cancel, released":      {timeline("CANCELLING", reserved("RELEASED(voided)"), paid("VOIDED")), nil, []string{toldOrder}},
		"cancel, refunding": {
			timeline("CANCELLING", reserved("SETTLED"), paid("VOIDING(client)"), remembered(called("void", "captured"), called("refund", "unknown"), called("void", "captured"), called("refund", "unknown"), back("payment", 12*time.Second))),
			nil,
			[]string{"Refund unknown: asked 2 times in vain, next in 12 s."},
		},
		"cancel, charged before":   {timeline("CANCELLING", reserved("SETTLED"), paid("CAPTURED")), nil, []string{"Payment is to take the charge back."}},
		"refund accepted":          {timeline("REFUNDING", reserved("SETTLED"), paid("CAPTURED")), nil, []string{"Payment is to begin the refund."}},
		"refund, payment away":     {timeline("REFUNDING", reserved("SETTLED"), silent("payment")), nil, []string{"Payment is to begin the refund.", "The payment service does not answer now, so what it knows of this order is missing here."}},
		"refund, given back":       {timeline("REFUNDING", reserved("SETTLED"), paid("REFUNDED")), nil, []string{"The money is given back; inventory is to book the units."}},
		"refund, booked":           {timeline("REFUNDING", reserved("RETURNED"), paid("REFUNDED")), nil, []string{toldOrder}},
		"refund, asked since paid": {timeline("REFUNDING", reserved("SETTLED"), paid("REFUNDING"), remembered(called("capture", "unknown"), called("capture", "captured"), called("refund", "unknown"), back("payment", time.Minute))), nil, []string{"Refund unknown: asked 1 time in vain, next in 60 s."}},
		"refund, not asked yet":    {timeline("REFUNDING", reserved("SETTLED"), paid("REFUNDING"), remembered(called("capture", "unknown"), called("capture", "captured"))), nil, []string{"Refund: the gateway has been asked and has not answered yet."}},
		"swept never":              {timeline("PENDING", due(30*time.Second, 0)), nil, []string{"Inventory is to hold the stock.", "If a message was lost, it is sent again in 30 s."}},
		"swept soon":               {timeline("PENDING", due(time.Millisecond, 0)), nil, []string{"Inventory is to hold the stock.", "If a message was lost, it is sent again in 1 s."}},
		"swept twice":              {timeline("PENDING", due(4*time.Minute, 2)), nil, []string{"Inventory is to hold the stock.", "Silent for long: the sweeper has asked about it 2 times, and asks again in 4 min."}},
		"swept now":                {timeline("PENDING", due(0, 1)), nil, []string{"Inventory is to hold the stock.", "Silent for long: the sweeper has asked about it 1 time, and asks again now."}},
		"all at once": {
			timeline("RESERVED", reserved("HELD"), paid("CHARGING"), silent("inventory"), due(time.Minute, 0)), down,
			[]string{
				notAsked, "The simulated gateway is unreachable until 09:01:00.", held,
				"The inventory service does not answer now, so what it knows of this order is missing here.", "If a message was lost, it is sent again in 60 s.",
			},
		},
	} {
		if got := waiting(c.t, c.gateway); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant:\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// TestEveryStateIsWaitedForInWords: whatever the three say together, an open order waits
// for something, and one that has ended for nothing.
func TestEveryStateIsWaitedForInWords(t *testing.T) {
	reservations := []string{"", "HELD", "REJECTED", "SETTLED", "RELEASED(declined)", "RELEASED(voided)", "RETURNED"}
	payments := []string{"", "CHARGING", "CAPTURED", "DECLINED", "VOIDING(client)", "VOIDING(expired)", "VOIDED", "REFUNDING", "REFUNDED"}
	for _, s := range statuses {
		for _, r := range reservations {
			for _, p := range payments {
				order := timeline(s.Status, due(time.Minute, 1))
				if r != "" {
					reserved(r)(&order)
				}
				if p != "" {
					paid(p)(&order)
				}
				says := waiting(order, nil)
				if ended(s.Status) != (len(says) == 0) {
					t.Errorf("%s, %q, %q: %q", s.Status, r, p, says)
				}
				for _, sentence := range says {
					if !strings.HasSuffix(sentence, ".") || strings.Contains(sentence, "  ") || strings.HasPrefix(sentence, " ") || strings.HasPrefix(sentence, ":") {
						t.Errorf("%s, %q, %q: no sentence: %q", s.Status, r, p, sentence)
					}
				}
			}
		}
	}
}
