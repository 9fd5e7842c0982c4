package sim

import (
	"fmt"
	"slices"
	"time"

	"holdfast/event"
)

func skuName(n int) string { return fmt.Sprintf("sku-%d", n) }

func processName(s event.Service, n int) string { return fmt.Sprintf("%s-%d", s, n+1) }

func (p *process) runs(s event.Service) bool { return slices.Contains(p.services, s) }

// misfortune brings what does not come of a step of somebody's: outages, jumps of
// clocks, curses and poison.
func (w *world) misfortune() {
	for w.faulty {
		w.sleep(w.between(time.Second, 30*time.Minute))
		if !w.faulty {
			return
		}
		w.queueOutage()
		w.storeOutage()
		w.gatewayOutage()
		w.clockJump()
		w.curse()
		w.poisonQueue()
	}
}

func (w *world) queueOutage() {
	if !w.strikes(QueueOutage) {
		return
	}
	q := w.queues[event.Services[w.rng.IntN(len(event.Services))]]
	d := w.between(time.Second, 2*time.Hour)
	w.note("", "network", "the %s queue is out for %s", q.service, d)
	q.down = w.now.Add(d)
	if d > time.Hour/2 {
		w.hit(race(19))
	}
	for range q.waiting {
		q.wake()
	}
	w.after(d, q.wake)
}

func (w *world) storeOutage() {
	if len(w.processes) == 0 || !w.strikes(StoreOutage) {
		return
	}
	p := w.processes[w.rng.IntN(len(w.processes))]
	d := w.between(time.Second, time.Hour)
	w.note("", p.name, "its stores are out for %s", d)
	p.diskOut = w.now.Add(d)
}

func (w *world) gatewayOutage() {
	if !w.strikes(GatewayOutage) {
		return
	}
	d := w.between(time.Second, 2*time.Hour)
	w.note("", "gateway", "is out for %s", d)
	if d > time.Hour/2 {
		w.hit(race(40))
	}
	must(w.processor.Outage(ctx, d))
}

func (w *world) clockJump() {
	if len(w.processes) == 0 || !w.strikes(ClockJump) {
		return
	}
	p := w.processes[w.rng.IntN(len(w.processes))]
	d := w.between(time.Second, 6*time.Hour)
	if w.rng.IntN(2) == 0 {
		d = -d
	}
	p.skew += d
	w.hit(race(32))
	w.note("", p.name, "its clock jumps by %s", d)
}

// skew is how far a process's clock is off when the world begins.
func (w *world) skew() time.Duration {
	if w.setup.faults[ClockJump] == 0 || w.rng.IntN(2) == 0 {
		return 0
	}
	return w.between(time.Second, time.Hour) - 30*time.Minute
}

// curse makes every write of one order fail for some time, alone or in a batch.
func (w *world) curse() {
	if len(w.toldIDs) == 0 || !w.strikes(Curse) {
		return
	}
	id := w.toldIDs[w.rng.IntN(len(w.toldIDs))]
	d := w.between(time.Second, 30*time.Minute)
	w.note(id, "misfortune", "curses it for %s", d)
	w.cursed[id] = w.now.Add(d)
}

// poisonQueue puts a message into a queue that no service can read.
func (w *world) poisonQueue() {
	if !w.strikes(Poison) {
		return
	}
	q := w.queues[event.Services[w.rng.IntN(len(event.Services))]]
	text := fmt.Sprintf("poison %d", w.poisoned)
	if w.rng.IntN(2) == 0 {
		text = fmt.Sprintf(`{"specversion":"1.0","id":"poison-%d","type":"holdfast.Unheard","subject":"x"}`, w.poisoned)
	}
	e := event.Decode([]byte(text))
	w.note(e.ID(), "misfortune", "puts %q on the %s queue", text, q.service)
	w.poisoned++
	if !w.setup.together { // there it may die with its process before it is buried
		w.poison = append(w.poison, e.ID())
	}
	q.add(e, 0)
}

// verifyPoison holds the services to keeping what they cannot read.
func (w *world) verifyPoison() {
	for _, id := range w.poison {
		kept := false
		for _, s := range event.Services {
			if _, err := w.engine.DeadLetters[s].Get(ctx, id); err == nil {
				kept = true
			}
		}
		if !kept {
			w.breach(id, "the message %s, which nobody can read, was dropped", id)
		}
	}
}

// calm ends all faults: what is out comes back, what is cursed is free, clocks are
// set right.
func (w *world) calm() {
	w.note("", "misfortune", "is over")
	w.faulty = false
	clear(w.cursed)
	must(w.processor.Outage(ctx, 0))
	for _, s := range event.Services {
		w.queues[s].down = time.Time{}
		w.queues[s].wake()
	}
	for _, p := range w.processes {
		p.diskOut, p.skew = time.Time{}, 0
	}
}
