package explore

import (
	"context"
	"errors"
	"fmt"

	"holdfast/engine"
	"holdfast/engine/memory"
	"holdfast/event"
)

// stand is how one service's store stands, as a number.
type stand uint16

// handler takes a letter to a service over a store.
type handler func(context.Context, *memory.Memory, event.Event) (event.Result, error)

// party is one service, with every content of its store that was met. It reads
// each letter once for each of them.
type party struct {
	name event.Service
	// handle runs the real service, and holds it to what it alone must keep: its
	// error is the store's, or a broken promise. run is the service alone.
	handle, run handler
	// key is all that the store holds but times; state is where its record of an
	// order stands.
	key   func(*memory.Memory) string
	state func(*memory.Memory, event.Ref) string
	// refusal is the code with which a client is refused there; nil: no clients.
	refusal func(*memory.Memory, event.Event) event.Code

	stores   []*memory.Memory // by stand
	stands   map[string]stand
	outcomes [][2][maxLetters]*outcome // by stand, lane and letter
}

// outcome is what became of a letter.
type outcome struct {
	to     stand
	send   int // the letter that follows, or none
	call   int // the request that follows, or none
	cell   Cell
	text   string
	breach string
}

// stand returns the number of the store's content.
func (p *party) stand(m *memory.Memory) stand {
	key := p.key(m)
	at, known := p.stands[key]
	if !known {
		at = stand(len(p.stores))
		p.stands[key] = at
		p.stores = append(p.stores, m)
		p.outcomes = append(p.outcomes, [2][maxLetters]*outcome{})
	}
	return at
}

// read is what becomes of the letter where the store stands so.
func (p *party) read(at stand, l *lane, n int) *outcome {
	if p.outcomes[at][l.number][n] == nil {
		o := p.try(at, l, n) // which may add to the outcomes
		p.outcomes[at][l.number][n] = o
	}
	return p.outcomes[at][l.number][n]
}

func (p *party) try(at stand, l *lane, n int) *outcome {
	e := l.post.events[n]
	m := p.stores[at].Clone()
	r, err := p.handle(context.Background(), m, e)
	o := &outcome{to: p.stand(m), send: l.post.number(r.Send), call: l.processor.number(r.Call)}
	before := p.state(p.stores[at], e.Ref)
	o.text = describe(before, p.state(m, e.Ref), r)
	if p.refusal != nil && p.refusal(p.stores[at], e) != "" {
		o.text = string(p.refusal(p.stores[at], e))
	}
	o.cell = Cell{Service: p.name, State: before, Message: string(e.Type), Does: o.text}
	switch {
	case err != nil:
		o.breach = err.Error()
	case r.Dead != nil:
		o.breach = "a dead letter: " + r.Dead.Error()
	default:
		o.breach = p.fail(at, o.to, e)
	}
	return o
}

// describe says what a message did, as PROTOCOL's tables do.
func describe(from, to string, r event.Result) string {
	text := ""
	if from != to {
		text += " →" + to
	}
	if r.Send.Type != "" {
		text += " !" + string(r.Send.Type)
	}
	if r.Call.Op != "" {
		text += " " + string(r.Call.Op)
	}
	if r.Retry {
		text += " retry"
	}
	if text == "" {
		return "–"
	}
	return text[1:]
}

var errStruck = errors.New("the store failed")

// fail reads the letter with a store that fails at each point of each write: the
// reader must say so, and the store must stand as before or as after.
func (p *party) fail(before, after stand, e event.Event) string {
	for _, point := range []engine.Point{engine.BeforeCommit, engine.AfterCommit} {
		for write := 1; ; write++ {
			m := p.stores[before].Clone()
			struck := strikeAt(m, point, write)
			_, err := p.handle(context.Background(), m, e)
			if !*struck {
				break
			}
			key := p.key(m)
			if !errors.Is(err, errStruck) {
				return fmt.Sprintf("write %d failed, and the reader says %v", write, err)
			}
			if key != p.key(p.stores[before]) && key != p.key(p.stores[after]) {
				return fmt.Sprintf("write %d failed and left neither what was nor what would be", write)
			}
		}
	}
	return ""
}

// strikeAt makes the store fail at a point of its n-th write.
func strikeAt(m *memory.Memory, point engine.Point, n int) *bool {
	struck := new(bool)
	m.SetFault(func(p engine.Point) error {
		if p != point {
			return nil
		}
		if n--; n != 0 {
			return nil
		}
		*struck = true
		return errStruck
	})
	return struck
}
