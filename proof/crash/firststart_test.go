package crash_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	embedded "holdfast/engine/sqlite"
)

// TestPowerCutOfTheFirstStart cuts the power at every request of a setup. The next
// start carries on with whatever is left, and finds the stock if it was counted.
func TestPowerCutOfTheFirstStart(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	d := recordDisk(t, dir)
	counted := 0
	setUpIn(t, dir, func() { counted = d.length() })
	d.cutEverywhere(t, func(left string, n int) error {
		return carriesOn(left, n >= counted)
	})
}

// carriesOn starts on what is left of a setup.
func carriesOn(dir string, counted bool) error {
	e, err := embedded.Open(embedded.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer e.Close()
	files, err := embedded.OpenQueues(embedded.QueueOptions{Dir: dir, Capacity: queueCapacity})
	if err != nil {
		return err
	}
	stock, err := e.Inventory.List(context.Background(), "", 10)
	switch all := len(startingStock()); {
	case err != nil:
	case counted && len(stock) != all:
		err = fmt.Errorf("the stock was counted, and %d SKUs are there", len(stock))
	case len(stock) == 0:
		_, err = e.Inventory.Count(context.Background(), startingStock())
	case len(stock) != all:
		err = fmt.Errorf("%d SKUs of one count", len(stock))
	}
	return errors.Join(err, intact(dir), files.Close())
}
