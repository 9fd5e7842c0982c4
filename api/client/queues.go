package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"slices"
)

// Bounds of the API, for which the client cuts up what is larger.
const (
	maxPage    = 200
	maxRedrive = 1000
)

// Queues returns the queues that the server knows of, in the order order,
// inventory, payment.
func (c *Client) Queues(ctx context.Context) ([]Queue, error) {
	var page QueuePage
	_, err := c.call(ctx, http.MethodGet, "/queues", nil, nil, &page)
	return page.Queues, err
}

// DeadLetters goes through a queue's dead letters in ascending order of id, page
// by page. It ends after the first error.
func (c *Client) DeadLetters(ctx context.Context, queue string) iter.Seq2[DeadLetter, error] {
	return all(func(cursor string) ([]DeadLetter, string, error) {
		var page DeadLetterPage
		_, err := c.call(ctx, http.MethodGet, inQueue(queue, "dead-letters")+encode(paging(maxPage, cursor)), nil, nil, &page)
		return page.DeadLetters, page.NextCursor, err
	})
}

// Redrive puts the dead letters with these ids back on their queue and returns
// how many were there. It may be repeated.
func (c *Client) Redrive(ctx context.Context, queue string, ids ...string) (int, error) {
	n := 0
	for some := range slices.Chunk(ids, maxRedrive) {
		redriven, err := c.redrive(ctx, queue, Redrive{IDs: some})
		if n += redriven; err != nil {
			return n, err
		}
	}
	return n, nil
}

// RedriveAll puts all of a queue's dead letters back on it and returns how many
// those were. It may be repeated.
func (c *Client) RedriveAll(ctx context.Context, queue string) (int, error) {
	return c.redrive(ctx, queue, Redrive{All: true})
}

func (c *Client) redrive(ctx context.Context, queue string, which Redrive) (int, error) {
	var done Redriven
	_, err := c.call(ctx, http.MethodPost, inQueue(queue, "redrive"), nil, which, &done)
	return done.Redriven, err
}

// DeleteDeadLetter deletes a dead letter for good.
func (c *Client) DeleteDeadLetter(ctx context.Context, queue, id string) error {
	_, err := c.call(ctx, http.MethodDelete, inQueue(queue, "dead-letters")+"/"+url.PathEscape(id), nil, nil, nil)
	return err
}

func inQueue(queue, what string) string { return "/queues/" + url.PathEscape(queue) + "/" + what }
