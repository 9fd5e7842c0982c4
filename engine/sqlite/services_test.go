package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/keys"
)

// has are the names of the ports that an engine has.
func has(e *engine.Engine) (ports []string) {
	for name, there := range map[string]bool{
		"orders": e.Orders != nil, "inventory": e.Inventory != nil, "payments": e.Payments != nil, "ledger": e.Ledger != nil, "keys": e.Keys != nil,
		"order letters": e.DeadLetters[event.Order] != nil, "inventory letters": e.DeadLetters[event.Inventory] != nil,
		"payment letters": e.DeadLetters[event.Payment] != nil,
	} {
		if there {
			ports = append(ports, name)
		}
	}
	slices.Sort(ports)
	return ports
}

// files are the names of the databases in a folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".db"))
	}
	return names
}

func TestOnlyTheFilesOfTheServicesAskedForAreOpened(t *testing.T) {
	for name, test := range map[string]struct {
		services     []event.Service
		files, ports []string
	}{
		"all": {nil, []string{"gateway", "inventory", "keys", "order", "payment"}, []string{
			"inventory", "inventory letters", "keys", "ledger", "order letters", "orders", "payment letters", "payments"}},
		"order":     {[]event.Service{event.Order}, []string{"keys", "order"}, []string{"keys", "order letters", "orders"}},
		"inventory": {[]event.Service{event.Inventory}, []string{"inventory", "keys"}, []string{"inventory", "inventory letters", "keys"}},
		"payment":   {[]event.Service{event.Payment}, []string{"gateway", "keys", "payment"}, []string{"keys", "ledger", "payment letters", "payments"}},
		"none":      {[]event.Service{}, []string{"keys"}, []string{"keys"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, shared := range []bool{false, true} {
				e, err := Open(Options{Dir: dir, Services: test.services, Shared: shared})
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				if err := e.Ready(t.Context()); err != nil || !slices.Equal(has(e), test.ports) || !slices.Equal(files(t, dir), test.files) {
					t.Errorf("shared %t: ports %v, files %v, ready %v; want %v, %v", shared, has(e), files(t, dir), err, test.ports, test.files)
				}
			}
		})
	}
}

func TestASharedFolderMustBeSetUp(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T) (dir, file string){
		"a missing folder": func(t *testing.T) (string, string) { return filepath.Join(t.TempDir(), "none"), "order.db" },
		"an empty folder":  func(t *testing.T) (string, string) { return t.TempDir(), "order.db" },
		"no keys": func(t *testing.T) (string, string) {
			dir := used(t)
			remove(t, dir, "keys")
			return dir, "keys.db"
		},
		"an older file": func(t *testing.T) (string, string) {
			dir := t.TempDir()
			for _, name := range []string{"order", "inventory", "payment", "gateway", "keys"} {
				writeFile(t, filepath.Join(dir, name+".db"), nil)
			}
			return dir, "order.db"
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := prepare(t)
			before := files(t, dir)
			_, err := Open(Options{Dir: dir, Shared: true})
			wantWords(t, err, filepath.Join(dir, file), "holdfast setup --data "+dir)
			if after := files(t, dir); !slices.Equal(before, after) {
				t.Errorf("the files were %v and are %v", before, after)
			}
			if content, _ := os.ReadFile(filepath.Join(dir, "order.db")); name == "an older file" && len(content) > 0 {
				t.Error("the file was migrated")
			}
		})
	}
}

func TestASharedFolderWithoutOneOfItsStoresIsNotSetUpAnew(t *testing.T) {
	dir := used(t)
	remove(t, dir, "order")
	for _, o := range []Options{{Dir: dir, Shared: true}, {Dir: dir, Services: []event.Service{event.Order}}} {
		_, err := Open(o)
		wantWords(t, err, "order.db is missing, though", "inventory.db")
	}
}

