package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// limitsOf is what an answer tells of limits.
func limitsOf(h http.Header) string {
	return fmt.Sprintf("%s / %s / %s", h.Get("RateLimit-Policy"), h.Get("RateLimit"), h.Get("Retry-After"))
}

// TestLimits_told: each transport tells what is left, and when to come again; the
// legacy one, whose headers clients know, only when to come again.
func TestLimits_told(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"RATE_LIMITS": "on"})
	pair := s.signUp("ada@example.com")
	graphql := func(bearer, query string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, s.url+"/graphql", strings.NewReader(fmt.Sprintf(`{"query": %q}`, query)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/graphql-response+json")
		req.Header.Set("X-Forwarded-For", "203.0.113.9") // nobody's word is taken for it
		if bearer != "" {
			req.Header.Set("Authorization", "Bearer "+bearer)
		}
		return askedFor(t, req)
	}
	rest := func(bearer string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, s.url+"/auth/refresh", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		return askedFor(t, req)
	}
	check := func(what string, gotStatus int, got string, wantStatus int, want string) {
		t.Helper()
		if gotStatus != wantStatus || got != want {
			t.Errorf("%s: %d %s, want %d %s", what, gotStatus, got, wantStatus, want)
		}
	}
	const guess = `mutation { login(input: {email: "ada@example.com", password: "wrong horse"}) { token } }`
	code, headers := graphql("", guess)
	check("a guess", code, headers, 401, `"login_address";q=20;w=20, "login_pair";q=10;w=50 / "login_address";r=19;t=1, "login_pair";r=9;t=5 / `)
	for range 9 {
		graphql("", guess)
	}
	code, headers = graphql("", guess)
	check("a guess too many", code, headers, 429, `"login_address";q=20;w=20, "login_pair";q=10;w=50 / "login_address";r=9;t=11, "login_pair";r=0;t=5 / 5`)

	code, headers = graphql(pair.access, `{ me { id } }`)
	check("an access check", code, headers, 200, ` /  / `)
	const refresh = `mutation { refreshToken { refreshToken } }`
	code, headers = graphql(pair.refresh, refresh)
	check("a refresh", code, headers, 200, `"refresh";q=30;w=3 / "refresh";r=29;t=1 / `)
	code, headers = rest(pair.refresh)
	check("the legacy route", code, headers, 500, ` /  / `) // a used token
	for range 28 {
		rest(pair.refresh)
	}
	code, headers = rest(pair.refresh)
	check("the legacy route, too often", code, headers, 429, ` /  / 1`)
	code, headers = graphql(pair.refresh, refresh)
	check("GraphQL, too often", code, headers, 429, `"refresh";q=30;w=3 / "refresh";r=0;t=1 / 1`)
}

func askedFor(t *testing.T, req *http.Request) (code int, headers string) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode, limitsOf(res.Header)
}
