package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"holdfast/api/client"
)

// shelf is one SKU as the staff know it.
type shelf struct {
	history
	sku   string
	sells bool // on sale: orders move it; else only counts and adjustments do

	last client.Adjustment // sent, under history's lock
	rows sync.Map          // adjustment id → the answer that it got
}

// maxStockCalls bounds a shelf's history; then another SKU takes its place.
const maxStockCalls = 60

// staff count and adjust stock, put new SKUs on sale, and redrive dead letters.
type staff struct {
	*caller
	*shop
	number int
	rng    *rand.Rand
	doors  []string // the URLs that they use
	done   int
	yard   *shelf // not for sale
}

// onSaleAtOnce is how many SKUs are on sale.
const onSaleAtOnce = 8

// work goes on until the shop closes.
func (s *staff) work(closing, hard context.Context) {
	for pause(closing, time.Duration(s.rng.IntN(60))*time.Millisecond) {
		if s.yard == nil || s.yard.len() >= maxStockCalls {
			s.yard = s.open(hard, false)
		}
		on := s.yard
		if s.rng.IntN(3) > 0 {
			on = s.choose(hard)
		}
		switch draw := s.rng.IntN(20); {
		case draw < 6:
			s.look(hard, on)
		case draw < 14:
			s.adjust(hard, on)
		case draw < 17 && !on.sells:
			s.count(hard, on, s.once, s.rng.Int64N(50))
		case draw == 17:
			s.redrive(hard)
		}
	}
}

// door chooses one of the URLs.
func (s *staff) door() string { return s.doors[s.rng.IntN(len(s.doors))] }

// choose takes a SKU that is on sale, and replaces one whose history is full.
func (s *staff) choose(hard context.Context) *shelf {
	s.mu.Lock()
	i := s.rng.IntN(len(s.onSale))
	on := s.onSale[i]
	s.mu.Unlock()
	if on.len() < maxStockCalls {
		return on
	}
	next := s.open(hard, true)
	s.mu.Lock()
	s.onSale[i] = next
	s.mu.Unlock()
	return next
}

// open makes a new SKU, which nobody knows before it is there.
func (s *staff) open(hard context.Context, sells bool) *shelf {
	s.done++
	on := &shelf{sku: fmt.Sprintf("SKU-%d-%d", s.number, s.done), sells: sells}
	s.count(hard, on, s.insist, 8+s.rng.Int64N(40))
	s.mu.Lock()
	s.shelves = append(s.shelves, on)
	s.mu.Unlock()
	return on
}

// count counts a SKU, sending so.
func (s *staff) count(hard context.Context, on *shelf, send func(context.Context, request) answer, units int64) {
	body := client.StockCount{OnHand: &units, Price: &client.Money{Amount: 1999, Currency: "USD"}}
	call := on.begin(s.clock, s.number)
	a := send(hard, request{method: http.MethodPut, url: s.door() + "/inventory/" + on.sku, body: text(body)})
	if a.attempts > 0 {
		s.note(call, on, stockCall{verb: count, units: units, sells: on.sells}, a)
	}
}

// look reads a SKU's stock.
func (s *staff) look(hard context.Context, on *shelf) {
	call := on.begin(s.clock, s.number)
	a := s.insist(hard, request{method: http.MethodGet, url: s.door() + "/inventory/" + on.sku})
	s.note(call, on, stockCall{verb: read, sells: on.sells}, a)
}

// adjust moves a SKU's stock.
func (s *staff) adjust(hard context.Context, on *shelf) {
	body := s.adjustment(on)
	call := on.begin(s.clock, s.number)
	a := s.insist(hard, request{method: http.MethodPost, url: s.door() + "/inventory/" + on.sku + "/adjustments", body: text(body)})
	if a.status == http.StatusOK {
		if row, other := on.rows.LoadOrStore(body.AdjustmentID, string(a.body)); other && row != string(a.body) {
			s.breach(&on.history, "%s: two answers to one adjustment differ:\n%s%s", on.sku, row, a.body)
		}
	}
	s.note(call, on, stockCall{verb: adjust, id: body.AdjustmentID, delta: body.Delta, sells: on.sells}, a)
}

// adjustment makes one up, or repeats the SKU's last one, whoever sent it and
// whether it has been answered or not; now and then it takes that one's id for
// another.
func (s *staff) adjustment(on *shelf) client.Adjustment {
	on.mu.Lock()
	defer on.mu.Unlock()
	if on.last.Delta != 0 && s.rng.IntN(2) == 0 {
		a := on.last
		if s.rng.IntN(5) == 0 {
			a.Delta *= 2
		}
		return a
	}
	s.done++
	on.last = client.Adjustment{AdjustmentID: fmt.Sprintf("row-%d-%d", s.number, s.done), Delta: 1 + s.rng.Int64N(16)}
	if s.rng.IntN(3) == 0 {
		on.last.Delta *= -1
	}
	return on.last
}

// note ends a call about stock.
func (s *staff) note(call call, on *shelf, in stockCall, a answer) {
	out := stockAnswer{status: a.status}
	switch a.status {
	case http.StatusOK:
		if in.verb == adjust {
			break
		}
		var shown client.Stock
		if err := json.Unmarshal(a.body, &shown); err != nil || shown.OnHand != shown.Available+shown.Reserved {
			s.breach(&on.history, "%s: %v: %s", on.sku, err, a.body)
		}
		out.available, out.reserved, out.sold = shown.Available, shown.Reserved, shown.Sold
	case http.StatusServiceUnavailable:
		out.status = 0
	case 0, http.StatusNotFound, http.StatusUnprocessableEntity:
	case http.StatusConflict:
		if a.attempts > 1 {
			out.status = 0 // the earlier try may be carried out after this one
		}
	default:
		s.breach(&on.history, "%s: %v was answered %d: %s", on.sku, in, a.status, a.body)
	}
	call.end(in, out, out.status != 0)
}

// queueNames are the queues.
var queueNames = []string{"order", "inventory", "payment"}

// redrive puts a queue's dead letters back. Only queues between processes are asked:
// what nobody can read has no order that would bring it back, and one process loses
// with its queues what was redriven into them.
func (s *staff) redrive(hard context.Context) {
	queue := queueNames[s.rng.IntN(len(queueNames))]
	a := s.insist(hard, request{method: http.MethodPost, url: s.url + "/queues/" + queue + "/redrive", body: text(client.Redrive{All: true})})
	if a.status != http.StatusOK && a.status != 0 {
		s.breach(nil, "a redrive of the %s queue was answered %d: %s", queue, a.status, a.body)
	}
}
