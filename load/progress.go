package load

import (
	"fmt"
	"io"
)

// plainEvery is how many seconds lie between two lines of progress where there is
// no terminal.
const plainEvery = 10

// Progress writes how a load goes for a person: on a terminal as one line that is
// written over each second, else a line each ten seconds. Done ends the line.
func Progress(w io.Writer, terminal bool) (each func(Sample), done func()) {
	n, shown := 0, false
	each = func(s Sample) {
		n++
		doing := s.Doing
		if doing == "" {
			doing = fmt.Sprintf("%3.0f s", s.At)
		}
		line := fmt.Sprintf("%s: %.0f orders/s accepted, p99 %.1f ms, %d open", doing, s.Accepted, s.P99Ms, s.Open)
		switch {
		case terminal:
			fmt.Fprintf(w, "\r%s \x1b[K", line)
			shown = true
		case n%plainEvery == 0:
			fmt.Fprintln(w, line)
		}
	}
	done = func() {
		if shown {
			fmt.Fprintln(w)
		}
	}
	return each, done
}
