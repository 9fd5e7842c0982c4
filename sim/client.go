package sim

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
)

// client places one order, and then does with it what clients do: asks again,
// polls, cancels, wants the money back. A connection that breaks leaves it without
// an answer; it tries again.
type client struct {
	w       *world
	name    string
	request order.Request
	told    *told // what it knows of its order; nil until it has a 202
	posting int   // requests to place it under way
}

// errNoAnswer is a broken connection, or nobody there to connect to.
var errNoAnswer = errors.New("no answer")

// ask makes a request of some process that runs the service, and returns
// errNoAnswer if that dies meanwhile.
func (w *world) ask(s event.Service, request func(p *process) error) error {
	p := w.anyProcess(s)
	if p == nil {
		return errNoAnswer
	}
	err := request(p)
	if !p.alive {
		return errNoAnswer
	}
	return err
}

func (w *world) newClient(n int) *client {
	c := &client{w: w, name: fmt.Sprintf("client-%d", n)}
	r := order.Request{Caller: "local", UserID: fmt.Sprintf("user-%d", w.rng.IntN(4))}
	for range 1 + w.rng.IntN(3) {
		r.Lines = append(r.Lines, event.Line{SKU: w.sku(), Qty: 1 + w.rng.Int64N(3)})
	}
	if w.rng.IntN(20) == 0 {
		r.Lines[0].SKU = "nowhere"
	}
	switch w.rng.IntN(3) {
	case 0:
		r.OrderID = fmt.Sprintf("own-%d", n)
	case 1:
		r.Key = fmt.Sprintf("key-%d", n)
	}
	methods := []string{"", "", "", simulated.Approve, simulated.Approve, simulated.Decline, simulated.Timeout, simulated.Flaky}
	r.PaymentMethod = methods[w.rng.IntN(len(methods))]
	c.request = r
	return c
}

func (w *world) sku() string { return fmt.Sprintf("sku-%d", w.rng.IntN(w.setup.skus)) }

// shop is a client's life.
func (c *client) shop() {
	w := c.w
	defer func() { w.busy-- }()
	if w.chance(0.1) {
		c.misplace()
	}
	if w.chance(0.2) && (c.request.Key != "" || c.request.OrderID != "") { // impatient: posts twice at once
		w.busy++
		w.spawn(func() {
			defer func() { w.busy-- }()
			c.place()
		})
	}
	for tries := 0; c.told == nil && tries < 20; tries++ {
		if c.place(); c.told == nil {
			w.sleep(w.between(100*time.Millisecond, 10*time.Minute))
		}
	}
	if c.told == nil {
		return // gave up; there may be an order, and it must end all the same
	}
	for w.chance(0.75) {
		w.sleep(w.between(time.Millisecond, w.setup.hold*2))
		switch w.rng.IntN(10) {
		case 0, 1:
			c.cancel()
		case 2, 3:
			c.refund(w.chance(0.5))
		case 4:
			c.place()
		case 5:
			c.misuse()
		case 6:
			c.list()
		default:
			c.poll()
		}
	}
}

// place posts the order.
func (c *client) place() {
	w := c.w
	var placed order.Placed
	named := c.request.OrderID != "" || c.request.Key != ""
	known := 0
	if named {
		known = c.told.known()
	}
	if c.posting++; c.posting > 1 && named {
		w.hit(race(1))
	}
	defer func() { c.posting-- }()
	err := w.ask(event.Order, func(p *process) error {
		w.note("", c.name, "places an order with %s", p.name)
		w.placed++
		r := c.request
		r.NewID = fmt.Sprintf("new-%d", w.placed)
		all, err := p.orders.Place(ctx, p.now(), []order.Request{r})
		if err != nil {
			return err
		}
		if placed = all[0]; placed.New {
			p.send(placed.Send)
		}
		return placed.Err
	})
	if err != nil {
		if !unanswered(err) {
			w.breach("", "%s was refused: %v", c.name, err)
		}
		return
	}
	c.merged(placed.Order)
	c.told = w.accepted(c.name, placed.Order, named, known)
}

// merged holds the order's lines to the request's, added up by SKU.
func (c *client) merged(o order.Order) {
	asked, got := make(map[string]int64), make(map[string]int64)
	for _, l := range c.request.Lines {
		asked[l.SKU] += l.Qty
	}
	for _, l := range o.Lines {
		got[l.SKU] += l.Qty
	}
	if len(asked) != len(o.Lines) || !maps.Equal(asked, got) {
		c.w.breach(o.OrderID, "%v was ordered, and %v accepted", c.request.Lines, o.Lines)
	}
	if len(asked) < len(c.request.Lines) {
		c.w.hit(race(7))
	}
}

// send sends what follows of a request. If it cannot be sent, the sweeper will.
func (p *process) send(e event.Event) {
	if e.Type != "" {
		_ = p.queues.Send(ctx, []event.Event{e})
	}
}

// unanswered reports whether an error leaves open what became of the request: a
// 503 or a connection that broke.
func unanswered(err error) bool {
	return errors.Is(err, errNoAnswer) || errors.Is(err, event.Unavailable) || errors.Is(err, errCursed)
}

