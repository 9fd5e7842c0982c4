package main

import (
	"context"
	"fmt"
	"log/slog"

	"holdfast/event"
	"holdfast/system"
)

// takeOver moves what services in processes of their own have left in their
// queues into those of this process, which has the place for itself.
func takeOver(ctx context.Context, from event.Queues, into *opened, log *slog.Logger) error {
	for _, service := range event.Services {
		moved, err := system.Move(ctx, from[service], into.queues[service], into.DeadLetters[service])
		if err != nil {
			return fmt.Errorf("taking over the messages of the %s queue: %w", service, err)
		}
		if moved > 0 {
			log.Info("messages taken over from the queue file", "queue", service, "count", moved)
		}
	}
	return nil
}
