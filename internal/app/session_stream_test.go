package app

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rekey/internal/test/throwaway"
)

type sessionEvent struct {
	Kind, Reason, UserAgent, IPAddress string
	Generation                         int
	ExpiresAt                          *time.Time
}

// eachTransport runs a test on engines through every transport.
func eachTransport(t *testing.T, engines []engine, run func(t *testing.T, s *stack, follow func(header http.Header) *following)) {
	for _, e := range engines {
		for name, open := range streamTransports() {
			t.Run(e.name+"/"+name, func(t *testing.T) {
				s := newStack(t, e, nil)
				s.keepPosted(fast)
				run(t, s, func(header http.Header) *following { return open(s, header, sessionDocument, nil) })
			})
		}
	}
}

// TestSessionEvents_requestTimeout: a stream stays open beyond the time limit of
// requests.
func TestSessionEvents_requestTimeout(t *testing.T) {
	const limit = 200 * time.Millisecond
	for name, open := range streamTransports() {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, engines()[0], nil)
			s.app.cfg.RequestTimeout = limit
			srv := httptest.NewServer(s.app.handler())
			t.Cleanup(srv.Close) // after the streams have ended
			s.keepPosted(fast)
			mine := s.signUp("ada@example.com")
			f := open(&stack{t: t, url: srv.URL, app: s.app}, bearer(mine.access), sessionDocument, nil)
			s.awaitFollowers(1)
			<-time.After(2 * limit)
			s.mustRefresh(mine.refresh)
			var e sessionEvent
			if f.next(&e); e.Kind != "ROTATED" {
				t.Errorf("after the limit: %+v", e)
			}
		})
	}
}

// TestSessionEvents: a client receives the changes of its session, from login to
// logout.
func TestSessionEvents(t *testing.T) {
	eachTransport(t, engines(), func(t *testing.T, s *stack, follow func(http.Header) *following) {
		t0 := s.signUp("ada@example.com")
		other := s.login("ada@example.com")
		f := follow(bearer(t0.access))
		s.awaitFollowers(1)
		var e sessionEvent
		t1 := s.mustRefresh(t0.refresh)
		refreshGraphQL(s, other.refresh, "") // another session's is not ours to know
		f.next(&e)
		if e.Kind != "ROTATED" || e.Generation != 2 {
			t.Errorf("after a refresh: %+v", e)
		}
		s.advance(10*time.Second + time.Millisecond) // the overlap
		f.ends("TOKEN_BLACKLISTED", 4403)

		f = follow(bearer(t1.access))
		s.awaitFollowers(1)
		s.logout(t1.access)
		f.next(&e)
		if e.Kind != "REVOKED" || e.Reason != "logout" || e.Generation != 2 {
			t.Errorf("after a logout: %+v", e)
		}
		f.ends("SESSION_REVOKED", 4401)
		follow(bearer(t1.access)).ends(refusedReason(f, "SESSION_REVOKED"), 4401)
	})
}

// refusedReason returns the reason of a refused stream. A WebSocket that is not
// acknowledged has only its status.
func refusedReason(f *following, reason string) string {
	if strings.HasSuffix(f.t.Name(), "/WebSocket") {
		return ""
	}
	return reason
}

// awaitFollowers waits until there are n streams of sessions: they receive every
// change from then on.
func (s *stack) awaitFollowers(n int) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if s.app.streams.hub.Followers() >= n {
			return
		}
		<-time.After(time.Millisecond)
	}
	s.t.Fatal("nobody follows")
}

func TestSessionEvents_expiry(t *testing.T) {
	eachTransport(t, engines()[:1], func(t *testing.T, s *stack, follow func(http.Header) *following) {
		t0 := s.signUp("ada@example.com")
		f := follow(bearer(t0.access))
		s.awaitFollowers(1)
		end := expiry(t, t0.access)
		s.advance(end.Sub(s.clock()) - time.Minute)
		var e sessionEvent
		f.next(&e)
		if e.Kind != "TOKEN_EXPIRING" || e.ExpiresAt == nil || !e.ExpiresAt.Equal(end) {
			t.Errorf("%+v, want the expiry %v", e, end)
		}
		s.advance(end.Sub(s.clock()))
		f.ends("TOKEN_EXPIRED", 4403)
		follow(bearer(t0.access)).ends(refusedReason(f, "TOKEN_EXPIRED"), 4403)
	})
}

// TestSessionEvents_sessionEnd: the expiry of a session is reported as such, because a
// refresh would not help.
func TestSessionEvents_sessionEnd(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"SESSION_TTL": "2h", "REFRESH_TTL": "1h"})
	s.keepPosted(fast)
	t0 := s.signUp("ada@example.com")
	for range 2 {
		s.advance(55 * time.Minute)
		t0 = s.mustRefresh(t0.refresh)
	}
	f := s.followSocket(bearer(t0.access), sessionDocument, nil)
	s.awaitFollowers(1)
	s.advance(9*time.Minute + 30*time.Second)
	var e sessionEvent
	if f.next(&e); e.Kind != "SESSION_EXPIRING" {
		t.Errorf("%+v", e)
	}
}

