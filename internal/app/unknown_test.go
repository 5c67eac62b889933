package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
)

// lossy is a store that loses the answers to swaps.
type lossy struct {
	auth.Store
	mu    sync.Mutex
	mode  loss
	stuck *auth.Rotation // the swap that lands late
}

type loss int

const (
	nothingLost loss = iota
	answerLost       // the swap commits; neither its answer nor the row can be read
	requestLost      // the swap is never executed, and nobody can find out
	delayed          // the swap commits after the row was read
)

func (l *lossy) lose(m loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mode = m
}

func (l *lossy) now() loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mode
}

func cut() error { return auth.Unavailable(errors.New("connection reset by peer")) }

func (l *lossy) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	switch l.now() {
	case answerLost:
		if _, err := l.Store.Rotate(ctx, r); err != nil {
			return auth.SessionState{}, err
		}
		return auth.SessionState{}, cut()
	case requestLost:
		return auth.SessionState{}, cut()
	case delayed:
		l.stuck = &r
		return auth.SessionState{}, cut()
	}
	return l.Store.Rotate(ctx, r)
}

func (l *lossy) SessionState(ctx context.Context, id string, secret auth.SecretHash) (auth.SessionState, error) {
	if m := l.now(); m == answerLost || m == requestLost {
		return auth.SessionState{}, cut()
	}
	return l.Store.SessionState(ctx, id, secret)
}

// lost is a play whose first refresh of a token gets no answer.
type lost struct {
	play
	store  *lossy
	tokens tokens
}

// told503 refreshes while answers are lost.
func (p lost) told503(m loss, key string) {
	p.t.Helper()
	p.store.lose(m)
	want := map[string]string{"GraphQL": "UNAVAILABLE", "REST": "503 Service Unavailable"}[p.d.name]
	if out := p.d.refresh(p.stack, p.tokens.refresh, key); out.problem != want {
		p.t.Fatalf("refresh: %q, want %q", out.problem, want)
	}
	p.store.lose(nothingLost)
}

