package outbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/glebarez/sqlite"
	_ "github.com/jackc/pgx/v5/stdlib"

	"rekey/internal/auth"
	"rekey/internal/keyring"
	"rekey/internal/outbox"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }

const secretLink = "https://example.com/#token=very-secret-token"

// mailer records what it sends. fail returns the error of an attempt; nil: all
// succeed.
type mailer struct {
	off  bool
	mu   sync.Mutex
	sent []string // ids
	fail func(id string, m auth.Mail) error
}

func (m *mailer) Configured() bool { return !m.off }

func (m *mailer) Send(_ context.Context, id string, mail auth.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(id, mail); err != nil {
			return err
		}
	}
	m.sent = append(m.sent, id)
	return nil
}

func (m *mailer) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sent)
}

// fixture is an outbox in a real database.
type fixture struct {
	*store.Store
	t      *testing.T
	sealer *keyring.Sealer
	mailer mailer
	log    lockedBuffer
	driver string
	dsn    string
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func onEngines(t *testing.T, test func(t *testing.T, f *fixture)) {
	path := filepath.Join(t.TempDir(), "rekey.db")
	for driver, o := range map[string]store.Options{"sqlite": {Path: path}, "pgx": {}} {
		t.Run(driver, func(t *testing.T) {
			f := &fixture{t: t, driver: driver, dsn: "file:" + path}
			if driver == "pgx" {
				o.URL = throwaway.Postgres(t)
				f.dsn = o.URL
			}
			o.Timeout = time.Minute
			var err error
			if f.Store, err = store.Open(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			})
			if _, err := f.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.sealer = keyring.NewSealer(keyring.MasterKey{Key: strings.Repeat("a1", 32)}, t.TempDir(), false)
			test(t, f)
			for _, secret := range []string{"very-secret-token", "ada@example.com", "12345678"} {
				if strings.Contains(f.log.String(), secret) {
					t.Errorf("the log contains %q:\n%s", secret, f.log.String())
				}
			}
		})
	}
}

// add writes a mail and returns its id.
func (f *fixture) add(m auth.Mail) string {
	f.t.Helper()
	m.To, m.At = "ada@example.com", time.Now()
	sealed, err := auth.SealMail(f.sealer, "", m, m.At)
	if err != nil {
		f.t.Fatal(err)
	}
	e := auth.Event{Kind: auth.EventPasswordChanged, At: m.At, Mails: []auth.SealedMail{sealed}}
	if err := f.Record(f.t.Context(), e); err != nil {
		f.t.Fatal(err)
	}
	return sealed.ID
}

func (f *fixture) worker(holder string) *outbox.Worker {
	return outbox.New(outbox.Options{
		Outbox: f.Store, Sealer: f.sealer, Mailer: &f.mailer, Holder: holder, Logger: slog.New(slog.NewTextHandler(&f.log, nil)),
	})
}

// run runs workers until the condition holds.
func (f *fixture) run(until func() bool, workers ...*outbox.Worker) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for _, w := range workers {
		ticks := make(chan time.Time)
		wg.Go(func() { w.Run(ctx, ticks) })
		wg.Go(func() {
			for ctx.Err() == nil {
				select {
				case ticks <- time.Time{}:
				case <-ctx.Done():
				}
			}
		})
	}
	for !until() && ctx.Err() == nil {
		<-time.After(5 * time.Millisecond)
	}
	if ctx.Err() != nil {
		f.t.Error("the workers did not do it within a minute")
	}
	cancel()
	wg.Wait()
}

func (f *fixture) mails() []auth.QueuedMail {
	f.t.Helper()
	mails, err := f.Mails(f.t.Context(), auth.MailQuery{Limit: 1000})
	if err != nil {
		f.t.Fatal(err)
	}
	return mails
}

