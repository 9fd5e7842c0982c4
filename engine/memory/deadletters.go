package memory

import (
	"context"
	"maps"
	"slices"

	"holdfast/event"
)

// deadLetters is event.DeadLetters of one service.
type deadLetters struct {
	*core
	service event.Service
}

func (s deadLetters) Put(ctx context.Context, letters []event.DeadLetter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.write(func() {
		for _, l := range letters {
			s.Letters[s.service][l.ID] = unshared(l)
		}
	})
}

func (s deadLetters) List(ctx context.Context, after string, limit int) (page []event.DeadLetter, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.read(func() {
		for _, id := range slices.Sorted(maps.Keys(s.Letters[s.service])) {
			if id > after && len(page) < limit {
				page = append(page, unshared(s.Letters[s.service][id]))
			}
		}
	})
	return page, nil
}

func (s deadLetters) Get(ctx context.Context, id string) (event.DeadLetter, error) {
	if err := ctx.Err(); err != nil {
		return event.DeadLetter{}, err
	}
	var letter event.DeadLetter
	var found bool
	s.read(func() { letter, found = s.Letters[s.service][id] })
	if !found {
		return event.DeadLetter{}, event.Errorf(event.NotFound, "no dead letter %q", id)
	}
	return unshared(letter), nil
}

func (s deadLetters) Delete(ctx context.Context, letters []event.DeadLetter) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = s.write(func() {
		for _, l := range letters {
			if there, ok := s.Letters[s.service][l.ID]; ok && there.DeadAt.Equal(l.DeadAt) {
				delete(s.Letters[s.service], l.ID)
				n++
			}
		}
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (s deadLetters) Count(ctx context.Context) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.read(func() { n = len(s.Letters[s.service]) })
	return n, nil
}

// unshared is a copy that shares nothing with l.
func unshared(l event.DeadLetter) event.DeadLetter {
	l.Event.Lines, l.Event.Short, l.Event.Unread = slices.Clone(l.Event.Lines), slices.Clone(l.Event.Short), slices.Clone(l.Event.Unread)
	return l
}
