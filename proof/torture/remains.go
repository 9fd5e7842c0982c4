package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/api/client"
)

// countStock holds the stock of every SKU against the ends of all orders.
func (j *judge) countStock(hard context.Context) {
	back := make(map[string]bool)
	for _, b := range j.bookings {
		back[b.known()] = b.restocked()
	}
	bought := make(map[string]int64)
	for id, o := range j.ends {
		if o.Status == "COMPLETED" || o.Status == "REFUNDED" && !back[id] {
			for _, l := range o.Items {
				bought[l.SKU] += l.Qty
			}
		}
	}
	s := &staff{caller: j.caller, shop: j.shop, number: observer, doors: []string{j.shop.url}, rng: episode{}.draw(observer)}
	for _, on := range j.shelves {
		s.look(hard, on)
		last := on.ops[len(on.ops)-1].Output.(stockAnswer)
		if last.reserved != 0 || last.sold != bought[on.sku] {
			j.breach(&on.history, "%s: %d reserved and %d sold in the end, of which the orders bought %d", on.sku, last.reserved, last.sold, bought[on.sku])
		}
	}
}

// findPoison looks for every planted message among the dead letters.
func (j *judge) findPoison(hard context.Context) {
	for end := time.Now().Add(10 * time.Second); ; {
		lost := j.missing(hard)
		if len(lost) == 0 {
			return
		}
		if time.Now().After(end) || !pause(hard, retryEvery) {
			j.breach(nil, "messages that nobody can read are neither handled nor dead letters: %v", lost)
			return
		}
	}
}

// missing are the planted messages that are no dead letters.
func (j *judge) missing(hard context.Context) (lost []string) {
	there := make(map[string]bool)
	api := client.New(j.shop.url, nil)
	for _, queue := range queueNames {
		for letter, err := range api.DeadLetters(hard, queue) {
			if err != nil {
				return []string{err.Error()}
			}
			there[letter.ID] = true
		}
	}
	for id := range j.poison {
		if !there[id] {
			lost = append(lost, id)
		}
	}
	return lost
}

// awaitDrained waits until nothing is left to do, stops the process, and audits
// what it leaves.
func (j *judge) awaitDrained(hard context.Context) error {
	for {
		said, err := j.run(hard, "audit", "--drained")
		if err == nil {
			break
		}
		if !pause(hard, 50*retryEvery) {
			j.breach(nil, "audit --drained: %s", said)
			break
		}
	}
	if err := j.stop(); err != nil {
		return err
	}
	if said, err := j.run(context.Background(), "audit", "--drained"); err != nil {
		j.breach(nil, "audit --drained when all have stopped: %v\n%s", err, said)
	}
	return nil
}

// checkMoney holds the processor's books against every order's end.
func (j *judge) checkMoney(ctx context.Context) error {
	booked, err := books(context.WithoutCancel(ctx), j.data)
	if err != nil {
		return err
	}
	for id, o := range j.ends {
		m := booked[id]
		want := int64(0)
		if o.Status == "COMPLETED" {
			want = o.Total.Amount
		}
		if m.net != want || m.captures > 1 || m.refunds > 1 {
			j.breach(nil, "order %s is %s, and the processor has %d captures, %d refunds, %d net", id, o.Status, m.captures, m.refunds, m.net)
		}
		delete(booked, id)
	}
	for id, m := range booked {
		if m.net != 0 {
			j.breach(nil, "the processor kept %d for %s, which is no order", m.net, id)
		}
	}
	return nil
}

// checkHistories asks of each order and each SKU whether the calls about it could
// have happened one after another.
func (j *judge) checkHistories() {
	for _, b := range j.bookings {
		if wrong := b.check(orderModel); wrong != "" {
			j.breach(&b.history, "%s: %s", b.title(), wrong)
		}
	}
	for _, on := range j.shelves {
		if wrong := on.check(stockModel); wrong != "" {
			j.breach(&on.history, "%s: %s", on.sku, wrong)
		}
	}
}

// readLogs looks for panics.
func (j *judge) readLogs() error {
	logs, err := os.ReadDir(j.logs)
	for _, l := range logs {
		text, err := os.ReadFile(filepath.Join(j.logs, l.Name()))
		if err != nil {
			return err
		}
		if at := strings.Index(string(text), "panic"); at >= 0 {
			j.breach(nil, "%s: %.2000s", l.Name(), text[at:])
		}
	}
	return err
}
