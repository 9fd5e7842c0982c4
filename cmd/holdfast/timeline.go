package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/api/client"
)

// moment is a time as an order's history shows it.
const moment = "2006-01-02T15:04:05.000Z07:00"

// showTimeline shows an order as all three services know it.
func (c *showCommand) showTimeline(ctx context.Context) error {
	if c.Wait > 0 {
		if _, err := c.client(c.Wait).Order(ctx, c.ID, c.Wait); err != nil {
			return c.explain(err)
		}
	}
	t, err := c.client(0).Timeline(ctx, c.ID)
	if err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return printJSON(t)
	}
	return printTimeline(t)
}

// printTimeline shows what is stored and what is remembered, in the order in which it
// happened, and what the order waits for.
func printTimeline(t client.Timeline) error {
	fmt.Println(t.Order.OrderID, t.Order.Status, t.Order.Reason)
	err := table(os.Stdout, "AT\tSERVICE\tKNOWN\tWHAT", func(row func(...any)) {
		for _, s := range steps(t) {
			row(s.at.Format(moment), s.service, s.known, s.what)
		}
	})
	if s := t.Order.Status; s == "PENDING" || s == "RESERVED" {
		fmt.Println("without a payment its stock is given back at", t.HoldUntil.Format(moment))
	}
	if t.DueAt != nil {
		fmt.Printf("the sweeper asks about it at %s; times asked since it last changed: %d\n", t.DueAt.Format(moment), t.Sweeps)
	}
	for _, s := range t.Unanswered {
		fmt.Printf("%s does not answer: what it knows is not shown\n", s)
	}
	return err
}

// step is a line of a timeline.
type step struct {
	at                   time.Time
	place                int // on an order's way, as client.Remembered.Place
	service, known, what string
}

// steps are all that there is to tell of an order, the oldest first, and what happened
// within a millisecond by its place on an order's way.
func steps(t client.Timeline) []step {
	var all []step
	stored := func(at time.Time, service, state, why string) {
		all = append(all, step{at, placeOf(service, state), service, "stored", strings.TrimSpace(state + " " + why)})
	}
	if r := t.Reservation; r != nil {
		if r.HeldAt != nil && !r.HeldAt.Equal(r.UpdatedAt) {
			stored(*r.HeldAt, "inventory", "HELD", "")
		}
		stored(r.UpdatedAt, "inventory", r.State, r.Reason)
	}
	if p := t.Payment; p != nil {
		stored(p.UpdatedAt, "payment", p.State, money(p.Amount))
	}
	for _, m := range t.Remembered {
		all = append(all, step{m.At, m.Place(), m.Service, "remembered", inWords(m)})
	}
	for _, h := range t.Order.History {
		stored(h.At, "order", h.Status, h.Reason)
	}
	slices.SortStableFunc(all, func(a, b step) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.place, b.place)) })
	return all
}

// placeOf is the place of a state that a service has stored.
func placeOf(service, state string) int {
	switch state {
	case "PENDING":
		return 0
	case "CANCELLING", "REFUNDING":
		if service == "order" {
			return 0
		}
		return 1
	case "HELD", "CHARGING", "VOIDING(client)", "VOIDING(expired)":
		return 1
	}
	if service == "order" {
		return 4
	}
	return 3
}

// inWords says what a process remembers.
func inWords(m client.Remembered) string {
	var words string
	switch m.Kind {
	case "received":
		words = "received " + m.Event
		if m.Count > 1 {
			words += fmt.Sprintf(", delivery %d", m.Count)
		}
	case "called":
		words = fmt.Sprintf("asked the gateway to %s: %s after %.1f ms", m.Op, m.Outcome, m.TookMS)
	case "returned":
		words = "gave back " + m.Event
	case "dead":
		words = "gave up " + m.Event + ", now a dead letter"
	case "swept":
		words = "asked again"
	}
	if m.Next != nil {
		words += ", next at " + m.Next.Format(moment)
	}
	if m.Detail != "" {
		words += ": " + m.Detail
	}
	return words
}