func TestAFolderFromBeforeThereWereKeysIsBroughtUpToDate(t *testing.T) {
	dir := used(t)
	remove(t, dir, "keys")
	audit, err := Open(Options{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer audit.Close()
	if all, err := audit.Keys.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("a folder without keys lists %v, %v", all, err)
	}
	k := keys.Key{Name: "shop", Scopes: []keys.Scope{keys.Orders}, CreatedAt: start}
	wantWords(t, audit.Keys.Create(t.Context(), k), "read only")

	e := openEngine(t, dir)
	if err := e.Keys.Create(t.Context(), k); err != nil {
		t.Error(err)
	}
	if s, err := e.Inventory.Stock(t.Context(), "A"); err != nil || s.Available != 1 {
		t.Errorf("stock %+v, %v", s, err)
	}
}

// version1 fills a folder as the build before schema version 2 left it.
func version1(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, rows := range map[string]string{
		"order": "", "payment": "",
		"inventory": `INSERT INTO stock VALUES ('A', 7, 2, 1, 1999, 'USD', 4, 1000);
			INSERT INTO stock_ledger VALUES (1, 'A', 9, 'count', 900), (2, 'A', 1, 'count', 1000);
			INSERT INTO reservations VALUES (5, 'o5', 'HELD', '[{"sku":"A","qty":2,"unit_price":{"amount":1999,"currency":"USD"}}]', 3998, 'USD', '', NULL, 0, 1000, 1000);
			INSERT INTO dead_letters VALUES ('x', '{}', 'why', 3, 1000);`,
		"gateway": "INSERT INTO entries VALUES (5, 'o5', 'o5', 'captured', 3998, 'USD', 'sim_approve', 1, 1000);",
	} {
		path := filepath.Join(dir, name+".db")
		step, err := schema.ReadFile("schema/" + name + ".1.sql")
		if err != nil {
			t.Fatal(err)
		}
		script(t, path, string(step)+rows)
		script(t, path, fmt.Sprintf("PRAGMA user_version = 1; PRAGMA application_id = %d", applicationIDs[name]))
	}
	return dir
}

func TestAFolderOfSchemaVersion1IsMigratedWithItsRows(t *testing.T) {
	dir := version1(t)
	for _, o := range []Options{{ReadOnly: true}, {Shared: true}} {
		o.Dir, o.Services = dir, []event.Service{event.Inventory}
		if keys, err := Open(Options{Dir: dir, Services: []event.Service{}}); err != nil || keys.Close() != nil {
			t.Fatal(err)
		}
		_, err := Open(o)
		wantWords(t, err, "inventory.db has schema version 1", "holdfast setup --data "+dir)
	}
	e := openEngine(t, dir)
	ctx := t.Context()
	s, errStock := e.Inventory.Stock(ctx, "A")
	if errStock != nil || s.Available != 7 || s.Reserved != 2 || s.Sold != 1 || s.Version != 4 {
		t.Errorf("stock %+v, %v", s, errStock)
	}
	r, err := e.Inventory.Get(ctx, []event.Ref{{OrderID: "o5", Number: 5}})
	if err != nil || r[0].State != inventory.Held || len(r[0].Lines) != 1 || r[0].Total.Amount != 3998 {
		t.Errorf("reservation %+v, %v", r, err)
	}
	entries, err := e.Ledger.Scan(ctx, 0, 10)
	if err != nil || len(entries) != 1 || entries[0].Amount.Amount != 3998 {
		t.Errorf("entries %+v, %v", entries, err)
	}
	if n, err := e.DeadLetters[event.Inventory].Count(ctx); err != nil || n != 1 {
		t.Errorf("%d dead letters, %v", n, err)
	}
	wantNewIn2(t, e)
}

// wantNewIn2 uses what version 2 has added.
func wantNewIn2(t *testing.T, e *engine.Engine) {
	t.Helper()
	ctx := t.Context()
	service := inventory.Service{Store: e.Inventory}
	if _, err := service.Adjust(ctx, inventory.Adjustment{ID: "a1", SKU: "A", Delta: -3, Reason: "damaged", At: start}); err != nil {
		t.Error(err)
	}
	page, err := e.Inventory.Ledger(ctx, inventory.LedgerQuery{SKU: "A", Limit: 10})
	ledger := page.Rows
	if err != nil || len(ledger) != 3 || ledger[0].AdjustmentID != "a1" || ledger[1].AdjustmentID != "" || ledger[2].Delta != 9 {
		t.Errorf("ledger %+v, %v", ledger, err)
	}
	if until, err := e.Ledger.Outage(ctx); err != nil || !until.IsZero() {
		t.Errorf("an outage until %v, %v", until, err)
	}
	if err := e.Ledger.SetOutage(ctx, start.Add(time.Minute)); err != nil {
		t.Error(err)
	}
}
