package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/api/client"
	"holdfast/event"
)

// dlqCommand is a client of the dead-letter routes.
type dlqCommand struct {
	List    dlqListCommand    `cmd:"" help:"List the messages that a service could not handle."`
	Show    dlqShowCommand    `cmd:"" help:"Show the message itself, as JSON."`
	Redrive dlqRedriveCommand `cmd:"" help:"Put messages back on their queue, once what was wrong is mended."`
	Delete  dlqDeleteCommand  `cmd:"" help:"Delete a message for good. Its order comes to its end all the same."`
}

// deadLetter is a dead letter with the queue that it is of, and its order's id.
type deadLetter struct {
	Queue   string `json:"queue"`
	OrderID string `json:"order_id,omitempty"`
	client.DeadLetter
}

type dlqListCommand struct {
	remote
	Queue []string `arg:"" optional:"" enum:"order,inventory,payment" help:"Of these queues alone: order, inventory, payment."`
}

// Run lists dead letters.
func (c *dlqListCommand) Run(ctx context.Context) error {
	letters := []deadLetter{}
	for _, queue := range event.Services {
		if len(c.Queue) > 0 && !slices.Contains(c.Queue, string(queue)) {
			continue
		}
		for l, err := range c.client(0).DeadLetters(ctx, string(queue)) {
			if err != nil {
				return c.explain(err)
			}
			letters = append(letters, deadLetter{string(queue), orderOf(l.Event), l})
		}
	}
	if c.JSON {
		return printJSON(letters)
	}
	return table(os.Stdout, "QUEUE\tID\tORDER\tREASON\tCOUNT\tDEAD AT", func(row func(...any)) {
		for _, l := range letters {
			row(l.Queue, l.ID, l.OrderID, l.Reason, l.ReceiveCount, l.DeadAt.Format(time.RFC3339))
		}
	})
}

// orderOf is the id of the order that a message is about: its envelope's subject.
func orderOf(message json.RawMessage) string {
	var envelope struct {
		Subject string `json:"subject"`
	}
	_ = json.Unmarshal(message, &envelope) // a message that is none of ours is about no order
	return envelope.Subject
}

// oneQueue are the flags and the argument of the commands on one queue.
type oneQueue struct {
	remote
	Queue string `arg:"" enum:"order,inventory,payment" help:"The queue: order, inventory or payment."`
}

type dlqShowCommand struct {
	oneQueue
	ID string `arg:"" help:"The message's id, as dlq list shows it."`
}

// Run shows the message.
func (c *dlqShowCommand) Run(ctx context.Context) error {
	l, err := c.client(0).DeadLetter(ctx, c.Queue, c.ID)
	if p := new(client.Problem); errors.As(err, &p) && p.Status == http.StatusNotFound {
		return c.notThere(c.ID)
	}
	if err != nil {
		return c.explain(err)
	}
	return printJSON(l.Event)
}

func (c oneQueue) notThere(ids ...string) error {
	return fmt.Errorf("the %s queue has no dead letter %s; see holdfast dlq list %s", c.Queue, strings.Join(ids, ", nor "), c.Queue)
}

type dlqRedriveCommand struct {
	oneQueue
	ID  []string `arg:"" optional:"" help:"The messages' ids, as dlq list shows them."`
	All bool     `help:"Redrive all of the queue's."`
}

// Run puts the messages back.
func (c *dlqRedriveCommand) Run(ctx context.Context) error {
	if c.All == (len(c.ID) > 0) {
		return misuse{errors.New("name the messages to redrive, or give --all")}
	}
	api := c.client(0)
	var missing []string
	var n int
	var err error
	if c.All {
		n, err = api.RedriveAll(ctx, c.Queue)
	} else if missing, err = c.missing(ctx); err == nil {
		n, err = api.Redrive(ctx, c.Queue, c.ID...)
	}
	if err != nil {
		return c.explain(err)
	}
	if c.JSON {
		err = printJSON(client.Redriven{Redriven: n})
	} else {
		fmt.Printf("%d redriven\n", n)
	}
	if len(missing) > 0 {
		err = errors.Join(err, c.notThere(missing...))
	}
	return err
}

// missing are the ids that no dead letter has.
func (c *dlqRedriveCommand) missing(ctx context.Context) ([]string, error) {
	missing := slices.Clone(c.ID)
	for l, err := range c.client(0).DeadLetters(ctx, c.Queue) {
		if err != nil {
			return nil, err
		}
		missing = slices.DeleteFunc(missing, func(id string) bool { return id == l.ID })
		if len(missing) == 0 {
			break
		}
	}
	return missing, nil
}

type dlqDeleteCommand struct {
	oneQueue
	ID string `arg:"" help:"The message's id, as dlq list shows it."`
}

// Run deletes the message.
func (c *dlqDeleteCommand) Run(ctx context.Context) error {
	if err := c.client(0).DeleteDeadLetter(ctx, c.Queue, c.ID); err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return printJSON(map[string]string{"deleted": c.ID})
	}
	fmt.Printf("%s is deleted\n", c.ID)
	return nil
}
