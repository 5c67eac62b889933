package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
)

// transport names the API that a client uses: GraphQL or the legacy route.
type transport string

const (
	graphqlTransport transport = "graphql"
	restTransport    transport = "rest"
)

// answer holds the result of a refresh, for either transport.
type answer struct {
	Access, Refresh string
	ExpiresIn       int64
	// Problem is empty on success. Otherwise it names why the token was not
	// replaced: a reason or code of GraphQL, or a message of REST.
	Problem string
	Status  int
}

type pair struct{ Access, Refresh string }

func httpClient() *http.Client {
	return &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256},
	}
}

// sentKeys holds the idempotency keys of the whole run. No log may contain them.
var sentKeys sync.Map

func keysSent() []string {
	var keys []string
	sentKeys.Range(func(key, _ any) bool { keys = append(keys, key.(string)); return true })
	return keys
}

// refresh replaces a token. It returns an error if the connection fails.
func refresh(c *http.Client, d transport, base, token, key string) (answer, error) {
	sentKeys.Store(key, true)
	if d == restTransport {
		return refreshREST(c, base, token, key)
	}
	return refreshGraphQL(c, base, token, key)
}

func refreshREST(c *http.Client, base, token, key string) (answer, error) {
	req, err := http.NewRequest(http.MethodGet, base+"/auth/refresh", nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	var body struct {
		Success bool
		Message string
		Payload struct {
			Token        string
			RefreshToken string `json:"refresh_token"`
		}
	}
	status, err := send(c, req, &body)
	a := answer{Status: status, Access: body.Payload.Token, Refresh: body.Payload.RefreshToken}
	if !body.Success {
		a.Problem = body.Message
	}
	return a, err
}

func refreshGraphQL(c *http.Client, base, token, key string) (answer, error) {
	vars := map[string]any{"t": token}
	if key != "" {
		vars["k"] = key
	}
	var data struct {
		RefreshToken struct {
			Token, RefreshToken string
			ExpiresIn           int64
		}
	}
	problem, status, err := graphql(c, base, "",
		`mutation($t: String, $k: String) { refreshToken(refreshToken: $t, idempotencyKey: $k) { token refreshToken expiresIn } }`, vars, &data)
	return answer{
		Access: data.RefreshToken.Token, Refresh: data.RefreshToken.RefreshToken,
		ExpiresIn: data.RefreshToken.ExpiresIn, Problem: problem, Status: status,
	}, err
}

// graphql runs an operation and returns the reason of the first error, its code
// if it has no reason, or "".
func graphql(c *http.Client, base, bearer, query string, vars map[string]any, data any) (problem string, status int, err error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		return "", 0, err
	}
	req, err := http.NewRequest(http.MethodPost, base+"/graphql", bytes.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	var result struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code, Reason string }
		}
	}
	status, err = send(c, req, &result)
	if err != nil {
		return "", status, err
	}
	if len(result.Errors) > 0 {
		e := result.Errors[0].Extensions
		if e.Reason != "" {
			return e.Reason, status, nil
		}
		return e.Code, status, nil
	}
	return "", status, json.Unmarshal(result.Data, data)
}

func send(c *http.Client, req *http.Request, into any) (int, error) {
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return res.StatusCode, err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return res.StatusCode, fmt.Errorf("status %d: %w: %s", res.StatusCode, err, body)
	}
	return res.StatusCode, nil
}

const password = "correct horse"

// signUp creates a user and returns its first pair.
func signUp(t testing.TB, c *http.Client, base, email string) pair {
	t.Helper()
	var data struct {
		SignUp struct{ Token, RefreshToken string }
	}
	problem, _, err := graphql(c, base, "",
		`mutation($e: String!, $p: String!) { signUp(input: {name: "Ada", email: $e, password: $p}) { token refreshToken } }`,
		map[string]any{"e": email, "p": password}, &data)
	if err != nil || problem != "" {
		t.Fatalf("sign-up: %v %s", err, problem)
	}
	return pair{data.SignUp.Token, data.SignUp.RefreshToken}
}

func logIn(t *testing.T, c *http.Client, base, email string) pair {
	t.Helper()
	var data struct {
		Login struct{ Token, RefreshToken string }
	}
	problem, _, err := graphql(c, base, "",
		`mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { token refreshToken } }`,
		map[string]any{"e": email, "p": password}, &data)
	if err != nil || problem != "" {
		t.Fatalf("login: %v %s", err, problem)
	}
	return pair{data.Login.Token, data.Login.RefreshToken}
}

// me performs an access check and returns its problem, or "" if the token is
// valid.
func me(t *testing.T, c *http.Client, base, access string) string {
	t.Helper()
	var data struct{ Me struct{ Email string } }
	problem, _, err := graphql(c, base, access, `{ me { email } }`, nil, &data)
	if err != nil {
		t.Fatal(err)
	}
	return problem
}

func logout(c *http.Client, base, token string) (int, error) {
	var data struct{ Logout int }
	problem, _, err := graphql(c, base, "", `mutation($t: String) { logout(scope: THIS, refreshToken: $t) }`, map[string]any{"t": token}, &data)
	if err == nil && problem != "" {
		err = fmt.Errorf("logout: %s", problem)
	}
	return data.Logout, err
}
