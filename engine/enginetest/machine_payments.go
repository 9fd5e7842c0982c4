package enginetest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"

	"pgregory.net/rapid"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/keys"
	"holdfast/payment"
)

// paymentMachine plays payment.Store.
type paymentMachine struct{ *match }

func newPaymentMachine(_ *rapid.T, m *match) machine { return paymentMachine{m} }

func (m paymentMachine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){"Apply": m.apply, "Apply again": m.apply, "Get": m.get}
}

func (m paymentMachine) state(ctx context.Context, s *side) ([]any, error) {
	all, err := walkPages(3, func(last payment.Payment) ([]payment.Payment, error) { return s.Payments.Scan(ctx, last.Number, 3) })
	return []any{all}, err
}

var paymentStates = []payment.State{
	payment.None, payment.Charging, payment.Captured, payment.Declined, payment.VoidingClient, payment.VoidingExpired, payment.Voided, payment.Refunding, payment.Refunded,
}

// drawPaymentChange draws a change that a service may ask for, or a mere reading.
// A first write and a change of what is there are different writes.
func drawPaymentChange(t *rapid.T) payment.Change {
	c := payment.Change{Ref: drawnRefs.Draw(t, "of"), To: rapid.SampledFrom(paymentStates).Draw(t, "to")}
	if c.To == payment.None {
		return c
	}
	if c.From = []payment.State{payment.None}; rapid.Bool().Draw(t, "of what is there") {
		c.From = drawSome(t, "from", 1, paymentStates[1:])
	}
	c.At, c.Amount, c.Method = moments.Draw(t, "at"), prices.Draw(t, "amount"), payings.Draw(t, "paid by")
	c.ReservedAt, c.Restock = moments.Draw(t, "reserved at"), rapid.Bool().Draw(t, "restock")
	return c
}

func (m paymentMachine) apply(t *rapid.T) {
	batch := drawBatch(t, drawPaymentChange)
	m.write(t, "Apply", len(batch), func(ctx context.Context, s *side) (any, error) { return s.Payments.Apply(ctx, batch) })
}

func (m paymentMachine) get(t *rapid.T) {
	refs := rapid.SliceOfN(drawnRefs, 0, 4).Draw(t, "orders")
	m.ask(t, "Get", func(ctx context.Context, s *side) (any, error) { return s.Payments.Get(ctx, refs) })
}

// ledgerMachine plays simulated.Ledger.
type ledgerMachine struct{ *match }

func newLedgerMachine(_ *rapid.T, m *match) machine { return ledgerMachine{m} }

func (m ledgerMachine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){"Update": m.update, "Update again": m.update, "SetOutage": m.setOutage, "Get": m.get, "Scan": m.scan}
}

func (m ledgerMachine) state(ctx context.Context, s *side) ([]any, error) {
	all, err := s.Ledger.Scan(ctx, 0, 100)
	until, errOutage := s.Ledger.Outage(ctx)
	return []any{all, until}, cmp.Or(err, errOutage)
}

var (
	entryKeys   = []string{"a", "a/refund", "b", "B"}
	entryStates = rapid.SampledFrom([]simulated.State{simulated.Open, simulated.Captured, simulated.Declined, simulated.Voided, simulated.Refunded})
)

// update adds and alters entries, and alters others in place that it leaves out.
func (m ledgerMachine) update(t *rapid.T) {
	r := drawnRefs.Draw(t, "of")
	drawn := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) simulated.Entry {
		return simulated.Entry{
			Key: rapid.SampledFrom(entryKeys).Draw(t, "key"), Order: r, State: entryStates.Draw(t, "state"), Amount: prices.Draw(t, "amount"),
			Method: payings.Draw(t, "paid by"), Attempts: rapid.IntRange(0, 3).Draw(t, "attempts"), At: moments.Draw(t, "at"),
		}
	}), 0, 3, func(e simulated.Entry) string { return e.Key }).Draw(t, "entries")
	m.write(t, "Update", 1, func(ctx context.Context, s *side) (any, error) {
		var before []simulated.Entry
		err := s.Ledger.Update(ctx, r, func(have []simulated.Entry) []simulated.Entry {
			before = slices.Clone(have)
			for i := range have {
				have[i].Attempts++
			}
			return drawn
		})
		return before, err
	})
}

func (m ledgerMachine) setOutage(t *rapid.T) {
	until := moments.Draw(t, "until")
	m.write(t, "SetOutage", 1, func(ctx context.Context, s *side) (any, error) { return nil, s.Ledger.SetOutage(ctx, until) })
}

func (m ledgerMachine) get(t *rapid.T) {
	refs := rapid.SliceOfN(drawnRefs, 0, 4).Draw(t, "orders")
	m.ask(t, "Get", func(ctx context.Context, s *side) (any, error) { return s.Ledger.Get(ctx, refs) })
}

