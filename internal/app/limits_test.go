package app

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/test/throwaway"
)

// limitsOf returns the headers about limits of an answer.
func limitsOf(h http.Header) string {
	return fmt.Sprintf("%s / %s / %s", h.Get("RateLimit-Policy"), h.Get("RateLimit"), h.Get("Retry-After"))
}

// TestLimits_told: each transport reports the remaining requests and when to
// retry. The legacy transport, whose headers clients know, reports only when to
// retry.
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
		req.Header.Set("X-Forwarded-For", "203.0.113.9") // an untrusted peer's header is ignored
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
	check("a guess", code, headers, 401, `"login_pair";q=10;w=50 / "login_pair";r=9;t=5 / `)
	for range 9 {
		graphql("", guess)
	}
	code, headers = graphql("", guess)
	check("a guess too many", code, headers, 429, `"login_pair";q=10;w=50 / "login_pair";r=0;t=5 / 5`)

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
	if n := strings.Count(s.log.String(), `msg="header of a proxy is ignored" header=X-Forwarded-For peer=127.0.0.1 `); n != 1 {
		t.Errorf("%d lines of the log about the untrusted peer's header, want one", n)
	}
	check("GraphQL, too often", code, headers, 429, `"refresh";q=30;w=3 / "refresh";r=0;t=1 / 1`)
}

// TestLimits_logged: the line of a refusal names the limit, the kind of its key and
// the client's address, for every transport. The answer does not name the limit of
// an account.
func TestLimits_logged(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"RATE_LIMITS": "on", "LIMITS": "login_account=1/h:1,refresh=1/h:1,address=1/h:1"})
	pair := s.signUp("ada@example.com")
	const guess = `mutation { login(input: {email: "ada@example.com", password: "wrong horse"}) { token } }`
	s.graphql("", guess, nil, nil)
	if got := s.graphql("", guess, nil, nil); got != "RATE_LIMITED" {
		t.Errorf("the second guess: %q", got)
	}
	for range 2 {
		req, err := http.NewRequest(http.MethodGet, s.url+"/auth/refresh", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+pair.refresh)
		askedFor(t, req)
	}
	for range 2 {
		req, err := http.NewRequest(http.MethodPost, s.url+"/oauth/introspect", strings.NewReader("token=x"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "Bearer nothing")
		askedFor(t, req)
	}
	log := s.log.String()
	for _, want := range []string{
		"transport=graphql field=login code=RATE_LIMITED limit=login_account limit_key=account address=127.0.0.1 ",
		"transport=rest code=RATE_LIMITED limit=refresh limit_key=session address=127.0.0.1 ",
		"transport=oauth code=RATE_LIMITED limit=address limit_key=address address=127.0.0.1 ",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in the log:\n%s", want, log)
		}
	}
}

// TestLimits_changed: LIMITS changes what clients may do.
func TestLimits_changed(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"RATE_LIMITS": "on", "LIMITS": "refresh=1/min:2"})
	pair := s.signUp("ada@example.com")
	for i, want := range []int{200, 401, 429} {
		req, err := http.NewRequest(http.MethodPost, s.url+"/graphql", strings.NewReader(`{"query": "mutation { refreshToken { refreshToken } }"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/graphql-response+json")
		req.Header.Set("Authorization", "Bearer "+pair.refresh)
		if code, headers := askedFor(t, req); code != want || !strings.HasPrefix(headers, `"refresh";q=2;w=120 / `) {
			t.Errorf("refresh %d: %d %s, want %d", i+1, code, headers, want)
		}
	}
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

// TestLimits_roundTrips counts what a login sends to Redis before it answers: one
// command, which checks all its limits, on one server, with sentinels and in a
// cluster. A refused login sends the same.
func TestLimits_roundTrips(t *testing.T) {
	for kind, start := range map[string]func() (url string, masters []*throwaway.RedisServer){
		"server": func() (string, []*throwaway.RedisServer) {
			server := throwaway.Redis(t)
			return server.URL(), []*throwaway.RedisServer{server}
		},
		"sentinel": func() (string, []*throwaway.RedisServer) {
			sentinel := throwaway.Sentinel(t)
			return sentinel.URL(), []*throwaway.RedisServer{sentinel.Master()}
		},
		"cluster": func() (string, []*throwaway.RedisServer) {
			cluster := throwaway.Cluster(t, 3, false)
			return cluster.URL(), cluster.Masters
		},
	} {
		t.Run(kind, func(t *testing.T) {
			url, masters := start()
			s := newStack(t, engines()[1], map[string]string{"RATE_LIMITS": "on", "REDIS_URL": url, "REDIS_TIMEOUT": "5s"})
			s.signUp("ada@example.com")
			s.login("ada@example.com") // opens connections and loads the script
			commands := monitor(t, masters, func() { s.login("ada@example.com") })
			if len(commands) != 1 || !strings.Contains(commands[0], "login_pair:") || strings.Contains(commands[0], "ada") {
				t.Errorf("a login sends %q, want one command without the e-mail address", commands)
			}
			for range 10 {
				s.graphql("", `mutation { login(input: {email: "ada@example.com", password: "wrong horse"}) { token } }`, nil, nil)
			}
			commands = monitor(t, masters, func() {
				s.graphql("", `mutation { login(input: {email: "ada@example.com", password: "wrong horse"}) { token } }`, nil, nil)
			})
			if len(commands) != 1 {
				t.Errorf("a login that is refused sends %q, want one command", commands)
			}
			if _, inMemory := s.app.limit.Counts(); inMemory > 0 {
				t.Errorf("%d requests were counted in memory", inMemory)
			}
		})
	}
}

// monitor returns the commands that reach the servers during f, without those of
// scripts and those that requests do not wait for.
func monitor(t *testing.T, servers []*throwaway.RedisServer, f func()) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lines := make(chan string, 1000)
	for _, server := range servers {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // ends the goroutine
		if _, err := conn.Write([]byte("MONITOR\r\n")); err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(conn)
		if !scanner.Scan() || scanner.Text() != "+OK" { // from here on it reports
			t.Fatalf("MONITOR: %q, %v", scanner.Text(), scanner.Err())
		}
		go func() {
			for scanner.Scan() {
				select {
				case lines <- scanner.Text():
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	// A marker shows that a server has reported everything before it.
	marked := func(marker string, of int) (seen []string) {
		for of > 0 {
			select {
			case line := <-lines:
				if strings.Contains(line, marker) {
					of--
				} else {
					seen = append(seen, line)
				}
			case <-ctx.Done():
				t.Fatal("the monitor is silent")
			}
		}
		return seen
	}
	mark := func(marker string) {
		for _, server := range servers {
			client := redis.NewClient(&redis.Options{Addr: server.Addr(), DisableIdentity: true})
			if err := client.Echo(ctx, marker).Err(); err != nil {
				t.Fatal(err)
			}
			_ = client.Close()
		}
	}
	mark("begin-mark")
	marked("begin-mark", len(servers))
	f()
	mark("end-mark")
	var commands []string
	for _, line := range marked("end-mark", len(servers)) {
		text := strings.ToLower(line)
		background := strings.Contains(text, " lua] ")
		for _, name := range []string{"info", "ping", "publish", "subscribe", "hello", "client", "select", "cluster", "monitor", "command", "role"} {
			background = background || strings.Contains(text, `] "`+name+`"`)
		}
		if !background {
			commands = append(commands, line)
		}
	}
	return commands
}
