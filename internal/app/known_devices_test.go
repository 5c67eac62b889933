package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// behindProxy are the settings of tests whose clients have many addresses.
func behindProxy() map[string]string {
	return map[string]string{"RATE_LIMITS": "on", "TRUSTED_PROXIES": "127.0.0.0/8"}
}

// attempt is the answer to a login or a sign-up.
type attempt struct {
	problem string // reason, or code with the field, or ""
	token   string
	device  string
}

// tryFrom sends a document with one field x from a network.
func (s *stack) tryFrom(network int, bearer, document string, variables map[string]any) (got attempt) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", network/250, network%250))
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	var answer struct {
		Data struct {
			X json.RawMessage // true for requestPasswordReset
		}
		Errors []struct {
			Extensions struct{ Code, Reason, Field string }
		}
	}
	s.send(req, &answer)
	var x struct {
		Token, Device string
		Tokens        struct{ Token, Device string } // of changePassword
	}
	_ = json.Unmarshal(answer.Data.X, &x)
	got.token, got.device = x.Token+x.Tokens.Token, x.Device+x.Tokens.Device
	s.sent(got.device) // must not be logged
	for _, e := range answer.Errors {
		if got.problem = e.Extensions.Reason; got.problem == "" {
			got.problem = strings.TrimSpace(e.Extensions.Code + " " + e.Extensions.Field)
		}
	}
	return got
}

const homeNetwork = 1000

func (s *stack) logInFrom(network int, email, password, device string) attempt {
	s.t.Helper()
	return s.tryFrom(network, "", `mutation($e: String!, $p: String!, $d: String) { x: login(input: {email: $e, password: $p, device: $d}) { token device } }`,
		map[string]any{"e": email, "p": password, "d": device})
}

func (s *stack) signUpFrom(network int, email string) attempt {
	s.t.Helper()
	got := s.tryFrom(network, "", `mutation($e: String!, $p: String!) { x: signUp(input: {name: "Ada", email: $e, password: $p}) { token device } }`,
		map[string]any{"e": email, "p": goodPassword})
	if got.problem != "" || got.device == "" {
		s.t.Fatalf("sign-up: %+v", got)
	}
	return got
}

func (s *stack) changeFrom(network int, bearer, current, device string) attempt {
	s.t.Helper()
	return s.tryFrom(network, bearer, `mutation($c: String!, $d: String) {
		x: changePassword(input: {currentPassword: $c, newPassword: "another fine horse", device: $d}) { tokens { token device } } }`,
		map[string]any{"c": current, "d": device})
}

// lockOut lets strangers guess from many networks until the account refuses them.
func (s *stack) lockOut(networks int, email string) {
	s.t.Helper()
	for i := range 200 {
		network := i % networks
		switch got := s.logInFrom(network, email, "wrong horse", ""); got.problem {
		case "INVALID_CREDENTIALS":
		case "RATE_LIMITED":
			if s.logInFrom(500+i, email, "wrong horse", "").problem == "RATE_LIMITED" {
				return
			}
		default:
			s.t.Fatalf("a guess: %+v", got)
		}
	}
	s.t.Fatal("guesses are not limited")
}

// TestKnownDevices_locked: while strangers use up the limit of an account, the
// owner's attempts on a known device and in a session are all accepted.
func TestKnownDevices_locked(t *testing.T) {
	for _, networks := range []int{16, 64, 192, 256} {
		t.Run(fmt.Sprint(networks), func(t *testing.T) {
			s := newStack(t, engines()[0], behindProxy())
			owner := s.signUpFrom(homeNetwork, "ada@example.com")
			s.lockOut(networks, "ada@example.com")
			if got := s.logInFrom(homeNetwork, "ada@example.com", goodPassword, ""); got.problem != "RATE_LIMITED" {
				t.Fatalf("the owner on a new device: %+v: the attack has no effect", got)
			}
			for i := range 25 {
				if got := s.logInFrom(homeNetwork+i, "ada@example.com", goodPassword, owner.device); got.problem != "" || got.device != owner.device {
					t.Fatalf("login %d on the known device: %+v", i+1, got)
				}
			}
			if networks > 16 { // the others differ in nothing
				return
			}
			for i := range 25 {
				if got := s.changeFrom(homeNetwork, owner.token, "wrong horse", owner.device); got.problem != "BAD_USER_INPUT currentPassword" {
					t.Fatalf("change of the password %d: %+v", i+1, got)
				}
			}
		})
	}
}

