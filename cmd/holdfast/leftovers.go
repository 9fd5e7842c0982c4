package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/system"
)

// takeOver moves what services in processes of their own have left in the queue
// files of the folder into the queues of this process, which has the folder for
// itself.
func (s storage) takeOver(ctx context.Context, into event.Queues, e *engine.Engine, log *slog.Logger) error {
	files, err := s.openQueues(false)
	if err != nil {
		return err
	}
	for _, service := range event.Services {
		moved, moving := system.Move(ctx, files.Queues[service], into[service], e.DeadLetters[service])
		if moving != nil {
			err = fmt.Errorf("taking over the messages of the %s queue: %w", service, moving)
			break
		}
		if moved > 0 {
			log.Info("messages taken over from the queue file", "queue", service, "count", moved)
		}
	}
	return errors.Join(err, files.Close())
}