// misplace posts what must be refused, and see that nothing is stored for it.
func (c *client) misplace() {
	bad := c.request
	bad.Lines = append(bad.Lines[:len(bad.Lines):len(bad.Lines)], event.Line{SKU: "x", Qty: -1})
	c.refused("a bad order", event.Invalid, bad)
	if c.request.OrderID != "" {
		bad = c.request
		bad.Key = "another"
		c.refused("a key that differs from its id", event.Invalid, bad)
		c.w.hit(race(8))
	}
	c.w.hit(race(6))
}

// misuse posts another order under the name of this one.
func (c *client) misuse() {
	if c.request.OrderID == "" && c.request.Key == "" {
		return
	}
	other := c.request
	other.Lines = []event.Line{{SKU: "sku-0", Qty: 77}}
	c.refused("another order of the same name", event.Mismatch, other)
	c.w.hit(race(4))
	if c.request.OrderID != "" {
		other = c.request
		other.Caller = "somebody else"
		c.refused("somebody else's order of the same id", event.Conflict, other)
		return
	}
	c.elsewhere()
}

// elsewhere posts the order under the same key as another caller, who gets an order
// of its own.
func (c *client) elsewhere() {
	r := c.request
	r.Caller = "somebody else"
	var placed order.Placed
	err := c.w.ask(event.Order, func(p *process) error {
		all, err := p.orders.Place(ctx, p.now(), []order.Request{r})
		if err == nil {
			placed = all[0]
			p.send(placed.Send)
		}
		return err
	})
	if err == nil && (placed.Err != nil || placed.Order.OrderID == c.told.id) {
		c.w.breach(c.told.id, "another caller's order of the same key: %v, %v", placed.Order.OrderID, placed.Err)
	}
	if err == nil {
		c.w.hit(race(5))
	}
}

// refused posts a request that must not be accepted.
func (c *client) refused(what string, code event.Code, r order.Request) {
	w := c.w
	err := w.ask(event.Order, func(p *process) error {
		w.note("", c.name, "places %s", what)
		all, err := p.orders.Place(ctx, p.now(), []order.Request{r})
		if err != nil {
			return err
		}
		return all[0].Err
	})
	if !errors.Is(err, code) && !(err != nil && unanswered(err)) {
		w.breach(r.OrderID, "%s: %s got %v, not %s", c.name, what, err, code)
	}
}

// poll reads the order.
func (c *client) poll() {
	w := c.w
	var o order.Order
	known := c.told.known()
	err := w.ask(event.Order, func(p *process) (err error) {
		o, err = p.orders.Store.Get(ctx, c.told.id)
		return err
	})
	if err == nil {
		w.note(o.OrderID, c.name, "sees %s", o.Status)
		w.hit(race(9))
		c.told.saw(o, known)
	} else if !unanswered(err) {
		w.breach(c.told.id, "%s polled: %v", c.name, err)
	}
}

