package enginetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"holdfast/engine"
	"holdfast/event"
)

var deadLetterKeepTests = []storeTest{
	{"Put keeps a message that cannot be read word for word", letterUnread},
	{"Put keeps an event of an older version as it came", letterOfOlderVersion},
	{"Delete removes the letters that are still as given, and counts them", letterBatchDeleted},
	{"Delete keeps a letter that died again meanwhile", letterDiedAgain},
	{"Delete counts a letter that stands twice in a batch once", letterTwiceInBatch},
	{"Delete of no letters removes none", letterNoneDeleted},
	{"Delete of one letter by many at once removes it once", letterDeletedInParallel},
}

// unreadable are messages that this build cannot read, as a queue may hold them.
func unreadable(t *testing.T) [][]byte {
	known := string(must(letter(1).Event.Encode())(t))
	malformed := strings.Replace(known, `"number":2`, `"number":-2`, 1)
	return [][]byte{
		{}, []byte("garbage"), []byte("\x00\x01"), []byte("caf\xe9, \xff\xfe"), []byte(`"text"`), []byte("null"), []byte("[1,\n2]"),
		[]byte(`{"specversion":"1.0","type":"other.Thing","id":"7"}`), []byte("{ \"spaced\" : true }\r\n\t"), []byte("{\"bad\":\"\xff\"}"),
		[]byte(`{"html":"<b>&</b>","big":12345678901234567890.10e5,"twice":1,"twice":2}`), bytes.Repeat([]byte("long "), 20_000),
		[]byte(strings.Replace(known, fmt.Sprintf(`"eventversion":%d`, event.Version), `"eventversion":99`, 1)),
		[]byte(strings.Replace(known, "StockRejected", "StockEaten", 2)), []byte(malformed), []byte(known + " and more"),
	}
}

// deadOf is the letter that a worker makes of a message.
func deadOf(message []byte) event.DeadLetter {
	l := letter(1)
	l.Event = event.Decode(slices.Clone(message))
	l.ID = l.Event.ID()
	return l
}

func letterUnread(t *testing.T, e *engine.Engine) {
	d := e.DeadLetters[event.Order]
	for _, message := range unreadable(t) {
		want := deadOf(message)
		if want.Event.Unread == nil {
			t.Fatalf("%q can be read", message)
		}
		put(t, e, want)
		read := map[string]event.DeadLetter{"Get": must(d.Get(t.Context(), want.ID))(t), "List": must(d.List(t.Context(), "", 9))(t)[0]}
		for name, got := range read {
			wantSame(t, name, got, want)
			text := must(got.Event.Encode())(t)
			if !bytes.Equal(text, message) {
				t.Errorf("%s gives %q back as %q", name, message, text)
			}
			wantCode(t, "Check", got.Event.Check(), event.UnknownEvent)
		}
		wantDeleted(t, d, 1, want)
	}
}

func letterOfOlderVersion(t *testing.T, e *engine.Engine) {
	for version := 1; version <= event.Version; version++ {
		want := letter(version)
		want.Event.Version = version
		d := put(t, e, want)
		wantSame(t, fmt.Sprint("version ", version), must(d.Get(t.Context(), want.ID))(t), want)
	}
}

func letterBatchDeleted(t *testing.T, e *engine.Engine) {
	var all []event.DeadLetter
	for n := range 300 {
		all = append(all, letter(n))
	}
	d := put(t, e, all...)
	wantDeleted(t, d, 298, all[2:]...)
	wantSame(t, "what is left", must(d.List(t.Context(), "", 9))(t), all[:2])
	wantDeleted(t, d, 1, letter(400), all[1], all[5], letter(401))
	wantSame(t, "what is left", must(d.List(t.Context(), "", 9))(t), all[:1])
}

func letterDiedAgain(t *testing.T, e *engine.Engine) {
	seen, other := letter(1), letter(2)
	d := put(t, e, seen, other)
	again := seen
	again.DeadAt, again.Count = after(61), 1
	put(t, e, again)
	wantDeleted(t, d, 1, seen, other)
	wantSame(t, "what is left", must(d.List(t.Context(), "", 9))(t), []event.DeadLetter{again})
	earlier := again
	earlier.DeadAt = start
	wantDeleted(t, d, 0, earlier)
	stranger := event.DeadLetter{ID: again.ID, DeadAt: again.DeadAt} // its id and its time are what tells a letter
	wantDeleted(t, d, 1, stranger)
	wantLetters(t, d, 0)
}

func letterTwiceInBatch(t *testing.T, e *engine.Engine) {
	d := put(t, e, letter(1), letter(2), letter(3))
	wantDeleted(t, d, 2, letter(1), letter(2), letter(1), letter(2), letter(1))
	wantLetters(t, d, 1)
}

func letterNoneDeleted(t *testing.T, e *engine.Engine) {
	d := put(t, e, letter(1))
	wantDeleted(t, d, 0)
	wantLetters(t, d, 1)
}

func letterDeletedInParallel(t *testing.T, e *engine.Engine) {
	var all []event.DeadLetter
	for n := range 20 {
		all = append(all, letter(n))
	}
	d := put(t, e, all...)
	var removed atomic.Int32
	inParallel(t, 10, func(int) error {
		n, err := d.Delete(t.Context(), all)
		removed.Add(int32(n))
		return err
	})
	if removed.Load() != 20 {
		t.Errorf("ten deletes of twenty letters removed %d", removed.Load())
	}
	wantLetters(t, d, 0)
}
