package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// episode is one Holdfast's life: a new folder, a crew, its clients, so many kills,
// and the judgement at the end.
type episode struct {
	seed  uint64
	split bool // a process a service, two each of inventory and payment; else one process
	lapse bool // one process is stopped for longer than a lease
	kills int

	binary string
	folder string // kept if something was found
	killed func()
	orders *atomic.Int64 // accepted
	ended  func(status string)
}

func (e episode) String() string {
	return fmt.Sprintf("--seed %d --processes %d --kills %d (patient=%t, lapse=%t)", e.seed, map[bool]int{false: 1, true: 3}[e.split], e.kills, e.patient(), e.lapse)
}

// patient episodes have nothing healed by time: orders are asked about again only
// when the order service starts, and no hold ends. In the others the sweep is quick
// and holds are short.
func (e episode) patient() bool { return (e.seed%2 == 0) != e.split }

// How many clients a Holdfast has.
const customers, staffed = 6, 2

// hardLimit is how long after the last kill the slowest client may wait for its
// last answer, and the slowest order for its end.
const hardLimit = 90 * time.Second

// run lives the episode, and returns what broke. It fails where it could not be
// lived.
func (e episode) run(ctx context.Context) (found []breach, err error) {
	c, err := e.crew()
	if err != nil {
		return nil, err
	}
	defer c.disband()
	s := &shop{clock: clock(time.Now()), url: c.all[0].url(), orders: e.orders, patient: e.patient(), blind: make(map[string]bool), poison: make(map[string]string)}
	if err := c.startAll(); err != nil {
		return nil, err
	}
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	closing, closeShop := context.WithCancel(hard)
	clients := e.clients(closing, hard, s, c)
	t := &torment{crew: c, shop: s, rng: e.draw(0), kills: e.kills, tell: e.killed, lapse: e.lapse}
	// An interrupt from a terminal reaches the crew too, in whatever it does.
	if err = t.run(ctx); err == nil || ctx.Err() != nil {
		c.thaw()
		c.kill(c.all...)
		err = c.startAll()
	}
	closeShop()
	defer time.AfterFunc(hardLimit, cancel).Stop()
	if err != nil {
		cancel()
	}
	clients.Wait()
	if err != nil {
		return s.breaches(), err
	}
	j := &judge{caller: newCaller(), shop: s, crew: c}
	err = j.judge(hard)
	for _, o := range j.ends {
		e.ended(o.Status)
	}
	return s.breaches(), err
}

// draw is the source of one actor's choices.
func (e episode) draw(actor int) *rand.Rand { return rand.New(rand.NewPCG(e.seed, uint64(actor))) }

// crew makes the folder and the processes, which are not started yet.
func (e episode) crew() (*crew, error) {
	c := &crew{binary: e.binary, data: filepath.Join(e.folder, "data"), logs: filepath.Join(e.folder, "logs")}
	if err := os.MkdirAll(c.logs, 0o700); err != nil {
		return nil, err
	}
	if said, err := c.run(context.Background(), "setup"); err != nil {
		return nil, fmt.Errorf("setup: %w\n%s", err, said)
	}
	terms := []string{"--sweep", "500ms", "--hold", "4s"}
	if e.patient() {
		terms = []string{"--sweep", "1h", "--hold", "2h"}
	}
	if !e.split {
		_, err := c.join("serve", terms...)
		return c, err
	}
	door, err := c.join("order", terms...)
	if err != nil {
		return nil, err
	}
	for _, service := range []string{"inventory", "inventory", "payment", "payment"} {
		if _, err := c.join(service); err != nil {
			return nil, err
		}
	}
	door.flags = append(door.flags, "--inventory-url", c.all[1].url(), "--payment-url", c.all[3].url())
	return c, nil
}

// clients opens the shop. They leave one after the other when it closes.
func (e episode) clients(closing, hard context.Context, s *shop, c *crew) *sync.WaitGroup {
	var all sync.WaitGroup
	doors := []string{s.url}
	if e.split {
		doors = append(doors, c.all[2].url()) // the second inventory process, past the door
	}
	team := make([]*staff, staffed)
	for i := range team {
		team[i] = &staff{caller: newCaller(), shop: s, number: customers + i, doors: doors, rng: e.draw(1 + customers + i)}
	}
	for range onSaleAtOnce {
		s.onSale = append(s.onSale, team[0].open(hard, true))
	}
	for _, member := range team {
		all.Go(func() { member.work(closing, hard) })
	}
	for i := range customers {
		c := &customer{caller: newCaller(), shop: s, number: i, rng: e.draw(1 + i)}
		all.Go(func() { c.buy(closing, hard) })
	}
	return &all
}
