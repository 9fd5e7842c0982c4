package event

import (
	"context"
	"slices"
)

// Redrive sends the letters' events to their queue again, then deletes the
// letters. A crash between the two leaves both, and an event that is handled twice
// changes nothing. A letter that this build cannot read is kept also then, until a
// build that can read it redrives it: the queue may lose the event, and no sweeper
// would bring it back. Redrive keeps all the letters, and says so with false, where
// the queue had no room for them.
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
	_, err = box.Delete(ctx, readable(letters))
	return err == nil, err
}

// readable are the letters whose events this build can read.
func readable(letters []DeadLetter) []DeadLetter {
	return slices.DeleteFunc(slices.Clone(letters), func(l DeadLetter) bool { return l.Event.Check() != nil })
}
