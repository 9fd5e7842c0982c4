package explore

import (
	"context"
	"fmt"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// A reader that finds its record in another state than usual writes twice: once in
// vain, and once more by what it then knows. Between the two another worker may
// do a whole step. What comes of that must be what comes of one of the two after
// the other; so the exploration may take each step at once.

// checkRaces reads every two letters that one store was read by in that way.
func (x *explorer) checkRaces() {
	for _, p := range x.parties() {
		for at := range p.stores {
			read := x.readAt(p, stand(at))
			for _, slow := range read {
				for _, quick := range read {
					if x.result.Breach == nil && slow.twice() && !p.race(stand(at), slow, quick) {
						x.raced(p, stand(at), slow, quick)
					}
				}
			}
		}
	}
}

// reading is a letter of an order to be read.
type reading struct {
	*lane
	n int
}

func (r reading) event() event.Event { return r.post.events[r.n] }

// readAt lists what the store was read by as it stood.
func (x *explorer) readAt(p *party, at stand) (all []reading) {
	for _, l := range x.lanes {
		for n, o := range p.outcomes[at][l.number] {
			if o != nil {
				all = append(all, reading{l, n})
			}
		}
	}
	return all
}

// twice reports whether reading may take two writes of which the second depends
// on the first.
func (r reading) twice() bool {
	t := r.event().Type
	return t != place && t != sweepBefore && t != sweepAfter && t != unitComesIn
}

// raced notes the breach of two readings, at the first state that allows both.
func (x *explorer) raced(p *party, at stand, slow, quick reading) {
	for i, w := range x.nodes {
		if *w.of(p.name, slow.number) != at || w.courses[slow.number].mail>>slow.n&1 == 0 || w.courses[quick.number].mail>>quick.n&1 == 0 {
			continue
		}
		x.breach(int32(i), fmt.Sprintf("%s reads %s while another worker reads %s, and it is as neither before the other",
			p.name, slow.post.name(slow.n), quick.post.name(quick.n)))
		return
	}
}

// race reads the slow letter with all of the quick one between its first write
// and its second, and reports whether one after the other comes to the same.
func (p *party) race(at stand, slow, quick reading) bool {
	m := p.stores[at].Clone()
	plain := *m
	interrupted := false
	between(m, func() {
		interrupted = true
		_, _ = p.run(context.Background(), &plain, quick.event())
	})
	r, err := p.run(context.Background(), m, slow.event())
	if !interrupted {
		return true
	}
	got := p.account(&plain, r, err)
	return got == p.inTurn(at, slow, slow, quick) || got == p.inTurn(at, slow, quick, slow)
}

// inTurn reads one letter after the other, and returns the account of one of them.
func (p *party) inTurn(at stand, of reading, turns ...reading) (account string) {
	m := p.stores[at].Clone()
	var mine event.Result
	var mineErr error
	for _, turn := range turns {
		r, err := p.run(context.Background(), m, turn.event())
		if turn == of {
			mine, mineErr = r, err
		}
	}
	return p.account(m, mine, mineErr)
}

// account is how the store stands and what a reader made of its letter.
func (p *party) account(m *memory.Memory, r event.Result, err error) string {
	return fmt.Sprint(p.key(m), r.Send.Type, r.Send.Restock, r.Call, r.Retry, r.Dead, err)
}

// between has another worker act before each second write of a store.
func between(m *memory.Memory, act func()) {
	m.Orders = &orderRace{Store: m.Orders, pause: pause{act: act}}
	m.Inventory = &stockRace{Store: m.Inventory, pause: pause{act: act}}
	m.Payments = &paymentRace{Store: m.Payments, pause: pause{act: act}}
}

// pause counts writes, and lets another worker act before the second.
type pause struct {
	writes int
	act    func()
}

func (p *pause) next() {
	if p.writes++; p.writes == 2 {
		p.act()
	}
}

type orderRace struct {
	order.Store
	pause
}

func (s *orderRace) Apply(ctx context.Context, c []order.Change) ([]event.Written[order.Order], error) {
	s.next()
	return s.Store.Apply(ctx, c)
}

type stockRace struct {
	inventory.Store
	pause
}

func (s *stockRace) Apply(ctx context.Context, c []inventory.Change) ([]event.Written[inventory.Reservation], error) {
	s.next()
	return s.Store.Apply(ctx, c)
}

type paymentRace struct {
	payment.Store
	pause
}

func (s *paymentRace) Apply(ctx context.Context, c []payment.Change) ([]event.Written[payment.Payment], error) {
	s.next()
	return s.Store.Apply(ctx, c)
}
