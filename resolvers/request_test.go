package resolvers

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"rekey/internal/auth"
)

func contextWith(header http.Header) context.Context {
	return graphql.WithOperationContext(context.Background(), &graphql.OperationContext{Headers: header})
}

func pointer(s string) *string { return &s }

func TestTokenOrBearer(t *testing.T) {
	for name, c := range map[string]struct {
		header   []string
		argument *string
		want     string
	}{
		"bearer":              {header: []string{"Bearer b"}, want: "b"},
		"scheme in any case":  {header: []string{"bEARER b"}, want: "b"},
		"argument wins":       {header: []string{"Bearer b"}, argument: pointer("a"), want: "a"},
		"empty argument wins": {header: []string{"Bearer b"}, argument: pointer(""), want: ""},
		"neither":             {want: ""},
		"another scheme":      {header: []string{"Basic b"}, want: ""},
		"several spaces":      {header: []string{"Bearer   b"}, want: "b"},
		"two headers":         {header: []string{"Bearer b", "Bearer c"}, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := contextWith(http.Header{"Authorization": c.header})
			if got := tokenOf(ctx, c.argument, jar{}); got != c.want {
				t.Errorf("token = %q, want %q", got, c.want)
			}
		})
	}
}

func TestIdempotencyKeyOf(t *testing.T) {
	for name, c := range map[string]struct {
		header   []string
		argument *string
		want     string
		refused  bool
	}{
		"neither":          {},
		"header":           {header: []string{"k"}, want: "k"},
		"argument":         {argument: pointer("k"), want: "k"},
		"the same twice":   {header: []string{"k"}, argument: pointer("k"), want: "k"},
		"two that differ":  {header: []string{"k"}, argument: pointer("l"), refused: true},
		"two headers":      {header: []string{"k", "k"}, refused: true},
		"empty header":     {header: []string{""}, refused: true},
		"empty argument":   {argument: pointer(""), refused: true},
		"one of two empty": {header: []string{""}, argument: pointer("k"), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := idempotencyKeyOf(contextWith(http.Header{"Idempotency-Key": c.header}), c.argument)
			if got != c.want || (err != nil) != c.refused {
				t.Errorf("key = %q, %v", got, err)
			}
			var e *auth.Error
			if c.refused && (!errors.As(err, &e) || e.Code != auth.CodeBadUserInput || e.Field != "idempotencyKey") {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestClientOf(t *testing.T) {
	ctx := auth.WithClient(context.Background(), auth.Client{Address: "192.0.2.1"})
	if c := clientOf(ctx); c.Address != "192.0.2.1" || c.Transport != "graphql" {
		t.Errorf("client = %+v", c)
	}
}
