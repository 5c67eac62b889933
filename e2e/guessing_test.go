package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// guesses returns documents that contain many guesses at passwords or tokens.
func guesses() map[string]string {
	login := func(i int) string {
		return fmt.Sprintf(`login(input: {email: "ada@example.com", password: "wrong horse %d"}) { token }`, i)
	}
	many := func(format string) string {
		var b strings.Builder
		for i := range 20 {
			fmt.Fprintf(&b, format, i, login(i))
		}
		return b.String()
	}
	spread := strings.Repeat
	return map[string]string{
		"aliases":              `mutation { ` + many(" a%d: %s") + ` }`,
		"two aliases":          `mutation { a: ` + login(1) + ` b: ` + login(2) + ` }`,
		"the same field twice": `mutation { ` + login(1) + ` ` + login(1) + ` }`,
		"inline fragments":     `mutation {` + many(` ... on Mutation { a%d: %s }`) + ` }`,
		"bare inline":          `mutation {` + many(` ... { a%d: %s }`) + ` }`,
		"fragments":            `mutation { ...f ...g } fragment f on Mutation { a: ` + login(1) + ` } fragment g on Mutation { b: ` + login(2) + ` }`,
		"nested fragments":     `mutation { ...f } fragment f on Mutation { a: ` + login(1) + ` ...g } fragment g on Mutation { b: ` + login(2) + ` }`,
		"field and fragment":   `mutation { ` + login(1) + ` ...f } fragment f on Mutation { b: ` + login(2) + ` }`,
		"operations":           many(` mutation m%d { %s }`),
		"skipped":              `mutation { a: ` + login(1) + ` @skip(if: true) b: ` + login(2) + ` @include(if: false) c: ` + login(3) + ` }`,
		"other kinds":          `mutation { ` + login(1) + ` signUp(input: {name: "a", email: "b@example.com", password: "wrong horse"}) { token } }`,
		"refreshes":            `mutation {` + spread(` refreshToken(refreshToken: "x") { token }`, 2) + ` }`,
		"login and refresh":    `mutation { ` + login(1) + ` refreshToken(refreshToken: "x") { token } }`,
		"query in front":       `query q { __typename } mutation m { a: ` + login(1) + ` b: ` + login(2) + ` }`,
	}
}

// TestGuessing: one request allows one guess. A document with more than one is
// refused and none of them is tried: no password is hashed.
func TestGuessing(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	c := httpClient()
	signUp(t, c, p.URL, "ada@example.com")
	for name, document := range guesses() {
		for _, operation := range []string{"", "m", "m0"} {
			answer := post(t, p.URL, map[string]any{"query": document, "operationName": operation})
			if !strings.Contains(answer, "BAD_USER_INPUT") || strings.Contains(answer, "UNAUTHENTICATED") {
				t.Errorf("%s: %s", name, answer)
			}
		}
	}
	batch := make([]any, 20)
	for i := range batch {
		batch[i] = map[string]any{"query": guesses()["two aliases"]}
	}
	if answer := post(t, p.URL, batch); !strings.Contains(answer, "one JSON object") {
		t.Errorf("a batch: %s", answer)
	}
	if tried := attempts(p); tried != 0 {
		t.Errorf("%d passwords were tried", tried)
	}
	// The refused documents did not count as guesses, while real guesses do.
	for range 10 {
		if answer := post(t, p.URL, map[string]any{"query": `mutation { login(input: {email: "ada@example.com", password: "wrong horse"}) { token } }`}); !strings.Contains(answer, "INVALID_CREDENTIALS") {
			t.Fatalf("a single guess: %s", answer)
		}
	}
	p.terminate()
	if tried := attempts(p); tried != 10 {
		t.Errorf("%d attempts were seen, want 10", tried)
	}
}

// attempts counts the logins whose password was hashed and did not match.
func attempts(p *process) int { return strings.Count(p.out.String(), "event=login_failed") }

func post(t *testing.T, base string, body any) string {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(base+"/graphql", "application/json", strings.NewReader(string(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}
