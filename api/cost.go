package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"

	"holdfast/event"
)

type costInput struct{ Asker }

type costOutput struct{ Body any }

// cost sums up what this process and those behind the doors say of their spending.
// It fails with noAnswer where one of them says nothing: a sum without it would pass
// for the whole.
func (a *API) cost(ctx context.Context, in *costInput) (*costOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, figureTime)
	defer cancel()
	own, err := a.ownMetrics(bounded)
	if err != nil {
		return nil, err
	}
	others, err := a.othersMetrics(bounded, in.authorization())
	if err != nil {
		return nil, err
	}
	report, err := a.config.Cost(append([]io.Reader{own}, others...)...)
	return &costOutput{report}, err
}

// othersMetrics are what the processes behind the doors answer to GET /metrics.
func (a *API) othersMetrics(ctx context.Context, authorization []string) (texts []io.Reader, err error) {
	found, failed := make([][]byte, len(event.Services)), make([]error, len(event.Services))
	var asked sync.WaitGroup
	for i, s := range event.Services {
		if d := a.doors[s]; d != nil {
			asked.Go(func() { found[i], failed[i] = d.ask(ctx, authorization, d.url.JoinPath("metrics")) })
		}
	}
	asked.Wait()
	for i, s := range event.Services {
		if failed[i] != nil {
			a.doors[s].warn(ctx, failed[i])
			return nil, a.doors[s].silence()
		}
		texts = append(texts, bytes.NewReader(found[i])) // without a door it is empty, and says nothing
	}
	return texts, nil
}

// ownMetrics is what this process answers to GET /metrics.
func (a *API) ownMetrics(ctx context.Context) (io.Reader, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return nil, err
	}
	w := &page{header: make(http.Header)}
	a.config.Metrics.ServeHTTP(w, r)
	if w.status >= http.StatusBadRequest {
		return nil, event.Errorf(internal, "the figures of this process cannot be read: %d %s", w.status, w.text.Bytes())
	}
	return &w.text, nil
}

// page is an http.ResponseWriter that keeps what a handler of this process answers.
type page struct {
	header http.Header
	status int // 0: 200
	text   bytes.Buffer
}

func (p *page) Header() http.Header         { return p.header }
func (p *page) WriteHeader(status int)      { p.status = status }
func (p *page) Write(b []byte) (int, error) { return p.text.Write(b) }
