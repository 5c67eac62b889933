package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

const expiredSessions = 1200

// leaveExpired fills a database with sessions that expired long ago, and as many
// expired blacklisted tokens of the live session.
func leaveExpired(t *testing.T, db tableClock, userID string) {
	t.Helper()
	series := `(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n) AS n`
	// The id is a UUID that contains the number; all other required values are 1.
	db.exec(t, fmt.Sprintf(`INSERT INTO sessions (id, user_id, generation, secret_hash, issued_at, access_expires_at,
			refresh_expires_at, expires_at, user_agent, ip_address, created_at, last_seen_at, revoked_reason)
		SELECT %s, '%s', 1, %s, 1, 1, 1, 1, '', '', 1, 1, '' FROM `+series,
		uuidOf(db, "n.i"), userID, bytesOf(db, "n.i"), expiredSessions))
	db.exec(t, fmt.Sprintf(`INSERT INTO blacklisted_tokens (session_id, secret_hash, use, reason, blacklisted_at, expires_at)
		SELECT s.id, %s, 'access', '', 1, 1 FROM sessions s, `+series+` WHERE s.expires_at > 1`, bytesOf(db, "n.i"), expiredSessions))
}

func onPostgres(db tableClock) bool {
	return strings.Contains(fmt.Sprintf("%T", db.db.Driver()), "stdlib")
}

func uuidOf(db tableClock, number string) string {
	if onPostgres(db) {
		return `('00000000-0000-7000-8000-' || lpad((` + number + `)::text, 12, '0'))::uuid`
	}
	return `printf('00000000-0000-7000-8000-%012d', ` + number + `)`
}

func bytesOf(db tableClock, number string) string {
	if onPostgres(db) {
		return `decode(lpad((` + number + `)::text, 64, '0'), 'hex')`
	}
	return `CAST(printf('%032d', ` + number + `) AS BLOB)`
}

// Two replicas clean at the same time while a session is rotated: every expired
// row is deleted once, and no rotation fails.
func TestStore_CleanTogether(t *testing.T) {
	path, address := sqlitePath(t), throwaway.Postgres(t)
	for name, test := range map[string]struct {
		options store.Options
		db      func(t *testing.T) tableClock
	}{
		"SQLite": {store.Options{Path: path}, func(t *testing.T) tableClock {
			return newTableClock(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
		}},
		"Postgres": {store.Options{URL: address}, func(t *testing.T) tableClock { return newTableClock(t, "pgx", address) }},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t, test.options), open(t, test.options)
			u, r := signUp(t, a)
			leaveExpired(t, test.db(t), u.ID)
			var left sync.WaitGroup
			var over atomic.Bool
			rotations := make(chan int, 1)
			go func() {
				n := 0
				for ; !over.Load() && !t.Failed(); n++ {
					r = rotateOnce(t, b, r)
				}
				rotations <- n
			}()
			var gone atomic.Int64
			for _, s := range []*store.Store{a, b} {
				left.Go(func() { cleanUp(t, s, &gone) })
			}
			left.Wait()
			over.Store(true)
			t.Logf("%d rotations in the meantime", <-rotations)
			if n := gone.Load(); n != 2*expiredSessions {
				t.Errorf("%d rows were deleted, want %d", n, 2*expiredSessions)
			}
			if st, err := a.SessionState(t.Context(), r.SessionID, r.Current); err != nil || st.Session.SecretHash != r.Current {
				t.Errorf("the live session: %v", err)
			}
		})
	}
}

// cleanUp cleans in small batches until no expired row is left.
func cleanUp(t *testing.T, s *store.Store, gone *atomic.Int64) {
	for gone.Load() < 2*expiredSessions && !t.Failed() {
		n, err := s.Clean(t.Context(), 50)
		if err != nil {
			t.Errorf("clean: %v (%v)", err, auth.AsError(err).Err)
		}
		gone.Add(int64(n))
	}
}

// rotateOnce rotates and returns the next rotation.
func rotateOnce(t *testing.T, s *store.Store, r auth.Rotation) auth.Rotation {
	if _, err := s.Rotate(t.Context(), r); err != nil {
		t.Errorf("rotate: %v (%v)", err, auth.AsError(err).Err)
	}
	r.Current, r.Next = r.Next, auth.HashSecret(string(r.Next[:]))
	return r
}

// While one replica cleans, another finds nothing to do and does not wait.
func TestStore_PostgresCleanAlone(t *testing.T) {
	address := throwaway.Postgres(t)
	s := open(t, store.Options{URL: address})
	u, _ := signUp(t, s)
	leaveExpired(t, newTableClock(t, "pgx", address), u.ID)
	other, err := connect(t, address).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback() }() // does nothing once done
	if _, err := other.Exec(fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, int64(store.CleanLock))); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Clean(t.Context(), 10); err != nil || n != 0 {
		t.Errorf("%d rows were deleted while another replica cleans (%v)", n, err)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Clean(t.Context(), 10); err != nil || n != 20 {
		t.Errorf("%d rows were deleted afterwards, want 20 (%v)", n, err)
	}
}

// A failure to clean is logged with its cause, and KeepClean goes on.
func TestStore_KeepCleanFails(t *testing.T) {
	logged := make(lines, 8)
	wrong := slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelWarn})) // without the line about the new file
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "rekey.db"), Logger: wrong})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.KeepClean(ctx, time.Millisecond, time.Hour)
	for range 4 { // two rounds
		if line := <-logged; !strings.Contains(line, "deleting expired rows failed; will retry") || !strings.Contains(line, "closed") {
			t.Errorf("logged %q", line)
		}
	}
}

// lines is a log. It drops lines if they are not read in time.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}