func (m ledgerMachine) scan(t *rapid.T) {
	limit := limits.Draw(t, "limit")
	m.ask(t, "Scan", func(ctx context.Context, s *side) (any, error) {
		return walkPages(limit*len(entryKeys), func(last simulated.Entry) ([]simulated.Entry, error) {
			return s.Ledger.Scan(ctx, last.Order.Number, limit)
		})
	})
}

// keyMachine plays keys.Store.
type keyMachine struct {
	*match
	made int // keys so far, each of which is later than those before
}

func newKeyMachine(_ *rapid.T, m *match) machine { return &keyMachine{match: m} }

func (m *keyMachine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){"Create": m.create, "Revoke": m.revoke}
}

func (m *keyMachine) state(ctx context.Context, s *side) ([]any, error) {
	all, err := s.Keys.List(ctx)
	return []any{all}, err
}

var keyNames = rapid.SampledFrom([]string{"shop", "Shop", "shop.2", "..", "0"})

func (m *keyMachine) create(t *rapid.T) {
	m.made++
	k := keys.Key{Name: keyNames.Draw(t, "name"), Scopes: drawSome(t, "scopes", 1, keys.Scopes), Hash: sha256.Sum256([]byte{byte(m.made)}), CreatedAt: after(m.made)}
	m.write(t, "Create", 1, func(ctx context.Context, s *side) (any, error) { return nil, s.Keys.Create(ctx, k) })
}

func (m *keyMachine) revoke(t *rapid.T) {
	name, at := keyNames.Draw(t, "name"), moments.Draw(t, "at")
	m.write(t, "Revoke", 1, func(ctx context.Context, s *side) (any, error) { return nil, s.Keys.Revoke(ctx, name, at) })
}

// letterMachine plays event.DeadLetters.
type letterMachine struct{ *match }

func newLetterMachine(_ *rapid.T, m *match) machine { return letterMachine{m} }

func (m letterMachine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){"Put": m.put, "Delete": m.delete, "Get": m.get, "List": m.list}
}

func (m letterMachine) state(ctx context.Context, s *side) ([]any, error) {
	all, err := s.box().List(ctx, "", 1000)
	n, errCount := s.box().Count(ctx)
	return []any{all, n}, cmp.Or(err, errCount)
}

func (s *side) box() event.DeadLetters { return s.DeadLetters[event.Payment] }

// drawLetter draws a letter of an event that this build reads, or of a message
// that it does not.
func drawLetter(t *rapid.T) event.DeadLetter {
	e := event.New(event.StockSettled, drawnRefs.Draw(t, "order"), start)
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 1:
		e.Type = event.StockReserved
		e.Lines, e.Total, e.ReservedAt = drawLines(t), prices.Draw(t, "total"), moments.Draw(t, "reserved at")
	case 2:
		e = event.Decode([]byte(rapid.SampledFrom([]string{"", "{}", "\x00\xff", "no JSON"}).Draw(t, "message")))
	case 3:
		e = event.Decode([]byte(`{"specversion":"1.0","id":"` + rapid.SampledFrom([]string{"é/ü", "a b", "~"}).Draw(t, "id") + `","type":"holdfast.Unheard"}`))
	}
	return event.DeadLetter{ID: e.ID(), Event: e, Reason: rapid.SampledFrom([]string{"", "é\n\"'"}).Draw(t, "reason"), Count: rapid.IntRange(1, 9).Draw(t, "count"), DeadAt: moments.Draw(t, "dead at")}
}

func (m letterMachine) put(t *rapid.T) {
	batch := drawBatch(t, drawLetter)
	m.write(t, "Put", len(batch), func(ctx context.Context, s *side) (any, error) { return nil, s.box().Put(ctx, batch) })
}

// delete names letters as they are there, or others.
func (m letterMachine) delete(t *rapid.T) {
	batch := drawBatch(t, func(t *rapid.T) event.DeadLetter {
		l := drawLetter(t)
		if there, err := m.want.box().Get(t.Context(), l.ID); err == nil && rapid.Bool().Draw(t, "as it is there") {
			return there
		}
		return l
	})
	m.write(t, "Delete", len(batch), func(ctx context.Context, s *side) (any, error) { return s.box().Delete(ctx, batch) })
}

func (m letterMachine) get(t *rapid.T) {
	id := drawLetter(t).ID
	m.ask(t, "Get", func(ctx context.Context, s *side) (any, error) { return s.box().Get(ctx, id) })
}

func (m letterMachine) list(t *rapid.T) {
	after, limit := rapid.OneOf(rapid.Just(""), rapid.StringN(0, 3, 12)).Draw(t, "after"), limits.Draw(t, "limit")
	m.ask(t, "List", func(ctx context.Context, s *side) (any, error) { return s.box().List(ctx, after, limit) })
}