// unknownOutcomes returns cases in which a client that received 503 retries with
// the same token.
func unknownOutcomes() map[string]struct {
	settings map[string]string
	run      func(p lost)
} {
	type test = struct {
		settings map[string]string
		run      func(p lost)
	}
	return map[string]test{
		"landed: the pair is handed out once, then the parent is a parent": {run: func(p lost) {
			p.told503(answerLost, "")
			p.generation(2)
			p.advance(time.Hour)
			t1 := p.rotate(p.tokens.refresh, "")
			p.generation(2)
			p.refused(p.tokens.refresh, "", "TOKEN_BLACKLISTED")
			p.advance(10 * time.Second)
			p.refused(p.tokens.refresh, "", "TOKEN_BLACKLISTED")
			p.events("refresh", 1)
			p.events("refresh_race", 2)
			t2 := p.rotate(t1.refresh, "")
			p.accessIs(t2.access, "")
			p.advance(20*time.Second + time.Millisecond)
			p.refused(p.tokens.refresh, "", "TOKEN_REUSED")
		}},
		"landed: after the window that follows, reuse": {run: func(p lost) {
			p.told503(answerLost, "")
			p.advance(time.Hour)
			t1 := p.rotate(p.tokens.refresh, "")
			p.advance(10*time.Second + time.Millisecond)
			p.refused(p.tokens.refresh, "", "TOKEN_REUSED")
			p.refused(t1.refresh, "", "SESSION_REVOKED")
		}},
		"not landed: rotated now": {run: func(p lost) {
			p.told503(requestLost, "")
			p.generation(1)
			p.rotate(p.tokens.refresh, "")
			p.generation(2)
			p.refused(p.tokens.refresh, "", "TOKEN_BLACKLISTED")
		}},
		"lost again and again": {run: func(p lost) {
			p.told503(requestLost, "")
			p.told503(answerLost, "")
			p.told503(answerLost, "")
			p.told503(requestLost, "")
			p.rotate(p.tokens.refresh, "")
			p.generation(2)
		}},
		"landed after everybody has looked": {run: func(p lost) {
			p.told503(delayed, "")
			p.generation(1)
			if _, err := p.store.Rotate(p.t.Context(), *p.store.stuck); err != nil {
				p.t.Fatal(err)
			}
			p.advance(time.Minute)
			p.rotate(p.tokens.refresh, "")
			p.generation(2)
		}},
		"another replica's swap landed, and its child was never delivered": {run: func(p lost) {
			p.told503(requestLost, "")
			p.ports.store.Store = p.store.Store
			p.rotate(p.tokens.refresh, "")
			p.ports.store.Store = p.store
			p.refused(p.tokens.refresh, "", "TOKEN_BLACKLISTED")
			p.advance(11 * time.Second)
			p.refused(p.tokens.refresh, "", "TOKEN_REUSED")
		}},
		"two at once: one gets the pair": {run: func(p lost) {
			p.told503(answerLost, "")
			p.advance(time.Minute)
			outcomes := make([]outcome, 2)
			p.ports.tokens.Tokens = newGate(p.ports.tokens.Tokens, len(outcomes))
			var wg sync.WaitGroup
			for i := range outcomes {
				wg.Go(func() { outcomes[i] = p.d.refresh(p.stack, p.tokens.refresh, "") })
			}
			wg.Wait()
			pairs := 0
			for _, out := range outcomes {
				switch out.problem {
				case "":
					pairs++
				case wording(p.d, "TOKEN_BLACKLISTED"):
				default:
					p.t.Errorf("refresh: %q", out.problem)
				}
			}
			if pairs != 1 {
				p.t.Errorf("%d got the pair", pairs)
			}
			p.events("refresh_reuse", 0)
		}},
		"session ended meanwhile": {run: func(p lost) {
			p.told503(answerLost, "")
			p.logout(p.tokens.access)
			p.refused(p.tokens.refresh, "", "SESSION_REVOKED")
		}},
		"user disabled meanwhile": {run: func(p lost) {
			p.told503(answerLost, "")
			if _, err := p.app.core.DisableUser(p.t.Context(), "ada@example.com", operator()); err != nil {
				p.t.Fatal(err)
			}
			p.refused(p.tokens.refresh, "", "USER_DISABLED")
		}},
		"RETRY_TTL passed": {settings: map[string]string{"RETRY_TTL": "1h"}, run: func(p lost) {
			p.told503(answerLost, "")
			p.advance(time.Hour + time.Second)
			p.refused(p.tokens.refresh, "", "TOKEN_REUSED")
		}},
		"the pair cannot be signed: left to the next try": {run: func(p lost) {
			p.told503(answerLost, "")
			signing := p.ports.tokens.Tokens
			p.ports.tokens.Tokens = mute{signing}
			if out := p.d.refresh(p.stack, p.tokens.refresh, ""); out.problem == "" {
				p.t.Fatal("refreshed")
			}
			p.ports.tokens.Tokens = signing
			p.rotate(p.tokens.refresh, "")
		}},
		"with a key: by the key, and by no other": {run: func(p lost) {
			p.told503(answerLost, key1)
			p.refused(p.tokens.refresh, "", "TOKEN_BLACKLISTED")
			p.refused(p.tokens.refresh, key2, "TOKEN_BLACKLISTED")
			p.advance(time.Hour)
			p.rotate(p.tokens.refresh, key1)
			p.generation(2)
		}},
		"no grace: delivered after it, and only once": {settings: map[string]string{"REFRESH_GRACE": "4s", "REFRESH_GRACE_REST": "4s"}, run: func(p lost) {
			p.told503(answerLost, "")
			p.advance(time.Hour)
			p.rotate(p.tokens.refresh, "")
			p.refused(p.tokens.refresh, "", "TOKEN_BLACKLISTED")
		}},
		"no grace: within it, delivered only once": {settings: map[string]string{"REFRESH_GRACE": "4s", "REFRESH_GRACE_REST": "4s"}, run: func(p lost) {
			p.told503(answerLost, "")
			p.rotate(p.tokens.refresh, "")
			p.refused(p.tokens.refresh, "", "TOKEN_BLACKLISTED")
		}},
		"the guard lets it pass until it was handed out": {run: func(p lost) {
			p.told503(answerLost, "")
			p.guard(p.tokens.refresh, http.StatusNotFound)
			p.rotate(p.tokens.refresh, "")
			p.guard(p.tokens.refresh, http.StatusInternalServerError)
		}},
	}
}

// mute signs nothing.
type mute struct{ auth.Tokens }

func (mute) Mint(auth.TokenUse, auth.Claims) (string, error) { return "", errors.New("no ink") }

// gate blocks the signing of access tokens until a number of requests wait for
// it: all of them have then read the row.
type gate struct {
	auth.Tokens
	here *sync.WaitGroup
}

func newGate(t auth.Tokens, n int) gate {
	g := gate{t, new(sync.WaitGroup)}
	g.here.Add(n)
	return g
}

func (g gate) Mint(use auth.TokenUse, c auth.Claims) (string, error) {
	if use == auth.UseAccess {
		g.here.Done()
		g.here.Wait()
	}
	return g.Tokens.Mint(use, c)
}

// guard sends a request to the legacy guard.
func (p lost) guard(token string, status int) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.url+"/auth/nowhere", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	var body struct{ Message string }
	if got := p.send(req, &body); got != status {
		p.t.Errorf("guard: %d %s, want %d", got, body.Message, status)
	}
}

func TestRefresh_unknownOutcome(t *testing.T) {
	for name, test := range unknownOutcomes() {
		for i, e := range engines()[:2] {
			for _, d := range transports()[i:] { // on Postgres, the transport whose clients have no keys
				t.Run(fmt.Sprintf("%s/%s/%s", name, e.name, d.name), func(t *testing.T) {
					t.Parallel()
					s := newStack(t, e, test.settings)
					l := &lossy{Store: s.ports.store.Store}
					s.ports.store.Store = l
					p := lost{play: play{s, d}, store: l, tokens: s.signUp("ada@example.com")}
					test.run(p)
				})
			}
		}
	}
}
