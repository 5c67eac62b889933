package resolvers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rekey/internal/auth"
)

const (
	requestID = "request-1"
	cause     = "dial tcp 10.0.0.1: refused"
)

func present(ctx context.Context, err error) (*gqlerror.Error, string) {
	var log bytes.Buffer
	ctx = auth.WithClient(ctx, auth.Client{RequestID: requestID})
	presented := Presenter{Log: slog.New(slog.NewTextHandler(&log, nil))}.Present(ctx, err)
	return presented, log.String()
}

func TestPresenter_Present(t *testing.T) {
	for _, c := range []struct {
		err       error
		message   string
		more      map[string]any // besides code, retryable and requestId
		retryable bool
		level     string // of the one line in the log
	}{
		{err: &auth.Error{Code: auth.CodeUnauthenticated, Reason: auth.ReasonTokenReused, Message: "used twice", Err: errors.New(cause)},
			message: "used twice", more: map[string]any{"reason": "TOKEN_REUSED"}},
		{err: &auth.Error{Code: auth.CodeForbidden, Message: "not yours"}, message: "not yours"},
		{err: auth.BadInput("email", "no address"), message: "no address", more: fieldMore("no address")},
		{err: auth.BadInput("", "no"), message: "no"},
		{err: &auth.Error{Code: auth.CodeNotFound, Message: "none"}, message: "none"},
		{err: &auth.Error{Code: auth.CodeConflict, Field: "email", Message: "taken"}, message: "taken", more: fieldMore("taken")},
		{err: auth.RateLimited(1200 * time.Millisecond), message: "too many requests", retryable: true, more: map[string]any{"retryAfter": 2}},
		{err: auth.Unavailable(errors.New(cause)), message: "temporarily unavailable, try again", retryable: true,
			more: map[string]any{"retryAfter": 1}, level: "WARN"},
		{err: errors.New(cause), message: "internal error", level: "ERROR"},
		{err: &auth.Error{Code: auth.CodeInternal, Message: cause, Err: errors.New(cause)}, message: "internal error", level: "ERROR"},
	} {
		code := auth.AsError(c.err).Code
		t.Run(string(code), func(t *testing.T) {
			got, log := present(context.Background(), fmt.Errorf("resolving: %w", c.err))
			want := map[string]any{"code": string(code), "retryable": c.retryable, "requestId": requestID}
			maps.Copy(want, c.more)
			if got.Message != c.message || !reflect.DeepEqual(got.Extensions, want) {
				t.Errorf("presented %q %v, want %q %v", got.Message, got.Extensions, c.message, want)
			}
			checkLog(t, log, c.level)
		})
	}
}

// fieldMore returns the extensions of an error about the field email.
func fieldMore(message string) map[string]any {
	return map[string]any{"field": "email", "fields": []map[string]string{{"field": "email", "message": message}}}
}

func checkLog(t *testing.T, log, level string) {
	t.Helper()
	parts := []string{"level=" + level, "request_id=" + requestID, cause}
	if level == "" { // a refusal
		parts = []string{"level=INFO", "request_id=" + requestID, "code="}
	}
	for _, part := range parts {
		if strings.Count(log, part) != 1 {
			t.Errorf("log has %q %d times: %s", part, strings.Count(log, part), log)
		}
	}
}

func TestPresenter_Present_Place(t *testing.T) {
	path := ast.Path{ast.PathName("me")}
	locations := []gqlerror.Location{{Line: 3, Column: 4}}
	got, _ := present(context.Background(), &gqlerror.Error{Err: auth.BadInput("", "no"), Message: "no", Path: path, Locations: locations})
	if got.Path.String() != "me" || len(got.Locations) != 1 || got.Locations[0] != locations[0] {
		t.Errorf("presented at %v %v", got.Path, got.Locations)
	}
}

// A client that leaves is not an internal error, and not worth a line.
func TestPresenter_Present_ClientGone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	got, log := present(ctx, fmt.Errorf("reading: %w", ctx.Err()))
	if got.Extensions["code"] != "UNAVAILABLE" || log != "" {
		t.Errorf("presented %v, log %s", got.Extensions, log)
	}
}

func TestPresenter_Recover(t *testing.T) {
	var log bytes.Buffer
	p := Presenter{Log: slog.New(slog.NewTextHandler(&log, nil))}
	ctx := auth.WithClient(context.Background(), auth.Client{RequestID: requestID})
	got := p.Present(ctx, p.Recover(ctx, cause))
	if got.Message != "internal error" || got.Extensions["code"] != "INTERNAL" {
		t.Errorf("presented %v", got)
	}
	if !strings.Contains(log.String(), "presenter_test.go") {
		t.Errorf("no stack in the log: %s", log.String())
	}
	if strings.Contains(log.String(), cause) || strings.Count(log.String(), "level=ERROR") != 1 {
		t.Errorf("log = %s", log.String())
	}
}

// TestPresenter_Count: each error that a client gets is counted by its code, also
// one whose cause is in the log already. A client that has left gets none.
func TestPresenter_Count(t *testing.T) {
	var counted []auth.Code
	p := Presenter{Log: slog.New(slog.DiscardHandler), Count: func(c auth.Code) { counted = append(counted, c) }}
	var want []auth.Code
	for _, code := range auth.Codes() {
		_ = p.Present(t.Context(), fmt.Errorf("resolving: %w", &auth.Error{Code: code}))
		want = append(want, code)
	}
	_ = p.Present(t.Context(), errors.New(cause))
	_ = p.Present(t.Context(), p.Recover(t.Context(), "a panic"))
	want = append(want, auth.CodeInternal, auth.CodeInternal)
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_ = p.Present(late, auth.Unavailable(nil))
	want = append(want, auth.CodeUnavailable)
	gone, leave := context.WithCancel(t.Context())
	leave()
	_ = p.Present(gone, auth.Unavailable(nil))
	if !slices.Equal(counted, want) {
		t.Errorf("counted %v, want %v", counted, want)
	}
}
