package aws

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	lru "github.com/hashicorp/golang-lru/v2"

	"holdfast/event"
	"holdfast/inventory"
)

// stock is inventory.Store: the stock rows, the reservations and the stock ledger,
// a table each. A change that moves stock goes through the committer, into one
// transaction with many others; one that does not is a write of its own.
type stock struct {
	*core
	*committer
	reservations *records[inventory.Reservation]
	stockTable   string
	ledgerTable  string
	prices       *lru.Cache[string, quote]     // by SKU
	short        *lru.Cache[string, shortfall] // by SKU
	alone        chan struct{}                 // holds a token for each write under way outside of a transaction
}

// rememberedSKUs is how many SKUs' prices and shortages a process remembers.
const rememberedSKUs = 50_000

func newInventory(c *core) inventory.Store { return newStock(c) }

func newStock(c *core) *stock {
	prices, err := lru.New[string, quote](rememberedSKUs)
	if err != nil {
		panic(err) // the size is a constant
	}
	short, err := lru.New[string, shortfall](rememberedSKUs)
	if err != nil {
		panic(err)
	}
	s := &stock{
		core: c, reservations: newRecords(c, "reservations", encodeReservation, decodeReservation),
		stockTable: c.named("stock"), ledgerTable: c.named("stock-ledger"),
		prices: prices, short: short, alone: make(chan struct{}, inFlight),
	}
	s.committer = newCommitter(s.carry)
	return s
}

func (s *stock) Apply(ctx context.Context, changes []inventory.Change) ([]event.Written[inventory.Reservation], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	written := make([]event.Written[inventory.Reservation], 0, len(changes))
	for rest := changes; len(rest) > 0; {
		n := firstRepeat(rest)
		part, err := s.applyOnce(ctx, rest[:n])
		if err != nil {
			return nil, lapsed(ctx, err)
		}
		written, rest = append(written, part...), rest[n:]
	}
	return written, nil
}

// firstRepeat is how many changes come before the first whose order has one
// already: what follows from there waits for what came before it.
func firstRepeat(changes []inventory.Change) int {
	met := make(map[string]bool, len(changes))
	for i, c := range changes {
		if met[c.OrderID] {
			return i
		}
		met[c.OrderID] = true
	}
	return len(changes)
}

// applyOnce makes at most one change an order.
func (s *stock) applyOnce(ctx context.Context, changes []inventory.Change) ([]event.Written[inventory.Reservation], error) {
	moves := make([]*movement, len(changes))
	for i, c := range changes {
		moves[i] = newMovement(ctx, c)
	}
	if err := s.meet(ctx, moves); err != nil {
		return nil, err
	}
	s.route(moves...)
	written := make([]event.Written[inventory.Reservation], len(moves))
	var failed error
	for i, m := range moves {
		var err error
		if written[i], err = m.wait(ctx); err != nil && failed == nil {
			failed = err
		}
	}
	if failed != nil {
		return nil, failed
	}
	return written, nil
}

// meet finds the reservation that each change is tried on. One that applies to
// what is remembered, or to a reservation that is not there, is tried on that
// without a read: the write's condition is the fence. Whatever else is decided on
// the reservation as of now, and ends here where it does not apply.
func (s *stock) meet(ctx context.Context, moves []*movement) error {
	var unsure []*movement
	var ids []string
	for _, m := range moves {
		seen, _, err := s.reservations.remembered(m.change.OrderID)
		if err != nil {
			return err
		}
		if m.seen = seen; !m.applies() {
			unsure = append(unsure, m)
			ids = append(ids, m.change.OrderID)
		}
	}
	now, err := s.reservations.get(ctx, ids)
	if err != nil {
		return err
	}
	for i, m := range unsure {
		if m.seen = now[i]; !m.applies() {
			m.end(m.seen.record, false)
		}
	}
	return nil
}

// route sends each change that has not ended on its way.
func (s *stock) route(moves ...*movement) {
	var moving []*movement
	for _, m := range moves {
		switch {
		case m.ended():
		case m.movesStock():
			moving = append(moving, m)
		default:
			m.next = m.seen.record.Clone()
			m.next.Apply(m.change, blind)
			m.next.Left = nil
			go s.write(m)
		}
	}
	s.add(moving...)
}

