package event

import (
	"fmt"
	"math"
)

// Money is an amount in the currency's minor units (cents for USD), and the
// currency's ISO 4217 code.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// IsZero reports whether m is the zero Money, which means "not known".
func (m Money) IsZero() bool { return m == Money{} }

// String writes the amount with its code, as a log line shows it: "1999 USD".
func (m Money) String() string { return fmt.Sprintf("%d %s", m.Amount, m.Currency) }

// Total sums quantity × price over the lines, which must share one currency.
// It fails with MixedCurrency if they do not, and with Invalid if the sum does
// not fit in 63 bits.
func Total(lines []Line) (Money, error) {
	var sum Money
	for _, l := range lines {
		if sum.Currency == "" {
			sum.Currency = l.UnitPrice.Currency
		}
		if l.UnitPrice.Currency != sum.Currency {
			return Money{}, Errorf(MixedCurrency, "%s is priced in %s, other lines in %s", l.SKU, l.UnitPrice.Currency, sum.Currency)
		}
		if l.UnitPrice.Amount > 0 && l.Qty > (math.MaxInt64-sum.Amount)/l.UnitPrice.Amount {
			return Money{}, Errorf(Invalid, "the total exceeds %d minor units", int64(math.MaxInt64))
		}
		sum.Amount += l.Qty * l.UnitPrice.Amount
	}
	return sum, nil
}
