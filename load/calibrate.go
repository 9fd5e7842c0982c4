package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// stubAnswer is as long as the 202 of an order.
const stubAnswer = `{"order_id":"01jd0000000000000000000000","status":"PENDING","user_id":"user-12345","items":[{"sku":"LOAD-0001","qty":1}],"created_at":"2026-11-23T09:00:00.000Z"}`

// Stub answers every request as if it had placed an order, and does nothing else:
// what net/http itself costs, which no server built on it can undercut.
func Stub(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the client has gone
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, stubAnswer) // as above
}

// Calibration is how long a stub is measured.
const Calibration = 5 * time.Second

// Calibrate measures how many orders a second a stub answers to the connections of
// a load, in a closed loop.
func Calibrate(ctx context.Context, o Options, stub string) (perSecond float64, err error) {
	server, err := url.Parse(stub)
	if err != nil {
		return 0, fmt.Errorf("the stub: %w", err)
	}
	o.Rate, o.Orders, o.Polls, o.Lists, o.Cancels, o.Duration, o.Progress = Saturate, 0, 0, 0, 0, Calibration, nil
	o.URL, o.APIKey, o.Beside, o.LookEvery = stub, "", nil, -1
	r := newRun(o, server)
	defer r.close()
	r.connect(ctx)
	took := r.play(ctx, r.schedule(time.Now()))
	if t := r.count.whole; t.accepted == 0 {
		return 0, errors.New("the stub answered nothing: " + t.firstError)
	}
	return float64(r.count.whole.accepted) / took.Seconds(), nil
}
