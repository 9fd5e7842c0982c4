package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// shortRun has lookups merged after a few orders.
const shortRun = 4

// directory is a folder whose orders are looked up.
type directory struct {
	*testing.T
	dir    string
	engine *engine.Engine
	placed map[string][]string // the ids of each user, the newest first
}

func newDirectory(t *testing.T) *directory {
	d := &directory{T: t, dir: t.TempDir(), placed: make(map[string][]string)}
	d.engine = d.open(Options{})
	return d
}

func (d *directory) open(o Options) *engine.Engine {
	d.Helper()
	o.Dir, o.Services, o.RunLength = d.dir, []event.Service{event.Order}, shortRun
	e, err := Open(o)
	if err != nil {
		d.Fatal(err)
	}
	e.Close = sync.OnceValue(e.Close)
	d.Cleanup(func() { e.Close() })
	return e
}

// place places an order for one of three users.
func (d *directory) place(e *engine.Engine, n int) error {
	id, user := fmt.Sprint("order-", n), fmt.Sprint("user-", n%3)
	_, err := e.Orders.Create(d.Context(), []order.Order{{
		Ref: event.Ref{OrderID: id}, Caller: "c", UserID: user, Status: order.Pending,
		History: []order.Entry{{Status: order.Pending, At: start}}, HoldUntil: start, Due: start,
	}})
	if err == nil {
		d.placed[user] = slices.Insert(d.placed[user], 0, id)
	}
	return err
}

func (d *directory) placeAll(e *engine.Engine, from, to int) {
	d.Helper()
	for n := from; n < to; n++ {
		if err := d.place(e, n); err != nil {
			d.Fatal(err)
		}
	}
}

// check finds every order by its id and in its user's list, once.
func (d *directory) check(e *engine.Engine) {
	d.Helper()
	for user, ids := range d.placed {
		for _, id := range ids {
			if o, err := e.Orders.Get(d.Context(), id); err != nil || o.UserID != user {
				d.Errorf("%s of %s: found %+v, %v", id, user, o, err)
			}
		}
		if got := d.list(e, user); !slices.Equal(got, ids) {
			d.Errorf("orders of %s: %v, want %v", user, got, ids)
		}
	}
	if o, err := e.Orders.Get(d.Context(), "order-none"); !errors.Is(err, event.NotFound) {
		d.Errorf("found %+v, %v", o, err)
	}
}

func (d *directory) list(e *engine.Engine, user string) (ids []string) {
	d.Helper()
	q := order.Query{UserID: user, Limit: 2}
	for {
		page, err := e.Orders.List(d.Context(), q)
		if err != nil {
			d.Fatal(err)
		}
		for _, o := range page.Orders {
			ids = append(ids, o.OrderID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return ids
		}
	}
}

// untilMerged places orders from the n-th on, until the tables hold so many, and
// returns the number of the next.
func (d *directory) untilMerged(e *engine.Engine, n int, many int64) (next int) {
	d.Helper()
	l := e.Orders.(orders).lookups
	waitFor(d.T, func() bool {
		l.mu.RLock()
		merged := l.merged
		l.mu.RUnlock()
		if merged < many {
			d.placeAll(e, n, n+1)
			n++
		}
		return merged >= many
	})
	return n
}

func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("it did not come to that within a minute")
		}
	}
}

// TestAnOrderIsFoundWhereverItsLookupIs: in the tables, in a run that is merged, in
// the tail, and after a restart, for one who only reads too.
func TestAnOrderIsFoundWhereverItsLookupIs(t *testing.T) {
	d := newDirectory(t)
	for n := range 3 * shortRun {
		d.placeAll(d.engine, n, n+1)
		d.check(d.engine)
	}
	next := d.untilMerged(d.engine, 3*shortRun, shortRun)
	d.check(d.engine)
	d.check(d.open(Options{ReadOnly: true}))
	if err := d.engine.Close(); err != nil {
		t.Fatal(err)
	}
	d.engine = d.open(Options{})
	d.check(d.engine)
	l := d.engine.Orders.(orders).lookups
	waitFor(t, func() bool {
		l.mu.RLock()
		defer l.mu.RUnlock()
		return l.filter.complete
	})
	d.check(d.engine)
	d.placeAll(d.engine, next, next+shortRun)
	d.check(d.engine)
	d.untilMerged(d.engine, next+shortRun, 4*shortRun)
	d.check(d.engine)
}

