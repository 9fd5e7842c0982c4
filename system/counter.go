package system

import (
	"context"
	"log/slog"
	"time"

	"holdfast/order"
	"holdfast/recorder"
)

// counter tells the recorder how many orders are open, at the end of each of its
// intervals.
type counter struct {
	tally    func(context.Context) (order.Tally, error)
	recorder *recorder.Recorder
	sparing  bool // counting costs money: only while somebody looks, and not more than once a minute
	log      *slog.Logger

	counted time.Time // when that was last done
}

// sparingly is how long a sparing counter waits between two counts, and after the
// recorder's hour was last looked at.
const sparingly = time.Minute

// run counts until ctx ends.
func (c *counter) run(ctx context.Context) {
	for {
		now := Now()
		end := time.NewTimer(now.Truncate(recorder.Interval).Add(recorder.Interval).Sub(now))
		select {
		case <-ctx.Done():
			end.Stop()
			return
		case <-end.C:
			c.count(ctx, Now())
		}
	}
}

// count counts the open orders, unless that is to be spared now.
func (c *counter) count(ctx context.Context, now time.Time) {
	if c.sparing && (now.Sub(c.counted) < sparingly || now.Sub(c.recorder.Looked()) >= sparingly) {
		return
	}
	t, err := c.tally(ctx)
	if err != nil {
		c.log.Debug("open orders not counted; the next interval tries again", "error", err)
		return
	}
	c.counted = now
	c.recorder.Counted(t.Open)
}
