package e2e

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"rekey/internal/test/throwaway"
)

// canary is a password, and everything else that must never appear.
const canary = "hunter2-canary"

// indiscreet returns bodies with a password, right or wrong, at every possible
// place.
func indiscreet() []string {
	var bodies []string
	for _, query := range []string{
		`mutation { signUp(input: {name: "Eve", email: "eve@example.com", password: "` + canary + `"}) { token } }`,
		`mutation { login(input: {email: "eve@example.com", password: "` + canary + `"}) { token } }`,
		`mutation { login(input: {email: "eve@example.com", password: "` + canary + `!"}) { token } }`,
		`mutation { login(input: {email: "` + canary + `", password: "` + canary + `"}) { token } }`,
		`mutation { login(input: {email: "nobody@example.com", password: """` + canary + `"""}) { token } }`,
		`mutation { login(input: {email: "eve@example.com", pasword: "` + canary + `"}) { token } }`,
		`mutation { login(input: "` + canary + `") { token } }`,
		`mutation { login(password: "` + canary + `") { token } }`,
		`mutation { logout(scope: "` + canary + `") }`,
		`mutation { refreshToken(refreshToken: "` + canary + `", idempotencyKey: "` + canary + `-0123") { token } }`,
		`mutation { login(input: {email: "eve@example.com", password: "` + canary + `" }`,
		`mutation { login(input: {email: "eve@example.com", password: "` + canary,
		`# ` + canary + "\n{ me { id } }",
		`query($p: String = "` + canary + `") { isBlacklisted(token: $p) }`,
	} {
		body, _ := json.Marshal(map[string]any{"query": query}) // strings always marshal
		bodies = append(bodies, string(body))
	}
	const login = `{"query": "mutation($i: LoginInput!) { login(input: $i) { token } }", "variables": `
	return append(bodies,
		login+`{"i": {"email": "eve@example.com", "password": "`+canary+`"}}}`,
		login+`{"i": {"email": "eve@example.com", "password": ["`+canary+`"]}}}`,
		login+`{"i": {"email": "eve@example.com", "`+canary+`": 1}}}`,
		login+`{"i": "`+canary+`"}}`,
		login+`"`+canary+`"}`,
		login+`{"i": {"password": "`+canary,
		`{"query": "`+canary+`"}`, `{"`+canary+`": 1}`, `["`+canary+`"]`, canary,
		`{"query": "{ __typename }", "operationName": "`+canary+`"}`,
		`{"query": "{ __typename }", "extensions": "`+canary+`"}`,
		login+`{"i": "`+strings.Repeat(canary, 5000)+`"}}`,
	)
}

// TestSecrets_untold: no password, hash or token appears in the most verbose
// log, in an answer to an invalid request, or in an error message of the
// database.
func TestSecrets_untold(t *testing.T) {
	address := throwaway.Postgres(t)
	p := start(t, map[string]string{
		"DATA_DIR": t.TempDir(), "DATABASE_URL": address, "LOG_LEVEL": "debug", "RATE_LIMITS": "off", "COOKIE_MODE": "on",
	})
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	say(t, p.URL)
	for _, statement := range []string{`ALTER TABLE users RENAME COLUMN password_hash TO away`, `ALTER TABLE sessions RENAME TO gone`} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		say(t, p.URL)
	}
	p.terminate()
	log := p.out.String()
	journal := journalOf(t, db)
	if !strings.Contains(journal, "login_failed") {
		t.Errorf("the journal has no failed login:\n%s", journal)
	}
	if !strings.Contains(log, "statement failed") || !strings.Contains(log, "level=DEBUG") {
		t.Errorf("the log contains no message of the database:\n%s", log)
	}
	for what, secret := range map[string]string{"password": canary, "hash": "$argon2", "address": "eve@example.com", "token": "eyJhbGciOi"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log contains the %s", what)
		}
		if strings.Contains(journal, secret) {
			t.Errorf("the journal contains the %s", what)
		}
	}
}

// journalOf returns the contents of the journal.
func journalOf(t *testing.T, db *sql.DB) (text string) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT string_agg(e::text, E'\n') FROM security_events e`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// say sends every such body by every method.
func say(t *testing.T, base string) {
	t.Helper()
	for _, body := range indiscreet() {
		for _, contentType := range []string{"application/json", "text/plain"} {
			req, err := http.NewRequest(http.MethodPost, base+"/graphql?password="+canary, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", contentType)
			req.Header.Set("Authorization", "Bearer "+canary)
			req.Header.Set("Cookie", "__Host-rekey_refresh="+canary+"; __Host-rekey_device="+canary)
			checkUntold(t, req, body)
		}
	}
	for _, target := range []string{"/graphql?query=" + url.QueryEscape(`{ isBlacklisted(token: "`+canary+`") }`), "/auth/refresh?token=" + canary, "/auth/" + canary + strings.Repeat("x", 40)} {
		req, err := http.NewRequest(http.MethodGet, base+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer a."+canary+".c")
		checkUntold(t, req, target)
	}
}

func checkUntold(t *testing.T, req *http.Request, sent string) {
	t.Helper()
	res, err := httpClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer strings.Builder
	if err := res.Write(&answer); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(answer.String(), canary) {
		t.Errorf("%.300s is answered by %.300s", sent, answer.String())
	}
}