// TestProcessesFindEachOthersOrders: two engines stand for two processes, each of
// which merges what it knows of.
func TestProcessesFindEachOthersOrders(t *testing.T) {
	d := newDirectory(t)
	other := d.open(Options{Shared: true})
	reader := d.open(Options{ReadOnly: true})
	d.engine.Close()
	d.engine = d.open(Options{Shared: true})
	for n := range 5 * shortRun {
		d.placeAll([]*engine.Engine{d.engine, other}[n/3%2], n, n+1)
		for _, e := range []*engine.Engine{d.engine, other, reader} {
			d.check(e)
		}
	}
	again, err := other.Orders.Create(t.Context(), []order.Order{{Ref: event.Ref{OrderID: "order-0"}, History: []order.Entry{{}}}})
	if err != nil || again[0].New || again[0].Order.UserID != "user-0" {
		t.Errorf("an order of another process's id: %+v, %v", again, err)
	}
}

// TestWhatACommitDidNotTakeIsNotFound: and its number is the next order's.
func TestWhatACommitDidNotTakeIsNotFound(t *testing.T) {
	d := newDirectory(t)
	d.placeAll(d.engine, 0, 2)
	full := event.Errorf(event.Unavailable, "no room")
	d.engine.SetFault(func(p engine.Point) error {
		if p == engine.BeforeCommit {
			return full
		}
		return nil
	})
	if err := d.place(d.engine, 2); !errors.Is(err, full) {
		t.Fatal(err)
	}
	d.engine.SetFault(nil)
	if o, err := d.engine.Orders.Get(t.Context(), "order-2"); !errors.Is(err, event.NotFound) {
		t.Errorf("found %+v, %v", o, err)
	}
	d.placeAll(d.engine, 5, 6)
	d.placeAll(d.engine, 2, 3)
	d.check(d.engine)
}

// TestAMergeThatFailsGoesOn: the order that would have paid for it is refused, and
// afterwards, or after a restart, the merge ends.
func TestAMergeThatFailsGoesOn(t *testing.T) {
	for _, table := range []string{"orders_by_id", "orders_by_user", "merged"} {
		for _, restart := range []bool{false, true} {
			d := newDirectory(t)
			d.run("CREATE TRIGGER refuse BEFORE INSERT ON " + table + " BEGIN SELECT raise(ABORT, 'refused'); END")
			n := 0
			waitFor(t, func() bool { n++; return d.place(d.engine, n) != nil })
			d.check(d.engine)
			if restart {
				if err := d.engine.Close(); err != nil {
					t.Fatal(err)
				}
				d.engine = d.open(Options{})
				d.check(d.engine)
			}
			d.run("DROP TRIGGER refuse")
			d.untilMerged(d.engine, n, shortRun)
			d.check(d.engine)
		}
	}
}

// run runs SQL that writes.
func (d *directory) run(query string) {
	d.Helper()
	err := d.engine.Orders.(orders).db.update(d.Context(), 1, func(t *tx) error {
		return sqlitex.ExecuteTransient(t.conn, query, nil)
	})
	if err != nil {
		d.Fatal(err)
	}
}

