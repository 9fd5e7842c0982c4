package client_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/keys"
)

// bury puts messages of a future build, with these ids, among the dead.
func bury(t *testing.T, letters event.DeadLetters, ids ...string) {
	t.Helper()
	all := make([]event.DeadLetter, len(ids))
	for i, id := range ids {
		e := event.Decode(fmt.Appendf(nil, `{"specversion": "1.0", "type": "holdfast.Future", "id": %q}`, id))
		all[i] = event.DeadLetter{ID: e.ID(), Event: e, Reason: "unknown", Count: 1, DeadAt: time.UnixMilli(5)}
	}
	if err := letters.Put(ctx, all); err != nil {
		t.Fatal(err)
	}
}

func letterIDs(t *testing.T, c *client.Client) (ids []string) {
	t.Helper()
	for l, err := range c.DeadLetters(ctx, "inventory") {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, l.ID)
	}
	return ids
}

func TestDeadLetters(t *testing.T) {
	engine := memory.New().Engine
	c, _, queue := startOver(t, engine)
	ids := []string{"%", "..", "a/b?c#d", "b:OrderPlaced", "c(d)", "https://x//y", "ä ö"}
	bury(t, engine.DeadLetters[event.Inventory], ids...)
	if got := letterIDs(t, c); !slices.Equal(got, ids) {
		t.Fatalf("%q, want %q", got, ids)
	}
	for l := range c.DeadLetters(ctx, "inventory") {
		if l.Reason != "unknown" || l.ReceiveCount != 1 || !l.DeadAt.Equal(time.UnixMilli(5)) || event.Decode(l.Event).ID() != l.ID {
			t.Errorf("%+v", l)
		}
		break // must not go on
	}
	if n, err := c.Redrive(ctx, "inventory", "c(d)", "nobody", "%"); n != 2 || err != nil {
		t.Error(n, err)
	}
	for _, id := range []string{"..", "a/b?c#d", "https://x//y", "ä ö"} {
		if err := c.DeleteDeadLetter(ctx, "inventory", id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	if p := problem(t, c.DeleteDeadLetter(ctx, "inventory", "..")); p.Status != http.StatusNotFound {
		t.Errorf("%+v", p)
	}
	// What no service here can read is there until it dies again.
	if n, err := c.RedriveAll(ctx, "inventory"); n != 3 || err != nil {
		t.Error(n, err)
	}
	if d, err := queue.Depth(ctx); d.Ready != 5 || err != nil {
		t.Error(d, err)
	}
	queues, err := c.Queues(ctx)
	if err != nil || len(queues) != 1 || queues[0].Name != "inventory" || *queues[0].Depth != 5 || *queues[0].DeadLetters != 3 {
		t.Errorf("%+v %v", queues, err)
	}
	_, err = c.RedriveAll(ctx, "no/such")
	if p := problem(t, err); p.Status != http.StatusNotFound {
		t.Errorf("%+v", p)
	}
}

func TestMoreDeadLettersThanOneRequestMayName(t *testing.T) {
	engine := memory.New().Engine
	c, _, queue := startOver(t, engine)
	var ids []string
	for i := range 1100 {
		ids = append(ids, fmt.Sprintf("id%04d", i))
	}
	bury(t, engine.DeadLetters[event.Inventory], ids...)
	if got := letterIDs(t, c); !slices.Equal(got, ids) {
		t.Errorf("%d letters", len(got))
	}
	if n, err := c.Redrive(ctx, "inventory", ids...); n != len(ids) || err != nil {
		t.Error(n, err)
	}
	if d, err := queue.Depth(ctx); d.Ready != len(ids) || err != nil {
		t.Error(d, err)
	}
}

func TestAdjust(t *testing.T) {
	c, _ := start(t)
	if _, err := c.SetStock(ctx, "A123", client.StockCount{OnHand: new(int64(5)), Price: &client.Money{Amount: 1999, Currency: "USD"}}); err != nil {
		t.Fatal(err)
	}
	first, err := c.Adjust(ctx, "A123", client.Adjustment{AdjustmentID: "a", Delta: -3, Reason: "damaged"})
	if err != nil || first.SKU != "A123" || first.Delta != -3 || first.Reason != "damaged" || first.At.IsZero() {
		t.Fatal(first, err)
	}
	if again, err := c.Adjust(ctx, "A123", client.Adjustment{AdjustmentID: "a", Delta: -3}); err != nil || again != first {
		t.Error(again, err)
	}
	if s, err := c.Stock(ctx, "A123"); err != nil || s.OnHand != 2 {
		t.Error(s, err)
	}
	_, err = c.Adjust(ctx, "A123", client.Adjustment{AdjustmentID: "b", Delta: -3})
	if p := problem(t, err); p.Status != http.StatusConflict {
		t.Errorf("%+v", p)
	}
}

func TestWithKey(t *testing.T) {
	engine := memory.New().Engine
	c, _, _ := startOver(t, engine)
	k, secret, err := keys.New("shop", []keys.Scope{keys.Orders}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Keys.Create(ctx, k); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WithKey(secret).Place(ctx, request(1), "key"); err != nil {
		t.Fatal(err)
	}
	_, err = c.WithKey(secret).Queues(ctx)
	if p := problem(t, err); p.Status != http.StatusForbidden {
		t.Errorf("%+v", p)
	}
	_, err = c.WithKey("wrong").Queues(ctx)
	if p := problem(t, err); p.Status != http.StatusUnauthorized {
		t.Errorf("%+v", p)
	}
	_, err = c.WithKey("SECRET\n").Queues(ctx)
	if err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("%v", err)
	}
	for _, none := range []*client.Client{c, c.WithKey(secret).WithKey("")} {
		if _, err := none.Queues(ctx); err != nil {
			t.Error(err)
		}
	}
}
