package recorder

import (
	"strings"
	"sync"
)

const (
	maxTexts = 1024 // texts that are remembered
	maxText  = 200  // bytes of one
)

// texts are the latest different details. A hundred thousand messages may come back
// for one and the same reason.
type texts struct {
	mu     sync.Mutex
	latest [maxTexts]string
	placed map[string]uint32 // where each is
	next   uint32            // the place of the next one, counted from 1 without end
}

// put remembers a text, cut to what fits, and returns its place; 0 for none.
func (t *texts) put(text string) uint32 {
	if text == "" {
		return 0
	}
	text = cut(text)
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.placed[text]; ok {
		return at
	}
	if t.placed == nil {
		t.placed = make(map[string]uint32)
	}
	if t.next++; t.next == 0 {
		t.next++ // it has come round
	}
	place := &t.latest[t.next%maxTexts]
	delete(t.placed, *place)
	*place = strings.Clone(text) // which may be a part of something long
	t.placed[*place] = t.next
	return t.next
}

// get is the text at a place; empty where another has taken it since.
func (t *texts) get(at uint32) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := t.latest[at%maxTexts]; t.placed[text] == at {
		return text
	}
	return ""
}

// cut takes what is too long off a text, and what it leaves of the last character.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}