// TestAHashMayBeOfTwoIDs: what is found by a hash is compared with what is looked for.
func TestAHashMayBeOfTwoIDs(t *testing.T) {
	l := newLookups(shortRun)
	for n := range int64(3) {
		l.add(n+1, 7, 7)
	}
	e := openEngine(t, t.TempDir())
	err := e.Orders.(orders).db.view(t.Context(), func(conn *sqlite.Conn) error {
		byID, err := l.byID(conn, 7)
		if err == nil && !slices.Equal(byID, []int64{3, 2, 1}) {
			t.Errorf("by id: %v", byID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l.tail.truncate(1)
	if found, _ := l.newestOfUser(7, 9, 9); !slices.Equal(found, []int64{1}) || len(l.tail.orders) != 1 {
		t.Errorf("after two were taken back: %v", found)
	}
}

// TestTheFilterLacksNoHashThatIsThere: it may only be wrong the other way.
func TestTheFilterLacksNoHashThatIsThere(t *testing.T) {
	var none *filter
	f := new(filter)
	if none.lacks(1) || f.lacks(1) {
		t.Error("a filter that knows nothing says what is not there")
	}
	f.complete = true
	if !f.lacks(1) {
		t.Error("an empty table has something")
	}
	wrong := 0
	for n := range 10_000 {
		f.add(hash(fmt.Sprint("there ", n)))
	}
	for n := range 10_000 {
		if f.lacks(hash(fmt.Sprint("there ", n))) {
			t.Fatalf("%d is said to lack", n)
		}
		if !f.lacks(hash(fmt.Sprint("not there ", n))) {
			wrong++
		}
	}
	if wrong > 10 {
		t.Errorf("wrong about %d of 10,000", wrong)
	}
}

// TestRecentRecordsAreAllThereIsAboveTheFloor: beyond its room the memory forgets the
// oldest, and says that only the table can tell.
func TestRecentRecordsAreAllThereIsAboveTheFloor(t *testing.T) {
	m := newRecent("payments", func(n int) int { return n })
	if _, _, sure := m.get(1); sure {
		t.Error("sure of a table that was never read")
	}
	m.known = true
	for n := range int64(recentCap) {
		m.put(n+1, int(n+1))
	}
	m.put(1, -1)
	if r, found, sure := m.get(1); r != -1 || !found || !sure {
		t.Error(r, found, sure)
	}
	m.put(recentCap+5, 0)
	for number, want := range map[int64][2]bool{1: {false, false}, 2: {true, true}, recentCap + 1: {false, true}, recentCap + 5: {true, true}} {
		if _, found, sure := m.get(number); found != want[0] || sure != want[1] {
			t.Errorf("%d: found %t, sure %t", number, found, sure)
		}
	}
}

// TestTheLogIsMovedIntoTheFile: beside the commits, long before SQLite would do so.
func TestTheLogIsMovedIntoTheFile(t *testing.T) {
	e := openEngine(t, t.TempDir())
	db := e.Orders.(orders).db
	letters := func(n int) {
		t.Helper()
		batch := make([]event.DeadLetter, 100)
		for i := range batch {
			batch[i] = event.DeadLetter{ID: fmt.Sprint(n, "-", i), Event: event.Event{Unread: make([]byte, 20_000)}, DeadAt: start}
		}
		if err := e.DeadLetters[event.Order].Put(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
	}
	length := func() (pages int64) {
		err := db.view(t.Context(), func(conn *sqlite.Conn) (err error) { pages, err = logged(conn, "NOOP"); return err })
		if err != nil {
			t.Fatal(err)
		}
		return pages
	}
	n := 0
	for ; length() < logPages; n++ {
		letters(n)
	}
	waitFor(t, func() bool { n++; letters(n); return length() < logPages/2 })
}

// TestAnOlderFileIsMergedAtOnce: its orders need not be gathered in memory first.
func TestAnOlderFileIsMergedAtOnce(t *testing.T) {
	d := &directory{T: t, dir: t.TempDir(), placed: map[string][]string{"user-0": {"order-3", "order-0"}, "user-1": {"order-1"}}}
	steps := migrations("order")
	script := steps[0] + steps[1]
	for _, row := range []string{"1, 'order-0', 'c', 'user-0'", "2, 'order-1', 'c', 'user-1'", "3, 'order-3', 'c', 'user-0'"} {
		script += `INSERT INTO orders VALUES (` + row + `, 'COMPLETED', '', NULL, 0, '', '', NULL, 0, '[{"status":"COMPLETED","at":0}]', 0, NULL, 0, x'', 1);`
	}
	script += fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 2;", applicationIDs["order"])
	conn, err := sqlite.OpenConn(d.dir + "/order.db")
	if err == nil {
		err = errors.Join(sqlitex.ExecScript(conn, script), conn.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	d.engine = d.open(Options{})
	if l := d.engine.Orders.(orders).lookups; l.merged != 3 || len(l.tail.orders) != 0 {
		t.Errorf("%d merged, %d in memory", l.merged, len(l.tail.orders))
	}
	d.check(d.engine)
	again, err := d.engine.Orders.Create(t.Context(), []order.Order{{Ref: event.Ref{OrderID: "order-1"}, History: []order.Entry{{}}}})
	if err != nil || again[0].New {
		t.Errorf("an order of an older file's id: %+v, %v", again, err)
	}
}