func (s *stock) Get(ctx context.Context, refs []event.Ref) ([]inventory.Reservation, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ids := make([]string, len(refs))
	for i, ref := range refs {
		ids[i] = ref.OrderID
	}
	now, err := s.reservations.get(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make([]inventory.Reservation, len(refs))
	for i, r := range now {
		found[i] = r.record
	}
	return found, nil
}

// reservationItem is a reservation as its item holds it. A started KiB is two
// write units in a transaction, so names are short.
type reservationItem struct {
	ID        string          `dynamodbav:"id"`
	Number    int64           `dynamodbav:"number"`
	State     inventory.State `dynamodbav:"state"`
	Lines     []lineItem      `dynamodbav:"lines,omitempty"`
	Total     int64           `dynamodbav:"total,omitempty"`
	Currency  string          `dynamodbav:"cur,omitempty"`
	Reason    string          `dynamodbav:"reason,omitempty"`
	Short     []shortItem     `dynamodbav:"short,omitempty"`
	Restocked bool            `dynamodbav:"restocked,omitempty"`
	HeldAt    int64           `dynamodbav:"held,omitempty"`
	UpdatedAt int64           `dynamodbav:"updated"`
}

// encodeReservation writes what reservationItem reads, by hand: a transaction has up
// to 99 of them, and the SKU waits while they are made.
func encodeReservation(r inventory.Reservation) (item, error) {
	i := item{"number": numberValue(r.Number), "state": textValue(string(r.State)), "updated": numberValue(unixMilli(r.UpdatedAt))}
	if len(r.Lines) > 0 {
		i["lines"] = linesValue(r.Lines)
	}
	if !r.Total.IsZero() {
		i["total"], i["cur"] = numberValue(r.Total.Amount), textValue(r.Total.Currency)
	}
	if r.Reason != "" {
		i["reason"] = textValue(r.Reason)
	}
	if r.Restocked {
		i["restocked"] = &types.AttributeValueMemberBOOL{Value: true}
	}
	if !r.HeldAt.IsZero() {
		i["held"] = numberValue(unixMilli(r.HeldAt))
	}
	if len(r.Short) == 0 {
		return i, nil
	}
	short := make([]shortItem, len(r.Short))
	for n, s := range r.Short {
		short[n] = shortItem(s)
	}
	var err error
	i["short"], err = attributevalue.Marshal(short)
	return i, err
}

// linesValue are lines as lineItem reads them.
func linesValue(lines []event.Line) types.AttributeValue {
	values := make([]types.AttributeValue, len(lines))
	for n, l := range lines {
		line := item{"sku": textValue(l.SKU), "qty": numberValue(l.Qty)}
		if !l.UnitPrice.IsZero() {
			line["price"], line["cur"] = numberValue(l.UnitPrice.Amount), textValue(l.UnitPrice.Currency)
		}
		values[n] = &types.AttributeValueMemberM{Value: line}
	}
	return &types.AttributeValueMemberL{Value: values}
}

func decodeReservation(stored item) (inventory.Reservation, error) {
	var i reservationItem
	if err := attributevalue.UnmarshalMap(stored, &i); err != nil {
		return inventory.Reservation{}, err
	}
	r := inventory.Reservation{
		Ref: event.Ref{OrderID: i.ID, Number: i.Number}, State: i.State, Total: event.Money{Amount: i.Total, Currency: i.Currency},
		Reason: i.Reason, Restocked: i.Restocked, HeldAt: fromMilli(i.HeldAt), UpdatedAt: fromMilli(i.UpdatedAt),
	}
	for _, l := range i.Lines {
		r.Lines = append(r.Lines, event.Line{SKU: l.SKU, Qty: l.Qty, UnitPrice: event.Money{Amount: l.Price, Currency: l.Currency}})
	}
	for _, s := range i.Short {
		r.Short = append(r.Short, event.Shortfall(s))
	}
	return r, nil
}

// applies tells whether the change may leave the state in which the reservation
// was last seen.
func (m *movement) applies() bool { return slices.Contains(m.change.From, m.seen.record.State) }
