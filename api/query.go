package api

import (
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"holdfast/event"
)

// anyQueryKey marks in an operation's metadata that its query does not matter:
// probes add parameters to get past caches.
const anyQueryKey = "any query"

// strictQuery lets through only query parameters that the operation knows, each
// once and well encoded; huma would pass over the others.
func strictQuery(api huma.API) func(ctx huma.Context, next func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, _ := humago.Unwrap(ctx)
		if r.URL.RawQuery != "" && ctx.Operation().Metadata[anyQueryKey] == nil {
			query, err := url.ParseQuery(r.URL.RawQuery)
			if err != nil {
				err = event.ErrorAt(malformed, "query", "the query is not well encoded")
			} else {
				err = checkQuery(ctx.Operation(), query)
			}
			if err != nil {
				huma.WriteErr(api, ctx, 0, "", err)
				return
			}
			// huma's own reading of the query stumbles over "a&b=1".
			r.URL.RawQuery = query.Encode()
		}
		next(ctx)
	}
}

func checkQuery(op *huma.Operation, query url.Values) error {
	all := &event.Error{Code: event.Invalid}
	bad := func(name, message string) {
		all.Fields = append(all.Fields, event.Field{Location: "query." + name, Message: message})
	}
	for name, values := range query {
		known := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		switch {
		case !known:
			bad(name, "is not a known parameter")
		case len(values) > 1:
			bad(name, "must be given once")
		}
	}
	if len(all.Fields) == 0 {
		return nil
	}
	slices.SortFunc(all.Fields, func(a, b event.Field) int { return strings.Compare(a.Location, b.Location) })
	return all
}
