package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// patience is how long another process's write is waited for.
const patience = 5 * time.Second

// open opens one of the folder's databases, which must be there.
func open(folder, name string, flags sqlite.OpenFlags) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(filepath.Join(folder, name), flags)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(patience)
	return conn, nil
}

// plant puts a message into a service's queue that no build of Holdfast has sent
// and none can read: it must come to rest among the dead letters, and stay.
func plant(folder, queue, id string) (err error) {
	conn, err := open(folder, queue+".queue.db", sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	done, err := sqlitex.ImmediateTransaction(conn)
	if err != nil {
		return err
	}
	defer done(&err)
	message := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/elsewhere","type":"holdfast.StockCounted","eventversion":1,"subject":"nobody"}`, id)
	args := &sqlitex.ExecOptions{Args: []any{time.Now().UnixMilli(), []byte(message)}}
	if err := sqlitex.Execute(conn, "INSERT INTO messages (ready_at, count, sent_at, body) VALUES (?1, 0, ?1, ?2)", args); err != nil {
		return err
	}
	return sqlitex.Execute(conn, "UPDATE total SET messages = messages + 1", nil)
}

// money is what the processor's own books say of an order.
type money struct {
	captures, refunds int
	net               int64 // captured less refunded, in minor units
}

// books reads what the simulated processor has booked, by order.
func books(ctx context.Context, folder string) (all map[string]money, err error) {
	conn, err := open(folder, "gateway.db", sqlite.OpenReadOnly)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	conn.SetInterrupt(ctx.Done())
	all = make(map[string]money)
	err = sqlitex.Execute(conn, "SELECT order_id, state, amount FROM entries", &sqlitex.ExecOptions{
		ResultFunc: func(row *sqlite.Stmt) error {
			m := all[row.ColumnText(0)]
			switch row.ColumnText(1) {
			case "captured":
				m.captures, m.net = m.captures+1, m.net+row.ColumnInt64(2)
			case "refunded":
				m.refunds, m.net = m.refunds+1, m.net-row.ColumnInt64(2)
			}
			all[row.ColumnText(0)] = m
			return nil
		},
	})
	return all, err
}
