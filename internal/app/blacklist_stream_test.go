package app

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

type blacklistEvent struct {
	Kind, Reason               string
	SessionID, SecretHash, Use *string
	IssuedBefore               *time.Time
	At, EffectiveAt, ExpiresAt time.Time
}

// resourceServer refuses access tokens by the events that it received, as the schema
// describes.
type resourceServer struct {
	*following
	known []blacklistEvent
	since string // the at of the last heartbeat
}

func (s *stack) apiKey(name string) string {
	s.t.Helper()
	return s.keyFor(name, auth.ScopeBlacklistRead)
}

func (s *stack) keyFor(name string, scopes ...auth.Scope) string {
	s.t.Helper()
	key, _, err := s.app.streams.keys.Create(s.t.Context(), name, scopes)
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

func (s *stack) resourceServer(key, since string) *resourceServer {
	s.t.Helper()
	variables := map[string]any{}
	if since != "" {
		variables["since"] = since
	}
	return &resourceServer{following: s.followSocket(http.Header{"X-Api-Key": {key}}, blacklistDocument, variables), since: since}
}

// receive reads up to a heartbeat, or to an event with the reason, if given.
func (r *resourceServer) receive(reason string) blacklistEvent {
	r.t.Helper()
	for late := time.Now().Add(patience); ; { // heartbeats may continue forever
		var e blacklistEvent
		r.next(&e)
		if time.Now().After(late) {
			r.t.Fatalf("it did not receive %q, only %+v", reason, r.known)
		}
		if e.Kind == "HEARTBEAT" {
			r.since = e.At.UTC().Format(time.RFC3339Nano)
			if reason == "" {
				return e
			}
			continue
		}
		r.known = append(r.known, e)
		if e.Reason == reason {
			return e
		}
	}
}

func (r *resourceServer) refuses(token string, now time.Time) bool {
	r.t.Helper()
	var claims struct {
		Iat  int64
		User struct{ Auth struct{ ID, Token string } }
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(claims.User.Auth.Token))
	hash := hex.EncodeToString(sum[:])
	for _, e := range r.known {
		whole := e.SecretHash == nil && e.IssuedBefore == nil
		same := e.SecretHash != nil && *e.SecretHash == hash
		older := e.IssuedBefore != nil && time.Unix(claims.Iat, 0).Before(*e.IssuedBefore)
		if *e.SessionID == claims.User.Auth.ID && (e.Use == nil || *e.Use == "ACCESS") && (whole || same || older) && !now.Before(e.EffectiveAt) {
			return true
		}
	}
	return false
}

// agrees fails unless the follower and the core judge the same of a token.
func (r *resourceServer) agrees(s *stack, tokens ...string) {
	r.t.Helper()
	for i, token := range tokens {
		if judged := s.access(token); r.refuses(token, s.clock()) != (judged != "") {
			r.t.Errorf("token %d: the core says %q, the follower refuses: %v", i, judged, judged == "")
		}
	}
}

// A follower judges access tokens as the core does, whether it was there or
// came later.
func TestBlacklistEvents(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			s.keepPosted(fast)
			key := s.apiKey("orders")
			r := s.resourceServer(key, "")
			first := r.receive("")
			rotated, loggedOut, single, untouched := s.signUp("ada@example.com"), s.login("ada@example.com"), s.login("ada@example.com"), s.login("ada@example.com")
			s.advance(2 * time.Second)
			next := s.mustRefresh(rotated.refresh)
			e := r.receive("rotated")
			if e.Kind != "ROTATED" || e.EffectiveAt.Sub(e.At).Round(time.Second) != 10*time.Second || !e.ExpiresAt.After(e.At.Add(15*time.Minute)) {
				t.Errorf("%+v", e)
			}
			all := []string{rotated.access, next.access, loggedOut.access, single.access, untouched.access}
			r.agrees(s, all...) // within the overlap
			s.advance(10*time.Second + time.Millisecond)
			r.agrees(s, all...)
			s.logout(loggedOut.access)
			if e := r.receive("logout"); e.Kind != "SESSION_REVOKED" {
				t.Errorf("%+v", e)
			}
			s.blacklist(single.access, single.access)
			if e := r.receive("blacklisted"); e.Kind != "TOKEN_BLACKLISTED" || *e.Use != "ACCESS" {
				t.Errorf("%+v", e)
			}
			r.agrees(s, all...)

			late := s.resourceServer(key, first.At.UTC().Format(time.RFC3339Nano))
			late.receive("")
			late.agrees(s, all...)
			if len(late.known) != 3 {
				t.Errorf("the past is %+v", late.known)
			}
			s.advance(18 * time.Minute) // all of these tokens have expired, by every clock
			late = s.resourceServer(key, first.At.UTC().Format(time.RFC3339Nano))
			if late.receive(""); len(late.known) > 0 {
				t.Errorf("it received events of expired tokens: %+v", late.known)
			}
		})
	}
}

