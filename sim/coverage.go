package sim

import "holdfast/event"

// Coverage counts what worlds have made happen.
type Coverage struct {
	cells  map[cell]int
	struck map[Fault]int
	marks  map[mark]int
}

// cell is a cell of a decision table, as a message met it.
type cell struct {
	service event.Service
	state   string
	message event.Type
}

func newCoverage() Coverage {
	return Coverage{cells: make(map[cell]int), struck: make(map[Fault]int), marks: make(map[mark]int)}
}

// hit marks something as having happened.
func (c Coverage) hit(m mark) { c.marks[m]++ }

// Add adds another world's counts.
func (c Coverage) Add(other Coverage) {
	for k, n := range other.cells {
		c.cells[k] += n
	}
	for k, n := range other.struck {
		c.struck[k] += n
	}
	for k, n := range other.marks {
		c.marks[k] += n
	}
}
