package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"holdfast/event"
	"holdfast/keys"
)

// contract is the API as huma sees it.
type contract struct {
	huma.API
	operations int // so far
}

// Negotiate finds JSON whatever the client accepts: there is nothing else, and
// huma's own reading of the Accept header can panic.
func (*contract) Negotiate(string) (string, error) { return "application/json", nil }

const (
	// bodyKey is where register leaves what DocumentOperation is to add.
	bodyKey = "body"
	// orderKey has the document's place of an operation, since its paths have none.
	orderKey = "x-order"
)

// DocumentOperation adds to an operation what huma cannot derive: the body that
// JSON reads in huma's stead, what its errors mean, and examples.
func (c *contract) DocumentOperation(op *huma.Operation) {
	if body, ok := op.Metadata[bodyKey].(*huma.RequestBody); ok {
		op.RequestBody = body
	}
	for i, p := range op.Parameters {
		op.Parameters[i] = bounded(op.Path, p)
		if p.Name == "If-None-Match" && op.Method == http.MethodGet {
			op.Responses["304"] = &huma.Response{Description: "Nothing has changed: the ETag is the one in If-None-Match."}
		}
	}
	for status, response := range op.Responses {
		if code, _ := strconv.Atoi(status); code >= 400 {
			response.Description = meaning(code)
			response.Content["application/problem+json"].Examples = c.problems(code)
		}
	}
	examples[op.OperationID].document(op)
	c.operations++
	op.Extensions = map[string]any{orderKey: c.operations}
	c.OpenAPI().AddOperation(op)
}

// problems are examples of the kinds of problem that have this status; each stands
// in the document once.
func (c *contract) problems(status int) map[string]*huma.Example {
	of := make(map[string]*huma.Example)
	for _, k := range kinds {
		if k.status == status {
			name := string(k.code)
			c.OpenAPI().Components.Examples[name] = &huma.Example{Summary: k.title, Value: newProblem(event.Errorf(k.code, "%s", k.when)).Problem}
			of[name] = &huma.Example{Ref: "#/components/examples/" + name}
		}
	}
	return of
}

// meaning lists the kinds of problem that have this status.
func meaning(status int) string {
	var meanings []string
	for _, k := range kinds {
		if k.status == status {
			meanings = append(meanings, fmt.Sprintf("%s (`%s%s`)", k.title, problemType, k.code))
		}
	}
	return strings.Join(meanings, "; ")
}

// newHuma returns huma without its habits: no $schema in bodies and no Link to
// it, no pages whose scripts come from elsewhere, no YAML.
func (a *API) newHuma() huma.API {
	config := huma.DefaultConfig("Holdfast", a.config.Version)
	config.CreateHooks = nil
	config.DocsPath, config.OpenAPIPath, config.SchemasPath = "", "", ""
	config.Formats = map[string]huma.Format{"application/json": format, "json": format}
	config.Info.Description = description()
	config.Servers = []*huma.Server{{URL: "/", Description: "The server that this document came from."}}
	config.Info.License = &huma.License{Name: "MIT", Identifier: "MIT"}
	config.Tags = []*huma.Tag{
		{Name: "orders", Description: "Place orders and follow them to their end."},
		{Name: "inventory", Description: "What there is of each SKU."},
		{Name: "queues", Description: "What each service has to do, and what it could not."},
		{Name: "operations", Description: "How the services are doing, and the simulated payment gateway."},
	}
	config.Components.Examples = make(map[string]*huma.Example)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{keyScheme: {
		Type: "http", Scheme: "bearer", Description: "The secret of an API key, as holdfast keys create shows it once.",
	}}
	api := &contract{API: huma.NewAPI(config, humago.NewAdapter(routes{a}, ""))}
	api.UseMiddleware(strictQuery(api))
	return api
}

// routes is the mux as humago registers its routes on it.
type routes struct{ *API }

func (r routes) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	method, path, _ := strings.Cut(pattern, " ")
	r.route(method, path, r.forwarding(path, handler))
}

// register adds an operation. What its handler fails with becomes a problem.
func register[I, O any](a *API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.Errors = append(op.Errors, http.StatusServiceUnavailable)
	if op.Metadata[anyQueryKey] == nil { // see strictQuery
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusUnprocessableEntity)
	}
	if scopes := scopesOf(op.Method, op.Path); len(scopes) > 0 {
		op.Security = a.security(scopes)
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	if in, ok := any(new(I)).(interface {
		requestBody(huma.Registry) *huma.RequestBody
	}); ok {
		body := in.requestBody(a.huma.OpenAPI().Components.Schemas)
		op.Metadata = map[string]any{bodyKey: body}
		op.Errors = append(op.Errors, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.refuse(ctx, op.OperationID, err)
		}
		return out, nil
	})
}

// keyScheme is the document's name for API keys.
const keyScheme = "key"

// security lists the ways to be let in: by a key of one of the scopes, and without
// a key unless keys are required.
func (a *API) security(scopes []keys.Scope) []map[string][]string {
	var ways []map[string][]string
	for _, s := range scopes {
		ways = append(ways, map[string][]string{keyScheme: {string(s)}})
	}
	if !a.config.RequireKeys {
		ways = append(ways, map[string][]string{})
	}
	return ways
}

// openAPI writes the finished document.
func (a *API) openAPI() []byte {
	document := a.huma.OpenAPI()
	boundSchemas(document.Components.Schemas.Map())
	text, err := json.Marshal(document)
	if err != nil {
		panic(err) // the document is the same for every run, so the first test would find it
	}
	return text
}
