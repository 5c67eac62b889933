package graphqlhttp

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

func TestHandler_Status(t *testing.T) {
	for _, c := range []struct {
		err                error
		status             int // as application/graphql-response+json
		code, reason       string
		retryAfter, bearer string
	}{
		{err: auth.Unauthenticated(auth.ReasonTokenExpired, "token is expired"), status: 401, code: "UNAUTHENTICATED", reason: "TOKEN_EXPIRED", bearer: "Bearer"},
		{err: &auth.Error{Code: auth.CodeForbidden, Message: "no"}, status: 403, code: "FORBIDDEN"},
		{err: auth.RateLimited(1500 * time.Millisecond), status: 429, code: "RATE_LIMITED", retryAfter: "2"},
		{err: auth.Unavailable(errors.New("dial")), status: 503, code: "UNAVAILABLE", retryAfter: "1"},
		{err: errors.New("dial"), status: 500, code: "INTERNAL"},
		{err: auth.BadInput("email", "no"), status: 200, code: "BAD_USER_INPUT"},
		{err: &auth.Error{Code: auth.CodeNotFound, Message: "no"}, status: 200, code: "NOT_FOUND"},
		{err: &auth.Error{Code: auth.CodeConflict, Message: "no"}, status: 200, code: "CONFLICT"},
	} {
		t.Run(c.code, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{err: c.err})
			for accept, status := range map[string]int{acceptGraphQL: c.status, acceptJSON: 200} {
				w := f.post(accept, `{"query":"{ me { name } }"}`)
				answer := decode(t, w)
				if w.Code != status || len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != c.code ||
					answer.Errors[0].Extensions.Reason != c.reason {
					t.Errorf("%s: %d %s", accept, w.Code, w.Body)
				}
				if hasMember := strings.Contains(w.Body.String(), `"data":null`); hasMember != (status == 200) {
					t.Errorf("%s: data member with %d: %s", accept, status, w.Body)
				}
				if got := w.Header().Get("Retry-After"); got != c.retryAfter {
					t.Errorf("%s: Retry-After = %q", accept, got)
				}
				if got := w.Header().Get("WWW-Authenticate"); got != c.bearer && status != 200 {
					t.Errorf("%s: WWW-Authenticate = %q", accept, got)
				}
			}
		})
	}
}

// TestMediaType_executionStatus: the most severe error decides, so a failure of the
// service is never reported as 401.
func TestMediaType_executionStatus(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	failing := func(codes ...auth.Code) int {
		response := f.responseWith(codes...)
		return mediaGraphQL.executionStatus(response)
	}
	for want, codes := range map[int][]auth.Code{
		503: {auth.CodeUnauthenticated, auth.CodeUnavailable, auth.CodeForbidden},
		500: {auth.CodeInternal, auth.CodeUnavailable},
		401: {auth.CodeForbidden, auth.CodeUnauthenticated},
		200: {auth.CodeUnauthenticated, auth.CodeNotFound},
	} {
		if got := failing(codes...); got != want {
			t.Errorf("%v: %d, want %d", codes, got, want)
		}
	}
}

func TestHandler_PartialData(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	w := f.query(`{ me { name } session { id } }`, nil)
	if w.Code != http.StatusOK || len(decode(t, w).Errors) != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	partial := f.responseWith(auth.CodeUnauthenticated)
	partial.Data = []byte(`{"a":1}`)
	if got := mediaGraphQL.executionStatus(partial); got != http.StatusOK {
		t.Errorf("status of partial data = %d", got)
	}
}

func TestHandler_Panic(t *testing.T) {
	f := newFixture(t, &fakeRoot{panics: "at " + secret})
	w := f.query(`{ me { name } }`, nil)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status = %d", w.Code)
	}
	answer := decode(t, w)
	if len(answer.Errors) != 1 || answer.Errors[0].Message != "internal error" ||
		answer.Errors[0].Extensions.Code != "INTERNAL" || strings.Contains(w.Body.String(), secret) {
		t.Errorf("answer = %s", w.Body)
	}
	if log := f.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, testRequestID) ||
		!strings.Contains(log, "fixture_test.go") {
		t.Errorf("log = %s", log)
	}
}

// A panic in the executor, outside of any resolver.
func TestHandler_PanicOutsideOfResolvers(t *testing.T) {
	f := newFixture(t, &fakeRoot{}, func(o *Options) { o.Extensions = append(o.Extensions, panicky{}) })
	w := f.post(acceptJSON, `{"query":"{ me { name } }"}`)
	if w.Code != http.StatusInternalServerError || len(decode(t, w).Errors) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if strings.Count(f.log.String(), "level=ERROR") != 1 {
		t.Errorf("log = %s", f.log)
	}
}

func TestHandler_ClientGone(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	w := f.cancelled(`{"query":"{ me { name } }"}`)
	if got := decode(t, w); w.Code != http.StatusServiceUnavailable || got.Errors[0].Extensions.Code != "UNAVAILABLE" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if f.log.Len() > 0 {
		t.Errorf("a client that left is logged: %s", f.log)
	}
}
