package aws

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"holdfast/event"
)

// TestLettersOfTheLargestMessages keeps more of them than one answer of DynamoDB
// holds, which is 1 MB.
func TestLettersOfTheLargestMessages(t *testing.T) {
	c, _ := alone(t)
	d := newDeadLetters(c, event.Payment)
	var letters []event.DeadLetter
	for i := range 9 {
		message := bytes.Repeat([]byte{'a' + byte(i)}, 256<<10)
		letters = append(letters, event.DeadLetter{ID: fmt.Sprint("big-", i), Event: event.Decode(message),
			Reason: string(bytes.Repeat([]byte("why "), 2000)), Count: 10, DeadAt: time.UnixMilli(1_760_000_000_000)})
	}
	if err := d.Put(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	if n := must(d.Count(t.Context()))(t); n != len(letters) {
		t.Errorf("%d letters are counted, want %d", n, len(letters))
	}
	for _, limit := range []int{1, 6, 100} {
		page := must(d.List(t.Context(), letters[1].ID, limit))(t)
		if len(page) != min(limit, len(letters)-2) {
			t.Errorf("%d of %d letters are listed after the second", len(page), limit)
		}
		for i, l := range page {
			if l.ID != letters[i+2].ID || !bytes.Equal(l.Event.Unread, letters[i+2].Event.Unread) {
				t.Errorf("letter %d is listed as %s, %d bytes", i+2, l.ID, len(l.Event.Unread))
			}
		}
	}
	if n := must(d.Delete(t.Context(), letters))(t); n != len(letters) {
		t.Errorf("%d letters were deleted, want %d", n, len(letters))
	}
}

func TestNoLetterHasAnIDThatNoKeyCanHave(t *testing.T) {
	c, _ := alone(t)
	d := newDeadLetters(c, event.Order)
	for _, id := range []string{"", string(bytes.Repeat([]byte("x"), 1025))} {
		_, err := d.Get(t.Context(), id)
		wantCode(t, err, event.NotFound)
	}
}
