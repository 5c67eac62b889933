package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/throwaway"
)

// operationByAddress is an operation of which a stranger can choose the address.
type operationByAddress struct {
	name     string
	document string
	settings map[string]string
	// signedIn reports that a session of another account requests it.
	signedIn bool
	// prepare runs once for each address, before the operation.
	prepare func(s *stack, email string)
	// Requests that wait for the narrow limits, and then requests that do not.
	waiting, atOnce int
	mails           int      // to each recipient; none gets more
	recipients      []string // accounts that are to be deleted may be among them, or not
}

// byAddress are these operations. Each must answer the same whether or not the
// address has an account, whatever its state. signUp without EMAIL_VERIFICATION=required
// is the only exception.
var byAddress = []operationByAddress{
	{
		name:     "requestPasswordReset",
		document: `mutation($e: String!) { requestPasswordReset(email: $e) }`,
		waiting:  5, atOnce: 2, mails: auth.MaxLiveTokens, recipients: []string{"passwordless", "unverified", "verified"},
	},
	{
		name:     "requestLoginEmail",
		document: requestLogin,
		waiting:  5, atOnce: 2, mails: auth.MaxLiveTokens, recipients: []string{"passwordless", "unverified", "verified"},
	},
	{
		name:     "loginWithEmail", // with a wrong code, while another one is valid
		document: `mutation($e: String!) { loginWithEmail(input: {code: {email: $e, code: "00000000"}}) { token } }`,
		prepare:  func(s *stack, email string) { s.answerAbout("", requestLogin, email) },
		waiting:  1, atOnce: 11, mails: 1, recipients: []string{"passwordless", "unverified", "verified"},
	},
	{
		name:     "loginWithEmail, verification required",
		document: `mutation($e: String!) { loginWithEmail(input: {code: {email: $e, code: "0000-0000"}}, idempotencyKey: "a-key-for-one-start-of-a-session") { token } }`,
		settings: map[string]string{"EMAIL_VERIFICATION": "required"},
		waiting:  1, atOnce: 11,
	},
	{
		name:     "requestEmailChange",
		document: `mutation($e: String!) { requestEmailChange(input: {newEmail: $e}) }`,
		signedIn: true,
		waiting:  5, atOnce: 2, mails: auth.MaxLiveTokens, recipients: []string{"disabled", "free", "passwordless", "unverified", "verified"},
	},
	{
		name:     "requestSignUp",
		document: `mutation($e: String!) { requestSignUp(input: {name: "Ada Lovelace", email: $e}) }`,
		waiting:  5, atOnce: 2, mails: auth.MaxLiveTokens, recipients: []string{"disabled", "free", "passwordless", "unverified", "verified"},
	},
	{
		name:     "requestSignUp, verification required",
		document: `mutation($e: String!) { requestSignUp(input: {name: "Ada Lovelace", email: $e, locale: "hu"}) }`,
		settings: map[string]string{"EMAIL_VERIFICATION": "required"},
		waiting:  5, atOnce: 2, mails: auth.MaxLiveTokens, recipients: []string{"disabled", "free", "passwordless", "unverified", "verified"},
	},
	{
		name:     "signUp, verification required",
		document: `mutation($e: String!) { signUp(input: {name: "Ada", email: $e, password: "correct horse"}) { token } }`,
		settings: map[string]string{"EMAIL_VERIFICATION": "required"},
		waiting:  1, atOnce: 11,
	},
	{
		name:     "login",
		document: `mutation($e: String!) { login(input: {email: $e, password: "a wrong horse"}) { token } }`,
		waiting:  1, atOnce: 11,
	},
	{
		name:     "login, verification required",
		document: `mutation($e: String!) { login(input: {email: $e, password: "a wrong horse"}, idempotencyKey: "a-key-for-one-start-of-a-session") { token } }`,
		settings: map[string]string{"EMAIL_VERIFICATION": "required"},
		waiting:  1, atOnce: 11,
	},
}

const requestLogin = `mutation($e: String!) { requestLoginEmail(email: $e) }`

