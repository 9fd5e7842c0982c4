package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"holdfast/api/client"
	enginesqlite "holdfast/engine/sqlite"
	"holdfast/event"
)

// breaches are made by hand in copies of a sound folder. want is how the audit
// must name them, with the order's id or the SKU.
var breaches = map[string]struct{ database, sql, want string }{
	"a completed order whose stock was released": {"inventory", `UPDATE reservations SET state = 'RELEASED(voided)' WHERE order_id = 'bought'`,
		`stock_not_settled: order bought`},
	"a completed order that was never captured": {"gateway", `DELETE FROM entries WHERE order_id = 'bought'`,
		`not_captured_once: order bought`},
	"a completed order charged under a second key": {"gateway", `INSERT INTO entries SELECT number, 'second', order_id, state, amount, currency, method, attempts, at FROM entries WHERE order_id = 'bought'`,
		`not_captured_once: order bought`},
	"a declined order that was charged": {"gateway", `UPDATE entries SET state = 'captured', amount = 1999, currency = 'USD' WHERE order_id = 'declined'`,
		`net_charge: order declined`},
	"a refunded order whose money was kept": {"gateway", `DELETE FROM entries WHERE order_id = 'refunded' AND state = 'refunded'`,
		`not_refunded_once: order refunded`},
	"a capture of another amount": {"gateway", `UPDATE entries SET amount = amount + 1 WHERE order_id = 'bought' AND state = 'captured'`,
		`wrong_amount: order bought`},
	"a failed order that keeps its stock": {"inventory", `UPDATE reservations SET state = 'HELD' WHERE order_id = 'declined'`,
		`stock_not_released: order declined`},
	"a refund without its return": {"inventory", `UPDATE reservations SET state = 'SETTLED' WHERE order_id = 'refunded'`,
		`stock_not_returned: order refunded`},
	"a payment record that the gateway contradicts": {"payment", `UPDATE payments SET state = 'CAPTURED' WHERE order_id = 'declined'`,
		`(payment|gateway)_differs: order declined`},
	"an oversold SKU": {"inventory", `PRAGMA ignore_check_constraints = ON; UPDATE stock SET available = -1, sold = sold + available + 1 WHERE sku = 'A123'`,
		`oversold: SKU A123`},
	"a unit that nobody sold": {"inventory", `UPDATE stock SET sold = sold + 1, available = available - 1 WHERE sku = 'A123'`,
		`stock_differs: SKU A123`},
	"a unit out of nowhere": {"inventory", `UPDATE stock SET available = available + 1 WHERE sku = 'A123'`,
		`ledger_differs: SKU A123`},
	"an order that was lost": {"order", `DELETE FROM orders WHERE id = 'bought'`,
		`lost_order: order bought`},
	"a history that goes back": {"order", `UPDATE orders SET history = json_set(history, '$[1].at', json_extract(history, '$[0].at') - 60000) WHERE id = 'bought'`,
		`broken_history: order bought`},
	"an ended order that is still due": {"order", `UPDATE orders SET due_at = 0 WHERE id = 'bought'`,
		`wrong_due: order bought`},
	"a completed order that was not counted": {"order", `UPDATE tally SET orders = orders - 1 WHERE status = 'COMPLETED'`,
		`tally_differs: all orders`},
}

func TestAuditFindsEachBreachMadeByHand(t *testing.T) {
	sound := soundFolder(t)
	drained(t, sound)
	for name, b := range breaches {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.CopyFS(folder, os.DirFS(sound)); err != nil {
				t.Fatal(err)
			}
			tamper(t, filepath.Join(folder, b.database+".db"), b.sql)
			out, err := holdfast(t, "audit", "--data", folder)
			if exitStatus(err) != exitFailed || !regexp.MustCompile(b.want).MatchString(out) {
				t.Errorf("audit exited %d, and did not name %q:\n%s", exitStatus(err), b.want, out)
			}
		})
	}
}

func TestAMessageLeftInAQueueFileIsWork(t *testing.T) {
	data := setUp(t)
	files, err := onSQLite{dir: data}.queues(enginesqlite.QueueOptions{Shared: true})()
	if err != nil {
		t.Fatal(err)
	}
	err = files.Queues[event.Inventory].Send(t.Context(), []event.Event{event.New(event.PaymentVoided, event.Ref{OrderID: "a", Number: 1}, time.Now())})
	if err := errors.Join(err, files.Close()); err != nil {
		t.Fatal(err)
	}
	if out, err := holdfast(t, "audit", "--data", data); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := holdfast(t, "audit", "--drained", "--data", data)
	if exitStatus(err) != exitFailed || !strings.Contains(out, "queue_not_empty: queue inventory") {
		t.Errorf("exit %d\n%s", exitStatus(err), out)
	}
}

// soundFolder is the data of a server on which four orders came to four ends.
func soundFolder(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	server := serve(t, data, "--log-level", "warn")
	c := client.New(server.URL, nil)
	for id, method := range map[string]string{"bought": "sim_approve", "declined": "sim_decline", "refunded": "sim_approve", "short": "sim_approve"} {
		sku := map[bool]string{true: "B456", false: "A123"}[id == "short"]
		if _, err := c.Place(t.Context(), client.PlaceOrder{UserID: "u", OrderID: &id, Items: []client.Line{{SKU: sku, Qty: 1}}, PaymentMethod: method}, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Order(t.Context(), id, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Refund(t.Context(), "refunded", true); err != nil {
		t.Fatal(err)
	}
	if o, err := c.Order(t.Context(), "refunded", time.Minute); err != nil || o.Status != "REFUNDED" {
		t.Fatal(err, o.Status)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	return data
}

// tamper changes a database behind Holdfast's back.
func tamper(t *testing.T, path, script string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for statement := range strings.SplitSeq(script, ";") {
		if err := sqlitex.ExecuteTransient(conn, statement, nil); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if !strings.Contains(script, "PRAGMA") && conn.Changes() == 0 {
		t.Fatalf("%s changed nothing", script)
	}
}