// What Redis does not carry is found in the database.
func TestBlacklistEvents_withoutRedis(t *testing.T) {
	here, there, redis := twoReplicas(t, fast)
	key := here.apiKey("orders")
	r := there.resourceServer(key, "")
	r.receive("")
	t0, t1 := here.signUp("ada@example.com"), here.login("ada@example.com")
	redis.Kill()
	here.advance(2 * time.Second)
	n1 := here.mustRefresh(t0.refresh)
	here.advance(2 * time.Second)
	n2 := here.mustRefresh(n1.refresh)
	here.logout(t1.access)
	// Between heartbeats time passes, so that looks are due.
	for beats := 0; !r.refuses(n1.access, here.clock()) || !r.refuses(t1.access, here.clock()); {
		var e blacklistEvent
		if r.next(&e); e.Kind != "HEARTBEAT" {
			r.known = append(r.known, e)
			continue
		}
		if beats++; beats > 60 {
			t.Fatalf("it received only %+v", r.known)
		}
		here.advance(5 * time.Second)
	}
	// Of the two rotations the database shows the last; the first token is
	// older than that.
	r.agrees(here, t0.access, n1.access, n2.access, t1.access)
}

// Heartbeats go on, and a new start from the last one leaves nothing out.
func TestBlacklistEvents_heartbeat(t *testing.T) {
	s := newStack(t, engines()[1], nil)
	s.keepPosted(fast)
	key := s.apiKey("orders")
	r := s.resourceServer(key, "")
	r.receive("")
	t0 := s.signUp("ada@example.com")
	s.advance(time.Minute)
	s.logout(t0.access)
	r.receive("logout")
	r.receive("")
	r.stop()
	again := s.resourceServer(key, r.since)
	again.receive("")
	again.agrees(s, t0.access)
}

// Pages of the past are read as the follower reads: none is left out of many,
// whether or not looks into the database find the same meanwhile.
func TestBlacklistEvents_manyPages(t *testing.T) {
	for name, every := range map[string]time.Duration{"alone": time.Hour, "between looks": fast} {
		t.Run(name, func(t *testing.T) { manyPages(t, every) })
	}
}

func manyPages(t *testing.T, every time.Duration) {
	s := newStack(t, engines()[1], nil)
	s.keepPosted(every)
	s.signUp("ada@example.com")
	const many = 4000
	s.exec(fmt.Sprintf(`INSERT INTO sessions SELECT gen_random_uuid(), user_id, generation, secret_hash, secret_hash, created_at + n %% 3,
		retry_hash, issued_at, access_expires_at, refresh_expires_at, expires_at, user_agent, ip_address, created_at, last_seen_at,
		NULL, created_at + n %% 7, 'logout' FROM sessions, generate_series(1, %d) n`, many))
	for name, open := range streamTransports() {
		f := open(s, http.Header{"X-Api-Key": {s.apiKey("orders")}}, blacklistDocument, map[string]any{"since": "2026-03-01T11:00:00Z"})
		revoked, rotated := map[string]bool{}, map[string]bool{}
		for {
			var e blacklistEvent
			if f.next(&e); e.Kind == "HEARTBEAT" {
				break
			}
			map[string]map[string]bool{"SESSION_REVOKED": revoked, "ROTATED": rotated}[e.Kind][*e.SessionID] = true
		}
		if len(revoked) != many || len(rotated) != many {
			t.Errorf("%s: %d revoked, %d rotated, want %d", name, len(revoked), len(rotated), many)
		}
		f.stop()
	}
}

// Only a good key opens the feed, and a stream ends with its key.
func TestBlacklistEvents_keys(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	s.keepPosted(fast)
	key := s.apiKey("orders")
	mine := s.signUp("ada@example.com")
	for name, tt := range map[string]struct{ header, value, want string }{
		"none":         {"X-Other", "x", "TOKEN_MISSING"},
		"access token": {"Authorization", "Bearer " + mine.access, "TOKEN_MISSING"},
		"unknown":      {"X-Api-Key", "rk_00000000_" + strings.Repeat("0", 64), "TOKEN_INVALID"},
		"altered":      {"X-Api-Key", key[:len(key)-1] + map[bool]string{true: "1", false: "0"}[key[len(key)-1] == '0'], "TOKEN_INVALID"},
		"upper case":   {"X-Api-Key", strings.ToUpper(key), "TOKEN_INVALID"},
		"cut":          {"X-Api-Key", key[:len(key)-1], "TOKEN_INVALID"},
	} {
		f := s.followEvents(http.Header{tt.header: {tt.value}}, blacklistDocument, nil)
		if reason, _ := f.end(); reason != tt.want {
			t.Errorf("%s: %q, want %q", name, reason, tt.want)
		}
	}
	s.followEvents(http.Header{"Authorization": {"Bearer " + key}}, sessionDocument, nil).ends("TOKEN_INVALID", 0)
	streams := []*following{
		s.followSocket(bearer(key), blacklistDocument, nil), // either header does
		s.followEvents(http.Header{"X-Api-Key": {key}}, blacklistDocument, nil),
	}
	for _, f := range streams {
		var e blacklistEvent
		f.next(&e)
	}
	s.app.streams.keys.Wait()
	if s.number(`SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL`) != 1 {
		t.Error("its use is not noted")
	}
	if n := s.number(fmt.Sprintf(`SELECT count(*) FROM api_keys WHERE instr(hex(hash), '%s') > 0`, strings.ToUpper(key[12:]))); n != 0 {
		t.Error("the key is stored")
	}
	prefix := strings.Split(key, "_")[1]
	if ended, err := s.app.streams.keys.Revoke(t.Context(), prefix); err != nil || !ended {
		t.Fatal(ended, err)
	}
	for _, f := range streams {
		f.ends("TOKEN_INVALID", 4401)
	}
	s.followEvents(http.Header{"X-Api-Key": {key}}, blacklistDocument, nil).ends("TOKEN_INVALID", 0)
}
