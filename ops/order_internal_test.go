package ops

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"holdfast/api/client"
)

// longWait is an order that asked the gateway so often in vain, over some hours.
func longWait(times int) client.Timeline {
	t := timeline("RESERVED", reserved("HELD"), paid("CHARGING"), due(time.Minute, times))
	t.Order.OrderID, t.Order.CreatedAt = "01a20710-cc0d-7d0b-abce-f5968913cc38", nine
	t.Order.History = []client.Entry{{Status: "PENDING", At: nine}, {Status: "RESERVED", At: nine}}
	t.Reservation.UpdatedAt, t.Payment.UpdatedAt = nine, nine
	for i := range times {
		asked := called("capture", "unknown")
		asked.At, asked.TookMS, asked.Detail = nine.Add(time.Duration(i)*time.Minute), 10_000, fmt.Sprint("the gateway did not answer in time, try ", i)
		t.Remembered = append(t.Remembered, asked)
	}
	return t
}

// TestALongTimelineIsFolded: its beginning, its end and what a store holds are seen, and
// it weighs no more than a page may.
func TestALongTimelineIsFolded(t *testing.T) {
	for times, want := range map[int]struct{ folded, left int }{0: {}, 10: {}, 23: {}, 24: {5, 0}, 99: {80, 0}, 100: {80, 1}, 1500: {80, 1401}} {
		o := newOrder(longWait(times), nil)
		if len(o.Folded) != want.folded || o.Left != want.left {
			t.Errorf("of %d, %d are folded away and %d left out; want %d and %d", times, len(o.Folded), o.Left, want.folded, want.left)
		}
		if shown := len(o.Steps) + len(o.Folded) + o.Left + len(o.Rest); shown != times+3 {
			t.Errorf("of %d steps %d are accounted for", times+3, shown)
		}
		var page bytes.Buffer
		if err := parse("order.html").ExecuteTemplate(&page, "layout", view{Body: o}); err != nil || page.Len() > 45_000 {
			t.Errorf("of %d it makes a page of %d bytes; %v", times, page.Len(), err)
		}
	}
	late := longWait(100)
	late.Order.History[1].At = nine.Add(50 * time.Minute)
	for _, s := range newOrder(late, nil).Folded {
		if !s.Memory {
			t.Errorf("%q is folded away", s.Text)
		}
	}
}
