package sqlite

import (
	"errors"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// advice tells a person what to do about the results that say nothing about
// the statement but that the file cannot be used now
// (https://sqlite.org/rescode.html).
var advice = map[sqlite.ResultCode]string{
	sqlite.ResultFull:     "the disk is full; free some space, and writes succeed again",
	sqlite.ResultIOErr:    "the disk failed to read or write; look at its space, its mount and the system's log",
	sqlite.ResultReadOnly: "the file or its folder is read-only; make both writable for this user",
	sqlite.ResultCantOpen: "the file cannot be opened; see that its folder exists and that this user may read and write both",
	sqlite.ResultPerm:     "this user may not use the file; give it access",
	sqlite.ResultAuth:     "this user may not use the file; give it access",
	sqlite.ResultBusy:     "another process keeps it locked; try again, or stop that process",
	sqlite.ResultLocked:   "another process keeps it locked; try again, or stop that process",
	sqlite.ResultProtocol: "another process keeps it locked; try again, or stop that process",
	sqlite.ResultCorrupt:  "the file is damaged; stop holdfast and restore the data folder from a backup",
	sqlite.ResultNotADB:   "the file is no database; move it away, or name another data folder",
	sqlite.ResultNoMem:    "there is too little memory; free some",
}

// outage reports whether err says that the file cannot be used now, whatever
// was asked of it.
func outage(err error) bool {
	return err != nil && advice[sqlite.ErrCode(err).ToPrimary()] != ""
}

// explain turns an outage of the file into event.Unavailable with words for a
// person, and leaves other errors as they are.
func explain(path string, err error) error {
	if !outage(err) || errors.Is(err, event.Unavailable) {
		return err
	}
	return event.Errorf(event.Unavailable, "%s: %s (%w)", path, advice[sqlite.ErrCode(err).ToPrimary()], err)
}
