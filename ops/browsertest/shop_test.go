//go:build browser

package browsertest

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/api/client"
	"holdfast/engine"
	"holdfast/engine/sqlite"
	"holdfast/load"
)

// shop is a running Holdfast with a data folder of its own. When its test is over, the
// promises are checked over what it leaves.
type shop struct {
	*client.Client
	t       *testing.T
	data    string
	url     string
	flags   []string
	servers load.Servers
	logs    *os.File
	defaced bool // its stores hold what no service would write, so no audit can pass
}

// newShop is a shop that is not open yet, with the starting stock: A123 = 100, B456 = 0
// and a few more.
func newShop(t *testing.T, flags ...string) *shop {
	t.Helper()
	s := &shop{t: t, data: filepath.Join(t.TempDir(), "data"), flags: flags}
	s.command("setup")
	logs, err := os.Create(filepath.Join(t.TempDir(), "log"))
	s.check(err)
	s.logs = logs
	t.Cleanup(s.end)
	return s
}

// openShop opens a shop in one process, with the flags.
func openShop(t *testing.T, flags ...string) *shop {
	t.Helper()
	s := newShop(t, flags...)
	s.open()
	return s
}

// open lets customers in.
func (s *shop) open() { s.t.Helper(); s.start(load.StartOne) }

// openApart opens the shop as a process a service.
func (s *shop) openApart() { s.t.Helper(); s.start(load.StartSplit) }

// start starts the processes, which outlive the test's context until end stops them.
func (s *shop) start(start startFunc) {
	s.t.Helper()
	servers, err := start(context.Background(), binary, s.logs, append([]string{"--data", s.data}, s.flags...)...)
	s.check(err)
	s.servers, s.url = servers, servers.URL()
	s.Client = client.New(s.url, nil)
}

// startFunc is load.StartOne or load.StartSplit.
type startFunc func(ctx context.Context, binary string, logs io.Writer, flags ...string) (load.Servers, error)

// restart ends the shop's process and starts another one at the same address.
func (s *shop) restart() {
	s.t.Helper()
	s.stop()
	address := strings.TrimPrefix(s.url, "http://")
	server, err := load.Start(context.Background(), binary, s.logs, "serve", append([]string{"--data", s.data, "--addr", address}, s.flags...)...)
	s.check(err)
	s.servers = load.Servers{server}
}

func (s *shop) stop() {
	s.t.Helper()
	s.check(s.servers.Stop())
	s.servers = nil
}

// end stops what still runs and audits what it leaves.
func (s *shop) end() {
	s.servers.Kill()
	if !s.defaced {
		s.command("audit")
	}
	if text, err := os.ReadFile(s.logs.Name()); s.t.Failed() && err == nil {
		s.t.Logf("the shop's log ends so:\n%s", text[max(0, len(text)-8000):])
	}
	s.logs.Close()
}

// command runs one of holdfast's commands on the shop's folder, and returns what it
// printed.
func (s *shop) command(name string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(binary, append([]string{name, "--data", s.data}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Errorf("holdfast %s: %v\n%s%s", name, err, out, &stderr)
	}
	return string(out)
}

// key makes an API key and returns its secret.
func (s *shop) key(name, scopes string) string {
	s.t.Helper()
	out, err := exec.Command(binary, "keys", "create", name, "--scope", scopes, "--data", s.data).Output()
	s.check(err)
	return strings.TrimSpace(string(out))
}

// revoke ends an API key.
func (s *shop) revoke(name string) {
	s.t.Helper()
	s.check(exec.Command(binary, "keys", "revoke", name, "--data", s.data).Run())
}

// kill ends the process of one service of a shop that was opened apart.
func (s *shop) kill(service string) {
	i := slices.Index([]string{"order", "inventory", "payment"}, service)
	s.servers[i].Kill()
}

// seed writes into the stores while no process has them, for what no request can bring
// about.
func (s *shop) seed(write func(*engine.Engine) error) {
	s.t.Helper()
	e, err := sqlite.Open(sqlite.Options{Dir: s.data})
	s.check(err)
	s.check(write(e))
	s.check(e.Close())
}

// place places an order of so many units of A123.
func (s *shop) place(id, method string, qty int64) {
	s.t.Helper()
	_, err := s.Place(s.t.Context(), client.PlaceOrder{OrderID: &id, UserID: "test_user", PaymentMethod: method, Items: []client.Line{{SKU: "A123", Qty: qty}}}, "")
	s.check(err)
}

// count counts so many units of a SKU that is there.
func (s *shop) count(sku string, onHand int64) {
	s.t.Helper()
	_, err := s.SetStock(s.t.Context(), sku, client.StockCount{OnHand: &onHand})
	s.check(err)
}

// wantEnd fails unless the order comes to this end.
func (s *shop) wantEnd(id, status string) {
	s.t.Helper()
	o, err := s.Order(s.t.Context(), id, time.Minute)
	s.check(err)
	if o.Status != status {
		s.t.Errorf("%s is %s (%s), want %s", id, o.Status, o.Reason, status)
	}
}

// wantStock fails unless so many units of the SKU are available and sold.
func (s *shop) wantStock(sku string, available, sold int64) {
	s.t.Helper()
	stock, err := s.Stock(s.t.Context(), sku)
	s.check(err)
	if stock.Available != available || stock.Sold != sold {
		s.t.Errorf("%s: %d available and %d sold, want %d and %d", sku, stock.Available, stock.Sold, available, sold)
	}
}

func (s *shop) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