// TestEnumeration: whether an address has an account, and in what state that is,
// changes neither the answer nor its headers, its work, its limits or the bound of the
// mails.
func TestEnumeration(t *testing.T) {
	server := throwaway.StartPostgres(t, "-c", "shared_preload_libraries=pg_stat_statements")
	both := []engine{engines()[0], {"Postgres", "pgx", func(t *testing.T) (map[string]string, string) {
		url := server.Database(t)
		return map[string]string{"DATA_DIR": t.TempDir(), "DATABASE_URL": url}, url
	}}}
	for _, e := range both {
		for _, op := range byAddress {
			t.Run(e.name+"/"+op.name, func(t *testing.T) { testEnumeration(t, e, op) })
		}
	}
}

func testEnumeration(t *testing.T, e engine, op operationByAddress) {
	settings := map[string]string{"RATE_LIMITS": "on"}
	for k, v := range op.settings {
		settings[k] = v
	}
	s := newStack(t, e, settings)
	s.addAccounts()
	w := s.watchWork(e.driver == "pgx")
	ask := func(name string) (answers []string) {
		email, bearer := name+"@example.com", ""
		s.advance(24 * time.Hour) // the limits by network are full again
		if op.signedIn {
			bearer = s.signUp("by-" + email).access
		}
		if op.prepare != nil {
			op.prepare(s, email)
			s.advance(2 * time.Minute)
		}
		for i := range op.waiting + op.atOnce {
			w.begin()
			answer := s.answerAbout(bearer, op.document, email)
			answers = append(answers, strings.ReplaceAll(answer+w.end(), email, "ADDRESS"))
			if i < op.waiting {
				s.advance(70 * time.Second)
			}
		}
		return answers
	}
	ask("before") // so that the first requests of a process are not compared
	want := ask("verified")
	for _, name := range []string{"unverified", "passwordless", "disabled", "deleting", "free"} {
		got := ask(name)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("request %d, %s:\n%s\nverified:\n%s", i, name, got[i], want[i])
			}
		}
	}
	to := map[string]int{}
	for _, m := range s.mails() {
		to[strings.TrimSuffix(m.To, "@example.com")]++
	}
	for name, n := range to {
		if strings.HasPrefix(name, "by-") { // of the session that requested it
			continue
		}
		if name != "before" && name != "deleting" && !slices.Contains(op.recipients, name) || n > op.mails {
			t.Errorf("%d mails to %s", n, name)
		}
	}
	for _, name := range op.recipients {
		if to[name] != op.mails {
			t.Errorf("%d mails to %s, want %d", to[name], name, op.mails)
		}
	}
}

// addAccounts adds one account in each state.
func (s *stack) addAccounts() {
	s.t.Helper()
	at := s.clock()
	hash, err := s.ports.options.Passwords.Hash(s.t.Context(), auth.Attempt{}, goodPassword)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range []string{"verified", "unverified", "passwordless", "disabled", "deleting"} {
		u := auth.User{
			ID: auth.NewID(at).String(), Name: "Ada", Email: name + "@example.com", EmailKey: name + "@example.com",
			PasswordHash: hash, CreatedAt: at, UpdatedAt: at,
		}
		if err := s.ports.store.AddUser(s.t.Context(), u, nil); err != nil {
			s.t.Fatal(err)
		}
	}
	s.exec(`UPDATE users SET email_verified_at = 1 WHERE email_key <> 'unverified@example.com'`)
	s.exec(`UPDATE users SET password_hash = '' WHERE email_key = 'passwordless@example.com'`)
	s.exec(`UPDATE users SET disabled_at = 1 WHERE email_key = 'disabled@example.com'`)
	s.exec(fmt.Sprintf(`UPDATE users SET delete_at = %d WHERE email_key = 'deleting@example.com'`, at.AddDate(0, 0, 30).UnixMicro()))
}

// requestIDs matches the id of a request, which no two answers share.
var requestIDs = regexp.MustCompile(`"requestId":"[^"]*"`)

// answerAbout returns the whole answer to a document about an address: status,
// headers and body.
func (s *stack) answerAbout(bearer, document, email string) string {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": map[string]any{"e": email}})
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	res.Header.Del("Date")
	res.Header.Del("X-Request-Id")
	var headers strings.Builder
	if err := res.Header.Write(&headers); err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%s\n%s%s\n", res.Status, headers.String(), requestIDs.ReplaceAll(answer, nil))
}

