package aws

import (
	"fmt"
	"testing"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/payment"
)

// charged makes a payment and a ledger entry of each of n orders, numbered
// downwards.
func charged(t *testing.T, payments payment.Store, ledger simulated.Ledger, n int) {
	t.Helper()
	changes := make([]payment.Change, n)
	for i := range changes {
		ref := event.Ref{OrderID: fmt.Sprint("o-", i), Number: int64(n - i)}
		changes[i] = payment.Change{Ref: ref, From: []payment.State{payment.None}, To: payment.Charging}
		err := ledger.Update(t.Context(), ref, func([]simulated.Entry) []simulated.Entry {
			return []simulated.Entry{{Key: ref.OrderID, State: simulated.Captured}, {Key: ref.OrderID + "/refund", State: simulated.Refunded}}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	must(payments.Apply(t.Context(), changes))(t)
}

// numbers follows a scan to its end.
func numbers(t *testing.T, scan func(after int64) []int64) (all []int64) {
	t.Helper()
	for last := int64(0); ; last = all[len(all)-1] {
		page := scan(last)
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

func TestAWalkReadsItsTableOnce(t *testing.T) {
	c, w := alone(t)
	payments, ledger := newPayments(c), newLedger(c)
	charged(t, payments, ledger, 20)
	if err := ledger.SetOutage(t.Context(), c.now()); err != nil {
		t.Fatal(err)
	}
	scans := map[string]func(after int64) []int64{
		"payments": func(after int64) (found []int64) {
			for _, p := range must(payments.Scan(t.Context(), after, 6))(t) {
				found = append(found, p.Number)
			}
			return found
		},
		"ledger": func(after int64) (found []int64) {
			for i, e := range must(ledger.Scan(t.Context(), after, 6))(t) {
				if i%2 == 0 {
					found = append(found, e.Order.Number)
				}
			}
			return found
		},
	}
	for name, scan := range scans {
		for walk := range 2 {
			w.count("Scan")
			all := numbers(t, scan)
			for i, n := range all {
				if n != int64(i+1) {
					t.Errorf("%s: the orders come as %v", name, all)
					break
				}
			}
			if n := w.count("Scan"); len(all) != 20 || n != scanSegments {
				t.Errorf("%s, walk %d: %d orders took %d scans, want 20 and %d", name, walk, len(all), n, scanSegments)
			}
		}
		if got := scan(17); len(got) != 3 || w.count("Scan") != scanSegments {
			t.Errorf("%s: a walk from its middle finds %v", name, got)
		}
	}
}

func TestAPageSaysWhatIsSoNow(t *testing.T) {
	a, b := two(t)
	payments, ledger := newPayments(a), newLedger(a)
	charged(t, payments, ledger, 10)
	must(payments.Scan(t.Context(), 0, 5))(t)
	change := payment.Change{Ref: event.Ref{OrderID: "o-0", Number: 10}, From: []payment.State{payment.Charging}, To: payment.Declined}
	if w := must(newPayments(b).Apply(t.Context(), []payment.Change{change}))(t); !w[0].Changed {
		t.Fatalf("the payment was not changed: %+v", w)
	}
	if page := must(payments.Scan(t.Context(), 5, 5))(t); len(page) != 5 || page[4].State != payment.Declined {
		t.Errorf("the walk's second page: %+v", page)
	}
}