func TestSessionEvents_blacklisted(t *testing.T) {
	eachTransport(t, engines()[:1], func(t *testing.T, s *stack, follow func(http.Header) *following) {
		t0 := s.signUp("ada@example.com")
		f := follow(bearer(t0.access))
		s.awaitFollowers(1)
		s.blacklist(t0.access, t0.access)
		f.ends("TOKEN_BLACKLISTED", 4403)
	})
}

// TestSessionEvents_refused: a client without a live access token gets the reason.
func TestSessionEvents_refused(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	s.keepPosted(fast)
	t0 := s.signUp("ada@example.com")
	for header, want := range map[string]string{"": "TOKEN_MISSING", "Bearer x": "TOKEN_INVALID", "Bearer " + t0.refresh: "TOKEN_INVALID"} {
		s.followEvents(http.Header{"Authorization": {header}}, sessionDocument, nil).ends(want, 0)
		s.followSocket(http.Header{"Authorization": {header}}, sessionDocument, nil).ends("", 4401)
		if line := regexp.MustCompile(`"request refused" transport=graphql close_code=4401 .* reason=` + want + ` request_id=`); !line.MatchString(s.log.String()) {
			t.Errorf("no line %s: %s", line, s.log)
		}
	}
}

// twoReplicas are on one Postgres and one Redis.
func twoReplicas(t *testing.T, second time.Duration) (here, there *stack, redis *throwaway.RedisServer) {
	redis = throwaway.Redis(t)
	e := engine{"", "pgx", func(t *testing.T) (map[string]string, string) {
		url := throwaway.Postgres(t)
		return map[string]string{"DATA_DIR": t.TempDir(), "DATABASE_URL": url, "REDIS_URL": redis.URL()}, url
	}}
	here = newStack(t, e, nil)
	there = here.sibling()
	here.keepPosted(second)
	there.keepPosted(second)
	return here, there, redis
}

// TestSessionEvents_replicas: the other replica reports a change at once, because no
// second passes here.
func TestSessionEvents_replicas(t *testing.T) {
	here, there, _ := twoReplicas(t, time.Hour)
	t0 := here.signUp("ada@example.com")
	f := there.followSocket(bearer(t0.access), sessionDocument, nil)
	there.awaitFollowers(1)
	t1 := here.mustRefresh(t0.refresh)
	var e sessionEvent
	if f.next(&e); e.Kind != "ROTATED" || e.Generation != 2 || e.IPAddress != "127.0.0.1" || !strings.HasPrefix(e.UserAgent, "Go-http-client") {
		t.Errorf("%+v", e)
	}
	here.logout(t1.access)
	if f.next(&e); e.Kind != "REVOKED" {
		t.Errorf("%+v", e)
	}
	f.ends("SESSION_REVOKED", 4401)
}

// TestSessionEvents_withoutRedis: without Redis a stream still receives every change,
// and ends within three seconds of the revocation. A busy machine gets ten tries.
func TestSessionEvents_withoutRedis(t *testing.T) {
	here, there, redis := twoReplicas(t, time.Second)
	here.signUp("ada@example.com")
	redis.Kill()
	took := time.Hour
	for range 10 {
		t0 := here.login("ada@example.com")
		f := there.followSocket(bearer(t0.access), sessionDocument, nil)
		there.awaitFollowers(1)
		t1 := here.mustRefresh(t0.refresh)
		var e sessionEvent
		if f.next(&e); e.Kind != "ROTATED" || e.Generation != 2 || e.IPAddress != "" {
			t.Errorf("%+v", e)
		}
		here.logout(t1.access)
		begun := time.Now()
		f.ends("SESSION_REVOKED", 4401)
		if took = time.Since(begun); took <= 3*time.Second {
			return
		}
	}
	t.Errorf("it took %s", took)
}

// TestSessionEvents_outage: an outage of the database ends no stream.
func TestSessionEvents_outage(t *testing.T) {
	s := newStack(t, engines()[1], nil)
	s.keepPosted(fast)
	t0 := s.signUp("ada@example.com")
	f := s.followSocket(bearer(t0.access), sessionDocument, nil)
	s.awaitFollowers(1)
	s.exec(`ALTER TABLE sessions RENAME TO elsewhere`)
	for range 2 { // longer than a check takes
		s.awaitLog("relation")
	}
	s.exec(`ALTER TABLE elsewhere RENAME TO sessions`)
	s.logout(t0.access)
	var e sessionEvent
	if f.next(&e); e.Kind != "REVOKED" {
		t.Errorf("%+v", e)
	}
}

// awaitLog waits until one more line has a word.
func (s *stack) awaitLog(word string) {
	s.t.Helper()
	count := func() int { return strings.Count(s.log.String(), word) }
	before := count()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if count() > before {
			return
		}
		<-time.After(time.Millisecond)
	}
	s.t.Fatalf("the log has no further line with %q", word)
}

func TestStreams_origin(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"CORS_ORIGINS": "https://app.example.com"})
	for origin, want := range map[string]int{"https://evil.example": http.StatusForbidden, "https://app.example.com": http.StatusSwitchingProtocols, s.url: http.StatusSwitchingProtocols} {
		conn, res, err := websocket.Dial(t.Context(), s.url+"/graphql", &websocket.DialOptions{
			Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}},
		})
		if res == nil || res.StatusCode != want {
			t.Errorf("%s: %v, %v", origin, res, err)
		}
		if conn != nil {
			_ = conn.CloseNow()
		}
	}
	s.keepPosted(fast) // waits for their end
}
