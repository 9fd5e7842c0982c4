package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/anishathalye/porcupine"
)

const (
	adjust verb = "adjust"
	count  verb = "count"
)

// stockCall is a call about one SKU.
type stockCall struct {
	verb  verb
	id    string // of an adjustment
	delta int64
	units int64 // of a count
	sells bool  // whether orders move the SKU too
}

// stockAnswer is what the call was told.
type stockAnswer struct {
	status                    int // 0: nothing, so that it may have had its effect or not
	available, reserved, sold int64
}

func (a stockAnswer) total() int64 { return a.available + a.reserved + a.sold }

// stockState is what clients can know of a SKU at one moment. Orders move its units
// from count to count, but the total stays: only counts and adjustments change it.
type stockState struct {
	exists bool
	total  int64  // available + reserved + sold
	made   string // the adjustments made, "id delta" each in brackets
}

var stockModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{stockState{}} },
	Step: func(state, input, output any) []any {
		var next []any
		for _, s := range state.(stockState).step(input.(stockCall), output.(stockAnswer)) {
			next = append(next, s)
		}
		return next
	},
}).ToModel()

// step is what the stock may be after a call with this answer; nothing if it
// cannot be.
func (s stockState) step(c stockCall, a stockAnswer) []stockState {
	switch {
	case c.verb == count:
		return s.counted(c, a)
	case !s.exists:
		return s.onlyIf(a.status == http.StatusNotFound || a.status == 0)
	case c.verb == read:
		return s.onlyIf(a.status == 0 || a.status == http.StatusOK && s.shown(c, a))
	default:
		return s.adjusted(c, a)
	}
}

func (s stockState) onlyIf(possible bool) []stockState {
	if possible {
		return []stockState{s}
	}
	return nil
}

// shown reports whether the stock may be shown so. Of a SKU that is not for sale
// all units are available.
func (s stockState) shown(c stockCall, a stockAnswer) bool {
	return a.total() == s.total && min(a.available, a.reserved, a.sold) >= 0 && (c.sells || a.available == s.total)
}

// counted is a count, of a new SKU or of one that is not for sale.
func (s stockState) counted(c stockCall, a stockAnswer) []stockState {
	after := s
	after.exists, after.total = true, c.units
	switch a.status {
	case 0:
		return []stockState{s, after}
	case http.StatusOK:
		return after.onlyIf(after.shown(c, a))
	}
	return nil
}

// adjusted is an adjustment: it is made once, whoever sends it how often.
func (s stockState) adjusted(c stockCall, a stockAnswer) []stockState {
	row := fmt.Sprintf("[%s %d]", c.id, c.delta)
	if strings.Contains(s.made, "["+c.id+" ") {
		same := strings.Contains(s.made, row)
		return s.onlyIf(a.status == 0 || same && a.status == http.StatusOK || !same && a.status == http.StatusUnprocessableEntity)
	}
	after := s
	after.total, after.made = s.total+c.delta, s.made+row
	switch {
	case a.status == 0 && after.total < 0:
		return []stockState{s}
	case a.status == 0:
		return []stockState{s, after}
	case a.status == http.StatusConflict: // orders may hold or have bought what would be taken
		return s.onlyIf(after.total < 0 || c.sells && c.delta < 0)
	}
	return after.onlyIf(a.status == http.StatusOK && after.total >= 0)
}

func (c stockCall) String() string {
	switch c.verb {
	case adjust:
		return fmt.Sprintf("adjust %s by %+d", c.id, c.delta)
	case count:
		return fmt.Sprintf("count %d", c.units)
	}
	return string(c.verb)
}

func (a stockAnswer) String() string {
	switch a.status {
	case 0:
		return "no answer"
	case http.StatusOK:
		return fmt.Sprintf("200 available %d, reserved %d, sold %d", a.available, a.reserved, a.sold)
	}
	return fmt.Sprint(a.status)
}
