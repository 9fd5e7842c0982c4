package memory

// The chains that a message can be in.
const (
	bySending = iota // every message, the oldest first
	byTurn           // those that are ready, or those that are leased
	chains
)

// link is a message's place in a chain.
type link struct{ before, after *message }

// chain is a linked list through the messages themselves, since a list with
// elements of its own would allocate one for each step of each message.
type chain struct {
	kind        int
	first, last *message
	len         int
}

func (c *chain) pushBack(m *message) { c.insertAfter(c.last, m) }

// insertAfter puts m behind another of the chain; nil: to the front.
func (c *chain) insertAfter(before, m *message) {
	after := c.first
	if before != nil {
		after = before.links[c.kind].after
	}
	m.links[c.kind] = link{before, after}
	*c.afterOf(before), *c.beforeOf(after) = m, m
	c.len++
}

func (c *chain) remove(m *message) {
	l := m.links[c.kind]
	*c.afterOf(l.before), *c.beforeOf(l.after) = l.after, l.before
	m.links[c.kind] = link{}
	c.len--
}

// afterOf is where it stands what follows m; of nil, what comes first.
func (c *chain) afterOf(m *message) **message {
	if m == nil {
		return &c.first
	}
	return &m.links[c.kind].after
}

// beforeOf is where it stands what m follows; of nil, what comes last.
func (c *chain) beforeOf(m *message) **message {
	if m == nil {
		return &c.last
	}
	return &m.links[c.kind].before
}
