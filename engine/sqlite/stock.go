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

// maxStockRows bounds the rows remembered; past it they are read anew.
const maxStockRows = 20_000

// stockRows are the stock rows that have been used lately: however many changes of
// a transaction move a SKU, its row is written once, and read only the first time.
type stockRows struct {
	bySKU map[string]*stockRow
	used  []*stockRow // in this transaction
}

// stockRow is a row, nil where a SKU has none, and its version in the file.
type stockRow struct {
	*inventory.Stock
	stored int64
	used   bool // in this transaction
}

func newStockRows() *stockRows { return &stockRows{bySKU: make(map[string]*stockRow)} }

// get returns the row of a SKU for the transaction to change in place, nil if there
// is none.
func (rows *stockRows) get(t *tx, sku string) (*inventory.Stock, error) {
	r := rows.bySKU[sku]
	if r == nil {
		found, err := queryStock(t.conn, "WHERE sku = ?", func(s *statement) { s.text(sku) })
		if err != nil {
			return nil, err
		}
		r = new(stockRow)
		if len(found) == 1 {
			r.Stock, r.stored = &found[0], found[0].Version
		}
		rows.bySKU[sku] = r
	}
	rows.use(r)
	return r.Stock, nil
}

// add adds the row of a SKU that has none yet.
func (rows *stockRows) add(s *inventory.Stock) {
	r := &stockRow{Stock: s}
	rows.bySKU[s.SKU] = r
	rows.use(r)
}

func (rows *stockRows) use(r *stockRow) {
	if !r.used && r.Stock != nil {
		r.used = true
		rows.used = append(rows.used, r)
	}
}

func (rows *stockRows) begin(_ *sqlite.Conn, foreign bool) error {
	if foreign || len(rows.bySKU) > maxStockRows {
		clear(rows.bySKU)
	}
	return nil
}

// flush writes the rows that have changed. Should a count have fallen below
// zero, the table's own check refuses it.
func (rows *stockRows) flush(t *tx) error {
	for _, r := range rows.used {
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

func (rows *stockRows) end(committed bool) {
	if !committed {
		clear(rows.bySKU)
	}
	for _, r := range rows.used {
		r.stored, r.used = r.Version, false
	}
	rows.used = rows.used[:0]
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
