package store_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// connect opens a connection that is not the store's.
func connect(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// signUp stores a user with one session and returns the session's first rotation.
func signUp(t testing.TB, s *store.Store) (auth.User, auth.Rotation) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	end, idle := now.Truncate(time.Second).Add(24*time.Hour), now.Truncate(time.Second).Add(time.Hour)
	u := auth.User{ID: uuid.NewString(), Name: "Ada", EmailKey: uuid.NewString(), CreatedAt: now, UpdatedAt: now, PasswordHash: "x"}
	sess := auth.Session{
		ID: uuid.NewString(), UserID: u.ID, Generation: 1, SecretHash: auth.HashSecret("0"), CreatedAt: now, LastSeenAt: now,
		IssuedAt: now.Truncate(time.Second), AccessExpiresAt: idle, RefreshExpiresAt: idle, ExpiresAt: end,
	}
	if err := s.CreateUser(t.Context(), auth.NewAccount{User: u, Session: sess}, nil); err != nil {
		t.Fatalf("sign up: %v (%v)", err, auth.AsError(err).Err)
	}
	return u, auth.Rotation{
		SessionID: sess.ID, UserID: u.ID, Current: sess.SecretHash, Next: auth.HashSecret("0+"),
		Now: now, IssuedAt: sess.IssuedAt, ClockLeeway: time.Hour, AccessExpiresAt: idle, RefreshExpiresAt: idle,
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", IPAddress: "192.0.2.7",
	}
}

// rotateTimes rotates one session several times, a second apart.
func rotateTimes(t *testing.T, s *store.Store, r auth.Rotation, times int) {
	t.Helper()
	for range times {
		st, err := s.Rotate(t.Context(), r)
		if err != nil {
			t.Fatalf("rotate: %v (%v)", err, auth.AsError(err).Err)
		}
		r.Current, r.Next = r.Next, auth.HashSecret(string(r.Next[:]))
		r.Now, r.IssuedAt = r.Now.Add(time.Second), r.IssuedAt.Add(time.Second)
		r.AccessExpiresAt, r.RefreshExpiresAt = r.AccessExpiresAt.Add(time.Second), r.RefreshExpiresAt.Add(time.Second)
		if st.Session.SecretHash != r.Current {
			t.Fatal("the session has another secret than the rotation's")
		}
	}
}

// A rotation updates the row in place and changes no index.
func TestStore_PostgresHOT(t *testing.T) {
	const rotations = 200
	address := throwaway.Postgres(t)
	// One connection, which reports its statistics when the store closes.
	s, err := store.Open(t.Context(), store.Options{URL: address, MaxOpenConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, r := signUp(t, s)
	rotateTimes(t, s, r, rotations)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := connect(t, address)
	var all, hot int
	eventually(t, func() bool {
		err := db.QueryRow(`SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sessions'`).Scan(&all, &hot)
		return err == nil && all >= rotations
	})
	if hot < all*95/100 {
		t.Errorf("%d of %d updates were HOT", hot, all)
	}
}

// eventually waits until the condition is true.
func eventually(t *testing.T, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the condition did not become true")
		}
	}
}

// Connections that the server closed are replaced. At most the statements that used
// them fail, with CodeUnavailable.
func TestStore_PostgresHeals(t *testing.T) {
	t.Parallel()
	server := throwaway.StartPostgres(t)
	address := server.Database(t)
	s := open(t, store.Options{URL: address, MaxOpenConns: 4})
	_, r := signUp(t, s)
	rotateTimes(t, s, r, 3)
	for name, cut := range map[string]func(){
		"Terminated": func() {
			if _, err := connect(t, address).Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rekey'`); err != nil {
				t.Fatal(err)
			}
		},
		"Restarted": server.Restart,
		"Killed":    func() { server.Kill(); server.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			cut()
			failures := 0
			eventually(t, func() bool {
				_, err := s.SessionState(t.Context(), r.SessionID, r.Current)
				if err != nil && auth.AsError(err).Code != auth.CodeUnavailable {
					t.Fatalf("error is %v, want UNAVAILABLE", err)
				}
				failures++
				return err == nil
			})
			_, other := signUp(t, s)
			rotateTimes(t, s, other, 3)
			t.Logf("worked at try %d", failures)
		})
	}
	t.Run("Down", func(t *testing.T) {
		server.Stop()
		for name, call := range map[string]func() error{
			"Ping":   func() error { return s.Ping(t.Context()) },
			"Rotate": func() error { _, err := s.Rotate(t.Context(), r); return err },
			"Login":  func() error { _, _, err := s.UserByEmailKey(t.Context(), "x"); return err },
			"Open":   func() error { _, err := store.Open(t.Context(), store.Options{URL: address}); return err },
		} {
			if err := call(); err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
				t.Errorf("%s: error is %v, want UNAVAILABLE", name, err)
			}
		}
		server.Restart()
	})
}

