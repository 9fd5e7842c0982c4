//go:build browser

package browsertest

import "testing"

// TestThreeProcessesAreOneToTheVisitor works on a shop of three processes as on one,
// and then without one of them, and without two.
func TestThreeProcessesAreOneToTheVisitor(t *testing.T) {
	s := newShop(t)
	s.openApart()
	v := visit(t, s.url)
	v.goTo("/")
	v.seesIn("Needs attention", "Nothing needs you.")
	v.place(purchase{"test_user", "A123", "1", "sim_approve"})
	v.seesStatus("COMPLETED")
	v.seesIn("Timeline", "Order accepted", "Stock held: 1 × A123", "Payment of 19.99 USD captured", "Handled StockReserved", "Order completed")
	v.turnTo("Now")
	v.click(button, "Make it unreachable for 60 seconds")
	v.seesIn("Needs attention", "The simulated gateway is unreachable until")

	s.kill("payment")
	v.place(purchase{"test_user", "A123", "1", "sim_approve"})
	v.seesIn("Timeline", "The payment service does not answer; what it knows is missing.")
	v.seesIn("What it is waiting for", "Payment does not answer now.")
	v.turnTo("Now")
	v.seesIn("Needs attention", "The payment service does not tell how much waits for it")

	v.turnTo("Stock")
	v.seesIn("All", "A123")
	s.kill("inventory")
	v.reads("document.getElementById('connection')", "What you see is from", "the inventory service does not answer")
	v.seesIn("All", "A123")
}