func (f *fixture) backlog() auth.MailBacklog {
	f.t.Helper()
	b, err := f.MailBacklog(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// until returns how long a mail waits for its next attempt, by the database's
// clock.
func (f *fixture) until(m auth.QueuedMail) time.Duration {
	f.t.Helper()
	now, err := f.Now(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return m.SendAfter.Sub(now)
}

func (f *fixture) exec(statement string) {
	f.t.Helper()
	db, err := sql.Open(f.driver, f.dsn)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(f.t.Context(), statement); err != nil {
		f.t.Fatal(err)
	}
}

// TestWorker_Race: several workers send each mail once.
func TestWorker_Race(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		const mails, workers = 30, 6
		ids := map[string]bool{}
		for range mails {
			ids[f.add(auth.Mail{Kind: auth.MailPasswordChanged})] = true
		}
		var list []*outbox.Worker
		for i := range workers {
			list = append(list, f.worker(fmt.Sprint("worker ", i)))
		}
		f.run(func() bool { return f.backlog().Waiting == 0 }, list...)
		if len(f.mailer.sent) != mails {
			t.Errorf("%d mails were sent, want %d", len(f.mailer.sent), mails)
		}
		for _, id := range f.mailer.sent {
			if !ids[id] {
				t.Errorf("mail %s was sent twice, or is unknown", id)
			}
			delete(ids, id)
		}
		var sent uint64
		for _, w := range list {
			sent += w.Counts()[outbox.Result{Kind: auth.MailPasswordChanged, Outcome: outbox.Sent}]
		}
		if sent != mails {
			t.Errorf("counted %d", sent)
		}
	})
}

// TestWorker_Retry: a failed attempt is repeated after a pause that grows, and the
// stored reason is valid text, whatever a server answers.
func TestWorker_Retry(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		f.mailer.fail = func(string, auth.Mail) error {
			return errors.New("451 greylisted \x00\xff" + strings.Repeat("é", 600))
		}
		id := f.add(auth.Mail{Kind: auth.MailPasswordChanged})
		w := f.worker("one")
		failed := func(n uint64) func() bool {
			return func() bool {
				return w.Counts()[outbox.Result{Kind: auth.MailPasswordChanged, Outcome: outbox.Failed}] == n
			}
		}
		f.run(failed(1), w)
		first := f.mails()[0]
		if first.Tries != 1 || !strings.HasPrefix(first.LastError, "451 greylisted ??") || len(first.LastError) > 500 {
			t.Errorf("after an attempt: %+v", first)
		}
		if wait := f.until(first); wait > 7*time.Second {
			t.Errorf("the next attempt is in %v", wait)
		}
		f.exec(`UPDATE mails SET send_after = 0, tries = 6`)
		f.run(failed(2), w)
		if wait := f.until(f.mails()[0]); wait < time.Minute || wait > 15*time.Minute {
			t.Errorf("after 7 attempts the next is in %v", wait)
		}
		f.mailer.fail = nil
		f.exec(`UPDATE mails SET send_after = 0`)
		f.run(func() bool { return f.backlog().Waiting == 0 }, w)
		if len(f.mailer.sent) != 1 || f.mailer.sent[0] != id {
			t.Errorf("sent %q, want %s", f.mailer.sent, id)
		}
	})
}

