package toy

import (
	"context"
	"fmt"

	"holdfast/event"
)

type (
	column = event.Column[State]
	cells  = map[State]event.Cell[State]
)

var table = event.Table[State]{
	event.Asked: column{Expect: None, Cells: cells{
		None: {To: Open, Send: event.Opened, Call: event.Capture},
		Open: {Send: event.Told},
		Shut: {},
	}},
	event.Ended: column{Expect: Open, Elsewhere: true, Cells: cells{Open: {To: Shut}}},
}

func fits(ctx context.Context, have, want int, again bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	switch {
	case again:
		want = 2
	case have < want && !again:
		want += count(ctx, have, want)
	}
	return have-want > 0, nil
}

func none(have, want int) (State, error) {
	return State{}, fmt.Errorf("%d of %d", have, want)
}
