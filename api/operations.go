package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	wire "holdfast/api/client"
	"holdfast/event"
)

// maxOutage is the longest outage, in seconds.
const maxOutage = 24 * 60 * 60

func (a *API) registerOperations() {
	tags := []string{"operations"}
	register(a, huma.Operation{
		OperationID: "livez", Method: http.MethodGet, Path: "/livez", Tags: tags,
		Summary:     "Whether the process is alive",
		Description: "It answers as long as the process does.",
		Metadata:    map[string]any{anyQueryKey: true},
	}, a.livez)
	register(a, huma.Operation{
		OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Tags: tags,
		Summary:     "Whether the service can do its work",
		Description: "A 503 names in its detail what is not ready.",
		Metadata:    map[string]any{anyQueryKey: true},
	}, a.readyz)
	register(a, huma.Operation{
		OperationID: "get-caller", Method: http.MethodGet, Path: "/caller", Tags: tags,
		Summary:     "Who you are, as the server sees it",
		Description: "The name and the scopes of the API key that was sent.",
	}, a.caller)
	if a.config.Gateway != nil || a.doors[event.Payment] != nil {
		register(a, huma.Operation{
			OperationID: "get-gateway", Method: http.MethodGet, Path: "/gateway", Tags: tags,
			Summary:     "How the payment gateway is doing",
			Description: "Its circuit breakers, and whether an outage was asked for.",
		}, a.gateway)
	}
	if a.config.Cost != nil {
		register(a, huma.Operation{
			OperationID: "get-cost", Method: http.MethodGet, Path: "/cost", Tags: tags,
			Summary:     "What running processes have spent on AWS",
			Description: "By service and operation, and an order: this process, and as the door those that it forwards to. As holdfast cost --json prints it. It is there on AWS alone.",
		}, a.cost)
	}
	if a.config.Outage != nil || a.doors[event.Payment] != nil {
		register(a, huma.Operation{
			OperationID: "gateway-outage", Method: http.MethodPost, Path: "/gateway/outage", Tags: tags, DefaultStatus: http.StatusAccepted,
			Summary:     "Make the simulated gateway unreachable",
			Description: "Orders are still accepted, and all end once the gateway is back.",
		}, a.outage)
	}
}

type healthOutput struct{ Body wire.Health }

func (a *API) livez(context.Context, *struct{}) (*healthOutput, error) {
	return &healthOutput{wire.Health{Status: "ok"}}, nil
}

func (a *API) readyz(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	if err := a.config.Ready(ctx); err != nil {
		return nil, event.Errorf(notReady, "%w", err)
	}
	return &healthOutput{wire.Health{Status: "ok"}}, nil
}

type callerOutput struct{ Body wire.Caller }

func (a *API) caller(ctx context.Context, _ *struct{}) (*callerOutput, error) {
	k := callerOf(ctx)
	out := &callerOutput{wire.Caller{Name: k.Name, KeysRequired: a.config.RequireKeys}}
	for _, s := range k.Scopes {
		out.Body.Scopes = append(out.Body.Scopes, string(s))
	}
	return out, nil
}

type gatewayOutput struct{ Body wire.Gateway }

func (a *API) gateway(ctx context.Context, _ *struct{}) (*gatewayOutput, error) {
	g, err := a.config.Gateway(ctx)
	return &gatewayOutput{g}, err
}

type outageInput struct{ JSON[wire.Outage] }

type outageOutput struct{ Body wire.OutageEnd }

func (a *API) outage(ctx context.Context, in *outageInput) (*outageOutput, error) {
	seconds := *in.Value.Seconds
	if seconds < 0 || seconds > maxOutage {
		return nil, invalid("body.seconds", "must be a whole number from 0 to 86400", seconds)
	}
	length := time.Duration(seconds) * time.Second
	until := a.now().Add(length)
	if err := a.config.Outage(ctx, length); err != nil {
		return nil, err
	}
	return &outageOutput{wire.OutageEnd{Until: until}}, nil
}