// list pages through the user's orders: each one that it was told of before it began
// must be there, and come once.
func (c *client) list() {
	w := c.w
	seen, missing := make(map[string]bool), w.toldOf(c.request.UserID)
	cursor := ""
	for {
		var page order.Page
		err := w.ask(event.Order, func(p *process) (err error) {
			page, err = p.orders.Store.List(ctx, order.Query{UserID: c.request.UserID, Cursor: cursor, Limit: 1 + w.rng.IntN(5)})
			return err
		})
		if err != nil {
			return // a client without an answer begins anew, some other time
		}
		for _, o := range page.Orders {
			if seen[o.OrderID] {
				w.breach(o.OrderID, "a list showed it twice")
			}
			seen[o.OrderID] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		w.sleep(w.between(time.Millisecond, time.Minute))
	}
	for _, id := range missing {
		if !seen[id] {
			w.breach(id, "a list of its user's orders did not show it")
		}
	}
}

// cancel asks for the order to be cancelled.
func (c *client) cancel() {
	c.request202("cancels", "cancel", func(p *process) (order.Order, event.Event, error) {
		return p.orders.Cancel(ctx, p.now(), c.told.id)
	}, c.told.cancelAnswered)
}

// refund asks for the money back.
func (c *client) refund(restock bool) {
	c.request202("asks for a refund", "refund", func(p *process) (order.Order, event.Event, error) {
		return p.orders.Refund(ctx, p.now(), c.told.id, restock)
	}, func(o order.Order, known int, err error) { c.told.refundAnswered(o, restock, known, err) })
}

func (c *client) request202(what string, message event.Type, ask func(*process) (order.Order, event.Event, error), answered func(order.Order, int, error)) {
	w, known := c.w, c.told.known()
	var o order.Order
	err := w.ask(event.Order, func(p *process) (err error) {
		w.note(c.told.id, c.name, "%s at %s", what, p.name)
		w.cells[cell{event.Order, string(w.statusOf(c.told.id)), message}]++
		var e event.Event
		if o, e, err = ask(p); err == nil {
			p.send(e)
		}
		return err
	})
	if err != nil && unanswered(err) {
		return
	}
	w.note(c.told.id, c.name, "hears %s %v", o.Status, err)
	answered(o, known, err)
}

// keepStock is the clerk's life: counts, adjusts and looks at the stock.
func (w *world) keepStock() {
	defer func() { w.busy-- }()
	for n := 0; w.faulty; n++ {
		w.sleep(w.between(time.Second, 20*time.Minute))
		switch sku := w.sku(); w.rng.IntN(3) {
		case 0:
			w.count(sku, w.rng.Int64N(w.setup.stock*2))
		case 1:
			w.adjust(fmt.Sprintf("adjustment-%d", n), sku, 1+w.rng.Int64N(5)-w.rng.Int64N(4)*2)
		default:
			w.look(sku)
		}
	}
}

func (w *world) count(sku string, onHand int64) {
	var s inventory.Stock
	err := w.ask(event.Inventory, func(p *process) (err error) {
		w.note("", "clerk", "counts %d of %s", onHand, sku)
		count := inventory.Count{SKU: sku, OnHand: onHand, At: p.now()}
		if w.chance(0.3) {
			count.Price = event.Money{Amount: 1 + w.rng.Int64N(1000), Currency: "USD"}
		}
		s, err = p.inventory.Count(ctx, count)
		return err
	})
	switch {
	case err == nil && s.OnHand() != onHand:
		w.breach("", "a count of %d %s was answered with %d", onHand, sku, s.OnHand())
	case errors.Is(err, event.Conflict):
		w.hit(race(30))
	case err != nil && !unanswered(err):
		w.breach("", "counting %s: %v", sku, err)
	}
}

// adjust moves stock by a delta, and repeats that until there is an answer.
func (w *world) adjust(id, sku string, delta int64) {
	if delta == 0 {
		return
	}
	a := inventory.Adjustment{ID: id, SKU: sku, Delta: delta, Reason: "damaged"}
	var answer *inventory.LedgerRow
	for range 5 {
		err := w.ask(event.Inventory, func(p *process) (err error) {
			w.note("", "clerk", "adjusts %s by %d", sku, delta)
			a.At = p.now()
			row, err := p.inventory.Adjust(ctx, a)
			if err == nil && answer != nil && row != *answer {
				w.breach("", "adjustment %s was answered with %+v, then with %+v", id, *answer, row)
			}
			if err == nil {
				answer = &row
			}
			return err
		})
		if err != nil && !unanswered(err) {
			if !errors.Is(err, event.Conflict) || answer != nil {
				w.breach("", "adjusting %s: %v", sku, err)
			}
			return
		}
		if answer != nil && w.chance(0.7) {
			return
		}
		w.sleep(time.Second)
	}
}

func (w *world) look(sku string) {
	var s inventory.Stock
	err := w.ask(event.Inventory, func(p *process) (err error) {
		s, err = p.inventory.Store.Stock(ctx, sku)
		return err
	})
	if err == nil && s.Version < w.stockSeen[sku] {
		w.breach("", "%s was at version %d, and is at %d", sku, w.stockSeen[sku], s.Version)
	}
	if err == nil {
		w.stockSeen[sku] = s.Version
	}
}

// operate is the operator's life: redrives dead letters.
func (w *world) operate() {
	defer func() { w.busy-- }()
	for w.faulty {
		w.sleep(w.between(time.Second, time.Hour))
		s := event.Services[w.rng.IntN(len(event.Services))]
		if w.chance(0.8) {
			w.redrive(s)
		} else {
			w.discard(s)
		}
	}
}

// discard deletes a dead letter: its order comes to an end without it. What nobody
// can read is kept, to be found at the end.
func (w *world) discard(s event.Service) {
	p := w.anyProcess(s)
	if p == nil {
		return
	}
	letters, err := p.letters[s].List(ctx, "", 1)
	if err == nil && len(letters) == 1 && letters[0].Event.Unread == nil {
		w.note(subject(letters[0].Event), "operator", "deletes the dead letter %s", letters[0].ID)
		_, _ = p.letters[s].Delete(ctx, letters)
	}
}

func (w *world) redrive(s event.Service) {
	err := w.ask(s, func(p *process) error {
		letters, err := p.letters[s].List(ctx, "", 10)
		if err != nil || len(letters) == 0 {
			return err
		}
		before := make([]int, len(letters))
		for i, l := range letters {
			before[i] = w.duty(l.ID).sends
		}
		w.note(subject(letters[0].Event), "operator", "redrives %d dead letters of %s", len(letters), s)
		w.redriveRaces(s, letters)
		sent, err := event.Redrive(ctx, p.queues[s], p.letters[s], letters)
		for i, l := range letters {
			if err == nil && sent && w.duty(l.ID).sends == before[i] {
				w.breach(l.Event.OrderID, "the dead letter %s was redriven, but not sent", l.ID)
			}
		}
		if err == nil {
			w.hit(race(42))
		}
		return err
	})
	if err != nil && !unanswered(err) {
		w.breach("", "redriving: %v", err)
	}
}
