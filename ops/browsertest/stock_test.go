//go:build browser

package browsertest

import "testing"

func TestStockIsCountedAndAdjusted(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.goTo("/")
	v.turnTo("Stock")
	v.seesIn("Sold out and low", "B456", "sold out")
	v.clickIn(section("All"), []string{link}, "A123")
	v.click(disclosure, "Count")
	v.fill("Units on the shelf", "50")
	v.click(button, "Take the count")
	v.sees("The count is taken.")
	v.seesIn("Ledger", "−50", "counted")
	s.wantStock("A123", 50, 0)

	v.click(disclosure, "Adjust")
	v.fill("Units", "-3")
	v.fill("Reason", "damaged")
	v.click(button, "Adjust it")
	v.sees("The adjustment is made.")
	v.seesIn("Ledger", "−3", "damaged")
	s.wantStock("A123", 47, 0)
}

func TestASKUIsAddedAndFound(t *testing.T) {
	s := openShop(t)
	v := visit(t, s.url)
	v.goTo("/ops/stock")
	v.click(disclosure, "Add a SKU")
	form := `document.querySelector("#add form")`
	v.fillIn(form, "SKU", "NEW-1")
	v.fill("Units on the shelf", "7")
	v.fill("Price in minor units", "250")
	v.fill("Currency", "EUR")
	v.click(button, "Add it")
	v.sees("The SKU is added.", "2.50 EUR")
	s.wantStock("NEW-1", 7, 0)

	v.turnTo("Stock")
	v.fillIn(`document.querySelector("[role=search]")`, "SKU", "NEW-1")
	v.click(button, "Find")
	v.seesIn("Found", "NEW-1", "7")
}
