package e2e

import (
	"strings"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// until waits until the process has printed a text.
func (p *process) until(t *testing.T, text string) {
	t.Helper()
	for deadline := time.After(patience); !strings.Contains(p.out.String(), text); {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-p.done:
			t.Fatalf("rekey ended before it said %q:\n%s", text, p.out)
		case <-deadline:
			t.Fatalf("rekey did not say %q:\n%s", text, p.out)
		}
	}
}

// TestStart_beforePostgres: a server that is started before its database waits
// for it, reports that, and then starts.
func TestStart_beforePostgres(t *testing.T) {
	server := throwaway.StartPostgres(t)
	env := map[string]string{"DATABASE_URL": server.URL(), "DATA_DIR": t.TempDir(), "DATABASE_WAIT": "10m"}
	server.Stop()
	migrate, serve := spawn(t, env, "migrate"), spawn(t, env)
	for _, p := range []*process{migrate, serve} {
		p.until(t, "does not answer yet")
	}
	server.Restart()
	if code := migrate.wait(); code != 0 || !strings.Contains(migrate.out.String(), "up to date") {
		t.Errorf("migrate: exit code %d:\n%s", code, migrate.out)
	}
	select {
	case serve.URL = <-serve.out.ready:
	case <-serve.done:
		t.Fatalf("serve ended:\n%s", serve.out)
	}
	signUp(t, httpClient(), serve.URL, "ada@example.com")
}

// TestStart_withoutPostgres: the wait is limited and ends with an error message.
func TestStart_withoutPostgres(t *testing.T) {
	server := throwaway.StartPostgres(t)
	server.Stop()
	for _, wait := range []string{"1s", "0s"} {
		env := map[string]string{"DATABASE_URL": server.URL(), "DATA_DIR": t.TempDir(), "DATABASE_WAIT": wait}
		for _, command := range []string{"serve", "migrate"} {
			p := spawn(t, env, command)
			code := p.wait()
			waited := strings.Contains(p.out.String(), "waited 1s for the database")
			if code != 4 || waited != (wait == "1s") || !strings.Contains(p.out.String(), "connection refused") {
				t.Errorf("%s with DATABASE_WAIT=%s: exit code %d:\n%s", command, wait, code, p.out)
			}
		}
	}
}