// Only rotations of a locked row wait for it, not others that arrive at the same
// time.
func TestStore_PostgresRowHeld(t *testing.T) {
	const others = 24
	address := throwaway.Postgres(t)
	patient := withOption(address, "lock_timeout=60000 -c statement_timeout=60000")
	s := open(t, store.Options{URL: patient, Timeout: time.Minute})
	_, held := signUp(t, s)
	tx, err := connect(t, address).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing once committed
	if _, err := tx.Exec(`SELECT 1 FROM sessions FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	late := make(chan error, 4)
	for range cap(late) {
		go func() { _, err := s.Rotate(t.Context(), held); late <- err }()
	}
	done := make(chan error, others)
	for range others {
		_, r := signUp(t, s)
		go func() { _, err := s.Rotate(t.Context(), r); done <- err }()
	}
	for range others {
		if err := <-done; err != nil {
			t.Errorf("rotate: %v (%v)", err, auth.AsError(err).Err)
		}
	}
	select {
	case err := <-late:
		t.Errorf("the row is locked, but its rotation ended: %v", err)
	default:
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	won := 0
	for range cap(late) {
		if err := <-late; err == nil {
			won++
		} else if !errors.Is(err, auth.ErrMovedOn) {
			t.Errorf("rotate: %v (%v)", err, auth.AsError(err).Err)
		}
	}
	if won != 1 {
		t.Errorf("%d of them succeeded, want one", won)
	}
}

// EndSessions waits for a login that locks the user's row, and revokes its session,
// even if the server's default is one snapshot for each transaction.
func TestStore_PostgresLoginCommitting(t *testing.T) {
	address := throwaway.Postgres(t)
	s := open(t, store.Options{URL: withOption(address, `default_transaction_isolation=repeatable\ read -c lock_timeout=60000 -c statement_timeout=60000`)})
	u, r := signUp(t, s)
	db := connect(t, address)
	login, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = login.Rollback() }() // does nothing once committed
	device := uuid.NewString()
	for _, statement := range []string{
		`SELECT 1 FROM users FOR SHARE`,
		`CREATE TEMP TABLE device ON COMMIT DROP AS SELECT * FROM sessions`,
		`UPDATE device SET id = '` + device + `'`,
		`INSERT INTO sessions SELECT * FROM device`,
	} {
		if _, err := login.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	var ids []string
	done := make(chan error, 1)
	go func() {
		var err error
		ids, err = s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: r.Now, RaiseEpoch: true}, nil)
		done <- err
	}()
	eventually(t, func() bool {
		var waiting int
		err := db.QueryRow(`SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting > 0
	})
	if err := login.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(ids, device) || !slices.Contains(ids, r.SessionID) {
		t.Errorf("ended %v, want both sessions", ids)
	}
}

// A locked row and a server that became read-only cause CodeUnavailable.
func TestStore_PostgresTrouble(t *testing.T) {
	address := throwaway.Postgres(t)
	s := open(t, store.Options{URL: withOption(address, "lock_timeout=100ms")})
	_, r := signUp(t, s)
	t.Run("RowLocked", func(t *testing.T) {
		tx, err := connect(t, address).Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		if _, err := tx.Exec(`SELECT 1 FROM sessions FOR UPDATE`); err != nil {
			t.Fatal(err)
		}
		_, err = s.Rotate(t.Context(), r)
		if err == nil || auth.AsError(err).Code != auth.CodeUnavailable || !errors.Is(err, auth.ErrNothingDone) {
			t.Errorf("error is %v, want UNAVAILABLE with ErrNothingDone", err)
		}
	})
	t.Run("ReadOnly", func(t *testing.T) {
		_, err := store.Open(t.Context(), store.Options{URL: withOption(address, "default_transaction_read_only=on")})
		if err == nil || auth.AsError(err).Code != auth.CodeUnavailable || store.WriteProblem(auth.Cause(err)) == "" {
			t.Errorf("error is %v, want UNAVAILABLE", err)
		}
	})
	t.Run("PoolExhausted", func(t *testing.T) {
		small := open(t, store.Options{URL: address, MaxOpenConns: 1})
		u, _ := signUp(t, small)
		_, err := small.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, BeforeCommit: func(ctx context.Context, _ []string) error {
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			_, err := small.Now(ctx)
			return err
		}}, nil)
		if err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
			t.Errorf("error is %v, want UNAVAILABLE", err)
		}
	})
	rotateTimes(t, s, r, 1) // nothing was consumed
}

func TestOpen_PostgresSettings(t *testing.T) {
	address := bare(throwaway.Postgres(t))
	for name, test := range map[string]struct{ url, want string }{
		"Default": {address, "5s 3s rekey"},
		"URL":     {address + "&statement_timeout=7000&lock_timeout=1000&application_name=mine", "7s 1s mine"},
		"Options": {withOption(address, "statement_timeout=9s"), "9s 3s rekey"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, store.Options{URL: test.url, DatabaseClock: `(SELECT (
				current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') || ' ' ||
				current_setting('application_name') = '` + test.want + `')::int)`})
			if got, err := s.Now(t.Context()); err != nil || got.UnixMicro() != 1 {
				t.Errorf("the settings are not %q (%v)", test.want, err)
			}
		})
	}
}

func TestOpen_PostgresBadURL(t *testing.T) {
	for _, url := range []string{
		"mysql://u:hunter2@h/d", "host=h password=hunter2", "postgres://u:hun#ter2@h:port/d", "postgres://u:hunter2%zz@h/d",
		"postgres://u:hunter2@127.0.0.1:1/d?sslmode=nonsense",
		"postgres://u:hunter2@127.0.0.1:1/d?default_query_exec_mode=exec", "postgres://u:hunter2@127.0.0.1:1/d?default_query_exec_mode=simple_protocol",
	} {
		s, err := store.Open(t.Context(), store.Options{URL: url})
		if err == nil {
			t.Errorf("Open succeeded; close: %v", s.Close())
			continue
		}
		for ; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(err.Error(), "ter2") {
				t.Errorf("the error contains the password: %v", err)
			}
		}
	}
}

func TestStore_PostgresClock(t *testing.T) {
	wantClock(t, open(t, store.Options{URL: throwaway.Postgres(t)}))
}
