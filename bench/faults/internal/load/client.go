package load

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey/bench/faults/internal/history"
)

// Transports.
const (
	GraphQL = "graphql"
	REST    = "rest"
)

// Client sends requests to the replicas.
type Client struct {
	bases    []string
	http     *http.Client
	balancer *balancer
	answers  answers
}

const (
	// patience is how long a client waits for an answer.
	patience    = 2 * time.Second
	connections = 256
)

// NewClient returns a client of the replicas at the given base URLs.
func NewClient(bases []string) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute}
	return &Client{
		bases: bases, http: &http.Client{Transport: transport, Timeout: patience},
		balancer: &balancer{ready: slices.Repeat([]bool{true}, len(bases))},
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Replicas returns the number of replicas.
func (c *Client) Replicas() int { return len(c.bases) }

// Refresh presents a refresh token; key may be empty.
func (c *Client) Refresh(ctx context.Context, replica int, transport, token, key string) Answer {
	if transport == REST {
		return c.refreshREST(ctx, replica, token, key)
	}
	vars := map[string]any{"t": token}
	if key != "" {
		vars["k"] = key
	}
	return c.pair(ctx, replica, "refreshToken",
		`mutation($t: String, $k: String) { refreshToken(refreshToken: $t, idempotencyKey: $k) { token refreshToken } }`, vars)
}

func (c *Client) refreshREST(ctx context.Context, replica int, token, key string) Answer {
	// The body prevents net/http from sending the request again by itself when a
	// connection breaks.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.bases[replica]+"/auth/refresh", io.NopCloser(bytes.NewReader(nil)))
	if err != nil {
		return cut(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	var body restBody
	got, err := c.send(req, &body)
	if err != nil {
		return cut(err)
	}
	a := Answer{Access: body.Payload.Token, Refresh: body.Payload.RefreshToken, text: got.text}
	a.Outcome, a.Reason = body.judge(got.status, got.header)
	c.answers.add(a)
	return a
}

// SignUp creates an account.
func (c *Client) SignUp(ctx context.Context, replica int, email, password string) Answer {
	return c.pair(ctx, replica, "signUp",
		`mutation($e: String!, $p: String!) { signUp(input: {name: "Bench", email: $e, password: $p}) { token refreshToken } }`,
		map[string]any{"e": email, "p": password})
}

// Login starts a session.
func (c *Client) Login(ctx context.Context, replica int, email, password string) Answer {
	return c.pair(ctx, replica, "login",
		`mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { token refreshToken } }`,
		map[string]any{"e": email, "p": password}).unlessBusy()
}

// RequestReset requests a mail with a link that resets the password.
func (c *Client) RequestReset(ctx context.Context, replica int, email string) Answer {
	a, _ := c.other(ctx, replica, "", `mutation($e: String!) { requestPasswordReset(email: $e) }`, map[string]any{"e": email})
	return a.unlessBusy()
}

// Reset sets the password by the token of a link. An invalid token is refused.
func (c *Client) Reset(ctx context.Context, replica int, token, password string) Answer {
	a, _ := c.other(ctx, replica, "", `mutation($t: String!, $p: String!) { resetPassword(input: {token: $t, newPassword: $p}) }`,
		map[string]any{"t": token, "p": password})
	return a.unlessBusy()
}

// Logout revokes the session of a token.
func (c *Client) Logout(ctx context.Context, replica int, token string) Answer {
	a, _ := c.other(ctx, replica, "", `mutation($t: String) { logout(scope: THIS, refreshToken: $t) }`, map[string]any{"t": token})
	return a
}

// Me checks an access token.
func (c *Client) Me(ctx context.Context, replica int, access string) Answer {
	a, _ := c.other(ctx, replica, access, `{ me { id } }`, nil)
	return a
}

// IsBlacklisted asks about one token and authenticates with another one.
func (c *Client) IsBlacklisted(ctx context.Context, replica int, access, token string) Answer {
	a, data := c.other(ctx, replica, access, `query($t: String!) { isBlacklisted(token: $t) }`, map[string]any{"t": token})
	a.Blacklisted = string(data["isBlacklisted"]) == "true"
	return a
}

// Blacklist blacklists one access token individually, authenticated by the token
// itself.
func (c *Client) Blacklist(ctx context.Context, replica int, access string) Answer {
	a, _ := c.other(ctx, replica, access, `mutation($t: String!) { blacklistToken(token: $t) { use } }`, map[string]any{"t": access})
	return a
}

// pair runs an operation whose field returns a pair.
func (c *Client) pair(ctx context.Context, replica int, field, query string, vars map[string]any) Answer {
	a, data := c.graphql(ctx, replica, "", query, vars)
	var pair struct{ Token, RefreshToken string }
	if a.Outcome == history.Done && json.Unmarshal(data[field], &pair) != nil {
		a.Outcome, a.Reason = history.Strange, "no pair in the answer"
	}
	a.Access, a.Refresh = pair.Token, pair.RefreshToken
	c.answers.add(a)
	return a
}

// other runs an operation whose field returns no pair.
func (c *Client) other(ctx context.Context, replica int, bearer, query string, vars map[string]any) (Answer, map[string]json.RawMessage) {
	a, data := c.graphql(ctx, replica, bearer, query, vars)
	c.answers.add(a)
	return a, data
}

func (c *Client) graphql(ctx context.Context, replica int, bearer, query string, vars map[string]any) (Answer, map[string]json.RawMessage) {
	text, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		return cut(err), nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.bases[replica]+"/graphql", bytes.NewReader(text))
	if err != nil {
		return cut(err), nil
	}
	req.GetBody = nil // otherwise net/http could send the request again by itself
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	var body graphqlBody
	got, err := c.send(req, &body)
	if err != nil {
		return cut(err), nil
	}
	a := Answer{text: got.text}
	a.Outcome, a.Reason = body.judge()
	return a, body.Data
}

// answered holds an answer as it was received.
type answered struct {
	status int
	header http.Header
	text   string
}

func (c *Client) send(req *http.Request, into any) (answered, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return answered{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answered{}, err
	}
	var text strings.Builder
	_ = res.Header.Write(&text) // a Builder accepts every write
	text.Write(body)
	return answered{res.StatusCode, res.Header, text.String()}, json.Unmarshal(body, into)
}

func cut(err error) Answer { return Answer{Outcome: history.Cut, Reason: err.Error()} }