// TestWorker_Dead: a refused mail and an expired one become dead letters. One that
// contained a secret is erased; the database never shows any.
func TestWorker_Dead(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		f.mailer.fail = func(_ string, m auth.Mail) error {
			if m.Kind == auth.MailLogin {
				return errors.New("421 try later")
			}
			return fmt.Errorf("550 no such mailbox: %w", auth.ErrMailRefused)
		}
		inform := f.add(auth.Mail{Kind: auth.MailPasswordChanged})
		reset := f.add(auth.Mail{Kind: auth.MailResetPassword, Link: secretLink, ExpiresAt: time.Now().Add(time.Hour)})
		login := f.add(auth.Mail{Kind: auth.MailLogin, Code: "12345678", ExpiresAt: time.Now().Add(time.Hour)})
		for _, m := range f.mails() {
			if bytes.Contains(m.Sealed.Text, []byte("very-secret-token")) || bytes.Contains(m.Sealed.Text, []byte("12345678")) {
				t.Errorf("the waiting mail %s shows its secret", m.ID)
			}
		}
		w := f.worker("one")
		f.run(func() bool { return f.backlog().Dead == 2 }, w)
		f.run(func() bool { return w.Counts()[outbox.Result{Kind: auth.MailLogin, Outcome: outbox.Failed}] > 0 }, w)
		f.exec(`UPDATE mails SET send_after = 0, expires_at = 1 WHERE kind = 'login'`)
		f.run(func() bool { return f.backlog().Dead == 3 }, w)
		if b := f.backlog(); b.Waiting != 0 || w.Backlog() != b {
			t.Errorf("backlog %+v, the worker's %+v", b, w.Backlog())
		}
		for _, m := range f.mails() {
			want := map[string]struct {
				erased bool
				reason string
			}{inform: {false, "550"}, reset: {true, "550"}, login: {true, "expired after 1 attempts; the last error: 421"}}[m.ID]
			if m.DeadAt == nil || (m.Sealed.Text == nil) != want.erased || !strings.HasPrefix(m.LastError, want.reason) {
				t.Errorf("dead letter %+v, want %+v", m, want)
			}
		}
		if f.mailer.count() != 0 {
			t.Errorf("sent %q", f.mailer.sent)
		}
	})
}

// TestWorker_MasterKey: a worker without the master key of a mail leaves it to the
// others, and sends it once it has the key.
func TestWorker_MasterKey(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		f.add(auth.Mail{Kind: auth.MailPasswordChanged})
		first, second := strings.Repeat("a1", 32), strings.Repeat("b2", 32)
		f.sealer = keyring.NewSealer(keyring.MasterKey{Key: second}, t.TempDir(), false)
		w := f.worker("one")
		f.run(func() bool {
			return w.Counts()[outbox.Result{Kind: auth.MailPasswordChanged, Outcome: outbox.Failed}] == 1
		}, w)
		if m := f.mails()[0]; m.DeadAt != nil || !strings.Contains(m.LastError, "another master key") {
			t.Errorf("mail %+v", m)
		}
		f.exec(`UPDATE mails SET send_after = 0`)
		f.sealer = keyring.NewSealer(keyring.MasterKey{Key: second, Previous: first}, t.TempDir(), false)
		f.run(func() bool { return f.mailer.count() == 1 }, f.worker("two"))
	})
}

// TestWorker_Stop: a worker that is stopped finishes its attempt and releases the
// lease.
func TestWorker_Stop(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		f.add(auth.Mail{Kind: auth.MailPasswordChanged})
		f.add(auth.Mail{Kind: auth.MailPasswordChanged})
		ctx, cancel := context.WithCancel(t.Context())
		f.mailer.fail = func(string, auth.Mail) error { cancel(); return nil }
		f.worker("one").Run(ctx, make(chan time.Time))
		if n, b := f.mailer.count(), f.backlog(); n != 1 || b.Waiting != 1 || b.Due != 1 {
			t.Errorf("%d sent, backlog %+v", n, b)
		}
		if _, _, err := f.ClaimMail(t.Context(), "two", time.Minute); err != nil {
			t.Errorf("the lease is still held: %v", err)
		}
	})
}

// TestWorker_Wake: a mail is sent without a tick.
func TestWorker_Wake(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		w, done := f.worker("one"), make(chan struct{})
		go func() { defer close(done); w.Run(ctx, make(chan time.Time)) }()
		for i := range 3 {
			f.add(auth.Mail{Kind: auth.MailPasswordChanged})
			w.Wake()
			for f.mailer.count() <= i {
				<-time.After(time.Millisecond)
			}
		}
		cancel()
		<-done
	})
}

// TestWorker_Off: without settings of mail, a worker counts mails and claims none.
func TestWorker_Off(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		f.mailer.off = true
		f.add(auth.Mail{Kind: auth.MailPasswordChanged})
		w := f.worker("one")
		f.run(func() bool { return w.Backlog().Waiting == 1 }, w)
		if m := f.mails()[0]; m.Tries != 0 {
			t.Errorf("%d attempts", m.Tries)
		}
	})
}
