package event

import "context"

// Redrive sends the letters' events to their queue again, then deletes the
// letters. A crash between the two leaves both, and an event that is handled twice
// changes nothing. It keeps the letters, and says so with false, where the queue
// had no room for them all.
func Redrive(ctx context.Context, q Queue, box DeadLetters, letters []DeadLetter) (sent bool, err error) {
	events := make([]Event, len(letters))
	for i, l := range letters {
		events[i] = l.Event
	}
	before, err := q.Depth(ctx)
	if err != nil {
		return false, err
	}
	if err := q.Send(ctx, events); err != nil {
		return false, err
	}
	after, err := q.Depth(ctx)
	if err != nil || after.Dropped != before.Dropped {
		return false, err
	}
	_, err = box.Delete(ctx, letters)
	return err == nil, err
}