// TestKnownDevices_limits: a device's value has limits too, and is valid only for
// its account.
func TestKnownDevices_limits(t *testing.T) {
	s := newStack(t, engines()[0], behindProxy())
	owner := s.signUpFrom(homeNetwork, "ada@example.com")
	eve := s.signUpFrom(homeNetwork+1, "eve@example.com")
	t.Run("own budget", func(t *testing.T) {
		guesses := 0
		for s.logInFrom(homeNetwork, "ada@example.com", "wrong horse", owner.device).problem == "INVALID_CREDENTIALS" {
			guesses++
		}
		if guesses != 40 { // 30 of the device, then 10 of its network as of a stranger's
			t.Errorf("%d guesses on one device", guesses)
		}
		s.advance(5 * time.Second)
		if got := s.logInFrom(homeNetwork, "ada@example.com", goodPassword, owner.device); got.problem != "" {
			t.Errorf("after a while: %+v", got)
		}
	})
	t.Run("of another account, or none", func(t *testing.T) {
		s.advance(time.Hour)
		s.lockOut(64, "ada@example.com")
		s.lockOut(64, "nobody@example.com")
		for _, email := range []string{"ada@example.com", "nobody@example.com"} {
			for name, device := range map[string]string{"eve's": eve.device, "garbage": "x", "long": strings.Repeat("A", 10_000), "changed": owner.device[:71] + "."} {
				if got := s.logInFrom(900, email, goodPassword, device); got.problem != "RATE_LIMITED" {
					t.Errorf("%s with a value that is %s: %+v", email, name, got)
				}
			}
		}
	})
	t.Run("shared device", func(t *testing.T) {
		both := s.logInFrom(homeNetwork, "ada@example.com", goodPassword, strings.Join([]string{eve.device, owner.device}, "."))
		if both.problem != "" || both.device != owner.device+"."+eve.device {
			t.Errorf("%+v", both)
		}
	})
	t.Run("former password", func(t *testing.T) {
		now := s.logInFrom(homeNetwork, "ada@example.com", goodPassword, owner.device)
		renewed := s.changeFrom(homeNetwork, now.token, goodPassword, owner.device)
		if renewed.problem != "" || renewed.device == "" || renewed.device == owner.device {
			t.Fatalf("%+v", renewed)
		}
		if got := s.logInFrom(901, "ada@example.com", "another fine horse", owner.device); got.problem != "RATE_LIMITED" {
			t.Errorf("a device of the former password: %+v", got)
		}
		if got := s.logInFrom(homeNetwork, "ada@example.com", "another fine horse", renewed.device); got.problem != "" {
			t.Errorf("the device of the change: %+v", got)
		}
	})
}

// TestKnownDevices_flood: while strangers of many networks fill the queue for
// passwords, the login of a known device is the next one to be hashed.
func TestKnownDevices_flood(t *testing.T) {
	const networks = 192
	settings := behindProxy()
	settings["REQUEST_TIMEOUT"] = "0s" // a slow machine hashes the whole queue for longer
	s := newStack(t, engines()[0], settings)
	owner := s.signUpFrom(homeNetwork, "ada@example.com")
	next, hashing, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s.ports.hashing.pass = func() { // each hash waits for next, until the flood is over
		select {
		case hashing <- struct{}{}:
		case <-over:
			return
		}
		select {
		case <-next:
		case <-over:
		}
	}
	answers := make(chan string, networks)
	for i := range networks {
		go func() { answers <- s.logInFrom(i, fmt.Sprintf("user%d@example.com", i), "wrong horse", "").problem }()
	}
	<-hashing
	const replaced = networks - 1 - passwordQueue
	for range replaced {
		if problem := <-answers; problem != "RATE_LIMITED" {
			t.Fatalf("a stranger: %s", problem)
		}
	}
	for round := range 10 {
		s.awaitQueue(passwordQueue - round)
		done := make(chan attempt, 1)
		go func() { done <- s.logInFrom(homeNetwork, "ada@example.com", goodPassword, owner.device) }()
		s.awaitQueue(passwordQueue - round + 1)
		for range 2 { // a stranger's hash ends, then the owner's
			next <- struct{}{}
			<-hashing
		}
		if got := <-done; got.problem != "" {
			t.Fatalf("login %d: %+v", round+1, got)
		}
	}
	close(over)
	for range networks - replaced {
		if problem := <-answers; problem != "INVALID_CREDENTIALS" {
			t.Errorf("a stranger that waited: %s", problem)
		}
	}
}

// awaitQueue waits until so many passwords wait to be hashed.
func (s *stack) awaitQueue(n int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	for {
		_, waiting := s.ports.options.Passwords.Load()
		if waiting == n {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("%d wait, want %d", waiting, n)
		case <-time.After(time.Millisecond):
		}
	}
}