// work counts what a request does: calls of the store, checks of limits, hashes of
// passwords and, on Postgres, statements.
type work struct {
	s          *stack
	calls      *callLog
	statements bool
}

func (s *stack) watchWork(statements bool) *work {
	s.t.Helper()
	w := &work{s: s, calls: &callLog{Store: s.ports.store.Store, Limiter: s.ports.limiter.Limiter}, statements: statements}
	s.ports.store.Store, s.ports.limiter.Limiter = w.calls, w.calls
	s.ports.hashing.pass = func() { w.calls.add("hash") }
	if statements {
		s.exec(`CREATE EXTENSION pg_stat_statements`)
	}
	return w
}

const ofThisDatabase = `(SELECT oid FROM pg_database WHERE datname = current_database())`

func (w *work) begin() {
	w.s.t.Helper()
	w.calls.calls = nil
	if w.statements {
		w.s.exec(`SELECT pg_stat_statements_reset(dbid => ` + ofThisDatabase + `)`)
	}
}

func (w *work) end() string {
	w.s.t.Helper()
	lines := w.calls.calls
	if w.statements {
		rows, err := w.s.db.QueryContext(w.s.t.Context(), `SELECT calls, query FROM pg_stat_statements
			WHERE dbid = `+ofThisDatabase+` AND query NOT LIKE '%pg_stat_statements%'`)
		if err != nil {
			w.s.t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		var statements []string
		for rows.Next() {
			var calls int
			var query string
			if err := rows.Scan(&calls, &query); err != nil {
				w.s.t.Fatal(err)
			}
			// An INSERT that inserts nothing, because there is no account, costs the same.
			words := strings.Fields(strings.ReplaceAll(query, `"`, ""))
			// So does a lock on another condition of the same row.
			switch {
			case words[0] == "INSERT":
				words = words[:3]
			case strings.HasSuffix(query, " FOR NO KEY UPDATE"):
				words = append(words[:min(8, len(words))], "...")
			}
			statements = append(statements, fmt.Sprintf("%d x %s", calls, strings.Join(words, " ")))
		}
		if err := rows.Err(); err != nil {
			w.s.t.Fatal(err)
		}
		slices.Sort(statements)
		lines = append(lines, statements...)
	}
	return strings.Join(lines, "\n")
}

// callLog records which methods of the store, and which limits, a request uses.
type callLog struct {
	auth.Store
	auth.Limiter
	mu    sync.Mutex
	calls []string
}

func (l *callLog) add(call string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, call)
}

func (l *callLog) UserByEmailKey(ctx context.Context, key string) (auth.User, time.Time, error) {
	l.add("UserByEmailKey")
	return l.Store.UserByEmailKey(ctx, key)
}

func (l *callLog) UserByID(ctx context.Context, id string) (auth.User, error) {
	l.add("UserByID")
	return l.Store.UserByID(ctx, id)
}

func (l *callLog) OneTimeToken(ctx context.Context, hash auth.SecretHash) (auth.OneTimeToken, error) {
	l.add("OneTimeToken")
	return l.Store.OneTimeToken(ctx, hash)
}

func (l *callLog) TryCode(ctx context.Context, try auth.CodeTry) (auth.OneTimeToken, error) {
	l.add("TryCode")
	return l.Store.TryCode(ctx, try)
}

func (l *callLog) Record(ctx context.Context, e auth.Event) error {
	l.add("Record")
	return l.Store.Record(ctx, e)
}

func (l *callLog) IssueToken(ctx context.Context, issue auth.TokenIssue, e *auth.Event) (bool, error) {
	issued, err := l.Store.IssueToken(ctx, issue, e)
	l.add(fmt.Sprintf("IssueToken %v %v with %d mails", issued, err, len(e.Mails)))
	return issued, err
}

func (l *callLog) Allow(ctx context.Context, checks ...auth.Check) auth.Refusal {
	for _, c := range checks {
		l.add(c.Limit.Name)
	}
	return l.Limiter.Allow(ctx, checks...)
}
