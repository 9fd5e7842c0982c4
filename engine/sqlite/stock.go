package sqlite

import (
	"holdfast/inventory"

	"zombiezen.com/go/sqlite"
)

const (
	stockColumns = "sku, available, reserved, sold, price_amount, price_currency, version, updated_at"
	selectStock  = "SELECT " + stockColumns + " FROM stock "
	writeStock   = "INSERT OR REPLACE INTO stock (" + stockColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)

// stockRows are the stock rows that a transaction has touched: however many of
// its changes move a SKU, its row is read once and written once.
type stockRows struct {
	bySKU map[string]*inventory.Stock // nil where there is no such row
	read  []stockRow
}

// stockRow is a row in use, and its version in the file.
type stockRow struct {
	*inventory.Stock
	stored int64
}

// stockRow returns the row of a SKU for the transaction to change in place, nil
// if there is none.
func (t *tx) stockRow(sku string) (*inventory.Stock, error) {
	if t.stock == nil {
		t.stock = &stockRows{bySKU: make(map[string]*inventory.Stock)}
	}
	if s, seen := t.stock.bySKU[sku]; seen {
		return s, nil
	}
	found, err := queryStock(t.conn, "WHERE sku = ?", func(s *statement) { s.text(sku) })
	if err != nil {
		return nil, err
	}
	var s *inventory.Stock
	if len(found) == 1 {
		s = &found[0]
		t.stock.read = append(t.stock.read, stockRow{s, s.Version})
	}
	t.stock.bySKU[sku] = s
	return s, nil
}

// addStockRow adds the row of a SKU that has none yet.
func (t *tx) addStockRow(s *inventory.Stock) {
	t.stock.bySKU[s.SKU] = s
	t.stock.read = append(t.stock.read, stockRow{Stock: s})
}

// flush writes the rows that have changed. Should a count have fallen below
// zero, the table's own check refuses it.
func (rows *stockRows) flush(t *tx) error {
	if rows == nil {
		return nil
	}
	for _, r := range rows.read {
		if r.Version == r.stored {
			continue
		}
		err := t.exec(writeStock, func(s *statement) {
			s.text(r.SKU).integer(r.Available).integer(r.Reserved).integer(r.Sold).money(r.Price).
				integer(r.Version).integer(r.UpdatedAt.UnixMilli())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// queryStock reads the rows that the SQL after FROM selects.
func queryStock(conn *sqlite.Conn, where string, bind func(*statement)) ([]inventory.Stock, error) {
	s, err := prepare(conn, selectStock+where)
	if err != nil {
		return nil, err
	}
	bind(s)
	var found []inventory.Stock
	err = s.rows(func(r *row) error {
		found = append(found, scanStock(r))
		return nil
	})
	return found, err
}

func scanStock(r *row) inventory.Stock {
	return inventory.Stock{
		SKU: r.text(), Available: r.integer(), Reserved: r.integer(), Sold: r.integer(), Price: r.money(),
		Version: r.integer(), UpdatedAt: r.time(),
	}
}
