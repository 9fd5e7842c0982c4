package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// doctorCommand looks at what processes need of the machine, the data folder or AWS,
// and says what to mend. It leaves nothing behind.
type doctorCommand struct {
	storage
	Addr []string `placeholder:"ADDR" help:"Where processes are to listen; may be given several times. Without it 127.0.0.1:8000, 8001 and 8002."`
	JSON bool     `name:"json" help:"Print JSON."`
}

// Validate checks the flags' bounds.
func (c *doctorCommand) Validate() error {
	for _, addr := range c.Addr {
		if err := checkAddr(addr); err != nil {
			return err
		}
	}
	return c.storage.Validate()
}

// verdict is what a check comes to.
type verdict string

const (
	passes verdict = "ok"   // it is as it should be
	warns  verdict = "warn" // it works, but not as well or as safely as it could
	fails  verdict = "fail" // it does not work, or a promise is in danger
)

// finding is what one check found, with units, and what to do about it.
type finding struct {
	Check   string  `json:"check"`
	Verdict verdict `json:"verdict"`
	Found   string  `json:"found"`
	Do      string  `json:"do,omitempty"` // empty where all is well
}

// Run prints what it finds, and fails if anything does not work.
func (c *doctorCommand) Run(ctx context.Context) error {
	findings := c.examine(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.JSON {
		if err := printJSON(findings); err != nil {
			return err
		}
	} else {
		printFindings(findings)
	}
	for _, f := range findings {
		if f.Verdict == fails {
			return errSilent
		}
	}
	return nil
}

func printFindings(findings []finding) {
	for _, f := range findings {
		fmt.Printf("%-5s %-12s %s\n", f.Verdict, f.Check, f.Found)
		if f.Do != "" {
			fmt.Printf("%-18s → %s\n", "", f.Do)
		}
	}
}

// examine makes every check that means something where the flags say.
func (c *doctorCommand) examine(ctx context.Context) []finding {
	began := time.Now()
	var all []finding
	switch {
	case c.Engine == "aws":
		all = examineAWS(ctx, onAWS{prefix: c.Prefix})
	case !c.inMemory():
		all = examineFolder(c.Data)
	}
	all = append(all, examineSQLite(libraries()), c.examineClock(began, time.Now()))
	all = append(all, examineMachine()...)
	if len(c.Addr) > 0 {
		for _, addr := range c.Addr {
			all = append(all, examinePort(ctx, addr, fails))
		}
		return all
	}
	// A service whose own address is taken listens elsewhere, and says so.
	return append(all, examinePort(ctx, standard["serve"], fails),
		examinePort(ctx, standard["inventory"], warns), examinePort(ctx, standard["payment"], warns))
}

// soundSQLite is the first SQLite that cannot corrupt a database in WAL mode
// (https://sqlite.org/wal.html#walresetbug).
const soundSQLite = "3.51.3"

// examineSQLite looks at the library that is compiled in, as "SQLite 3.53.1".
func examineSQLite(library string) finding {
	f := finding{Check: "SQLite", Verdict: passes, Found: library + ", whose log is sound from " + soundSQLite + " on"}
	var is, least [3]int
	_, err := fmt.Sscanf(library, "SQLite %d.%d.%d", &is[0], &is[1], &is[2])
	if _, bad := fmt.Sscanf(soundSQLite, "%d.%d.%d", &least[0], &least[1], &least[2]); err != nil || bad != nil || older(is, least) {
		f.Verdict, f.Found, f.Do = fails, library+" can corrupt a database: every one before "+soundSQLite+" can", "build holdfast from its own go.mod"
	}
	return f
}

func older(is, least [3]int) bool {
	for i := range is {
		if is[i] != least[i] {
			return is[i] < least[i]
		}
	}
	return false
}

// What a clock must be for orders to make sense.
const (
	firstYear = 2026 // there was no Holdfast before
	lastYear  = 2200
	maxStep   = 100 * time.Millisecond // between the clock and the time that went by
	maxAhead  = 10 * time.Second       // of a file's last change, before the clock
)

// examineClock holds the clock against the time that went by meanwhile, which is
// counted apart, and against the last write to the data folder. The time zone does
// not matter: all times are UTC.
func (c *doctorCommand) examineClock(began, ended time.Time) finding {
	f := finding{Check: "clock", Verdict: passes, Found: ended.UTC().Format(time.RFC3339)}
	passed, step := ended.Sub(began), ended.Round(0).Sub(began.Round(0))-ended.Sub(began)
	var written time.Time
	if c.Engine == "sqlite" {
		written = lastWrite(c.Data)
	}
	switch year := ended.UTC().Year(); {
	case year < firstYear || year > lastYear:
		f.Verdict, f.Found, f.Do = fails, f.Found+" cannot be right", "set the clock: orders are dated by it"
	case written.Sub(ended) > maxAhead:
		f.Verdict, f.Found = warns, fmt.Sprintf("%s, but %s was written %s later", f.Found, c.Data, written.Sub(ended).Round(time.Second))
		f.Do = "set the clock, or wait: until then orders' times stand still, and holds last longer"
	case step.Abs() > maxStep:
		f.Verdict, f.Found = warns, fmt.Sprintf("%s, and it jumped %s while %s went by", f.Found, step.Round(time.Millisecond), passed.Round(time.Millisecond))
		f.Do = "have it slewed and not stepped (chronyd, systemd-timesyncd); a jump ends holds early or late"
	}
	return f
}

// failed is the finding of a check that ended in an error, whose words say what to do
// behind a semicolon.
func failed(check string, err error) finding {
	f := finding{Check: check, Verdict: fails}
	f.Found, f.Do, _ = strings.Cut(plainly(err).Error(), "; ")
	return f
}
