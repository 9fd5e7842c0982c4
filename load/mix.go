package load

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"

	"holdfast/gateway/simulated"
)

// kind is what an arrival asks for.
type kind int

const (
	placing kind = iota // POST /orders
	polling             // GET /orders/{id}
	listing             // GET /orders?user_id=
)

// mix draws what is asked for, and writes the requests as bytes.
type mix struct {
	Options
	random  *rand.Rand
	popular *rand.Zipf // nil: every SKU is as popular as another
	post    []byte     // what each POST begins with
	tail    []byte     // the headers of a request without a body, but for its first line
	body    []byte
}

func newMix(o Options, server *url.URL) *mix {
	m := &mix{Options: o, random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
	if o.Zipf > 0 {
		m.popular = rand.NewZipf(m.random, o.Zipf, 1, uint64(o.SKUs-1))
	}
	common := "Host: " + server.Host + "\r\n"
	if o.APIKey != "" {
		common += "Authorization: Bearer " + o.APIKey + "\r\n"
	}
	m.post = []byte("POST /orders HTTP/1.1\r\n" + common + "Content-Type: application/json\r\n")
	m.tail = []byte(" HTTP/1.1\r\n" + common)
	return m
}

// questions is the share of all arrivals that place nothing: the shares of polls
// and lists are given for each order placed.
func (o Options) questions() float64 {
	q := o.Polls + o.Lists
	return q / (1 + q)
}

// orders is how many of the first n arrivals place an order. Questions come at
// even distances among them, so that a number of arrivals is an exact number of
// orders.
func (o Options) orders(n int64) int64 { return n - int64(float64(n)*o.questions()) }

// arrivals is how many arrivals it takes to place so many orders.
func (o Options) arrivals(orders int64) int64 {
	n := int64(float64(orders) / (1 - o.questions()))
	for o.orders(n) < orders {
		n++
	}
	for n > 0 && o.orders(n-1) >= orders {
		n--
	}
	return n
}

// kind is what the n-th arrival asks for.
func (m *mix) kind(n int64) kind {
	switch {
	case m.orders(n+1) > m.orders(n):
		return placing
	case m.random.Float64()*(m.Polls+m.Lists) < m.Polls:
		return polling
	}
	return listing
}

// order writes a POST of a new order. Sent again as it is, it is the same order if
// it has a key.
func (m *mix) order(to []byte) []byte {
	body := append(m.body[:0], `{"user_id":"user-`...)
	body = strconv.AppendInt(body, m.random.Int64N(int64(m.Users)), 10)
	body = append(body, `","items":[{"sku":"`...)
	body = appendSKU(body, m.sku())
	body = append(body, `","qty":1}],"payment_method":"`...)
	body = append(body, m.method()...)
	m.body = append(body, `"}`...)

	to = append(to, m.post...)
	if m.Keys {
		to = append(to, "Idempotency-Key: "...)
		to = strconv.AppendUint(to, m.random.Uint64(), 36)
		to = strconv.AppendUint(to, m.random.Uint64(), 36)
		to = append(to, "\r\n"...)
	}
	to = append(to, "Content-Length: "...)
	to = strconv.AppendInt(to, int64(len(m.body)), 10)
	to = append(to, "\r\n\r\n"...)
	return append(to, m.body...)
}

// sku draws the number of a SKU.
func (m *mix) sku() int {
	if m.popular != nil {
		return int(m.popular.Uint64())
	}
	return m.random.IntN(m.SKUs)
}

// method draws how an order is paid.
func (m *mix) method() string {
	if m.Slow > 0 && m.random.Float64() < m.Slow {
		return simulated.Slow
	}
	return simulated.Approve
}

// cancels draws whether an order just placed is cancelled.
func (m *mix) cancels() bool { return m.Cancels > 0 && m.random.Float64() < m.Cancels }

// poll writes a GET of the order at a path.
func (m *mix) poll(to, path []byte) []byte {
	to = append(append(to, "GET "...), path...)
	return append(append(to, m.tail...), "\r\n"...)
}

// cancel writes a POST that cancels the order at a path.
func (m *mix) cancel(to, path []byte) []byte {
	to = append(append(to, "POST "...), path...)
	to = append(append(to, "/cancel"...), m.tail...)
	return append(to, "Content-Length: 0\r\n\r\n"...)
}

// list writes a GET of some user's latest orders.
func (m *mix) list(to []byte) []byte {
	to = append(to, "GET /orders?user_id=user-"...)
	to = strconv.AppendInt(to, m.random.Int64N(int64(m.Users)), 10)
	return append(append(to, m.tail...), "\r\n"...)
}

// sku is the name of the i-th SKU of a load.
func sku(i int) string { return fmt.Sprintf("LOAD-%04d", i) }

// appendSKU is sku without an allocation.
func appendSKU(to []byte, i int) []byte {
	to = append(to, "LOAD-"...)
	for limit := 1000; limit > i && limit > 1; limit /= 10 {
		to = append(to, '0')
	}
	return strconv.AppendInt(to, int64(i), 10)
}
