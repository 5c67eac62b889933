package throwaway

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"sync"
	"testing"
)

// sharedServers holds the servers that live as long as the test binary.
type sharedServers struct {
	mu       sync.Mutex
	main     bool // Main will remove the servers
	postgres *PostgresServer
	err      error // the result of the only attempt to start Postgres
}

// shared is the only variable of this package, because the tests of a binary
// share nothing else.
var shared sharedServers

// Main runs the tests, then stops and removes every shared server. It returns
// the exit code:
//
//	func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }
func Main(m *testing.M) int {
	shared.mu.Lock()
	shared.main = true
	shared.mu.Unlock()
	code := m.Run()
	if err := shared.remove(); err != nil {
		fmt.Fprintln(os.Stderr, "throwaway:", err)
		return max(code, 1)
	}
	return code
}

// Postgres returns the URL of a new empty database on a server that the test
// binary shares and that starts at first use. After the test the database is
// dropped, even if clients are still connected. The server does not sync: it
// survives no crash. The URL makes pgx wait for as long as a machine may stall.
func Postgres(tb testing.TB) string {
	tb.Helper()
	binary := LookPath(tb, "postgres", "postgresql")
	p, err := shared.startedPostgres(binary)
	if err != nil {
		tb.Fatalf("throwaway postgres: %v", err)
	}
	address := p.Database(tb)
	tb.Cleanup(func() {
		u, err := url.Parse(address)
		if err == nil {
			err = p.exec("DROP DATABASE " + path.Base(u.Path) + " WITH (FORCE)")
		}
		if err != nil {
			tb.Errorf("throwaway postgres: drop database: %v", err)
		}
	})
	return address + stalls
}

// stalls is the end of a URL that prevents waits for locks from timing out on a
// slow machine.
const stalls = "&connect_timeout=60&statement_timeout=60000&lock_timeout=60000"

func (s *sharedServers) startedPostgres(binary string) (*PostgresServer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.main {
		return nil, fmt.Errorf("TestMain must call throwaway.Main, or the server would stay")
	}
	if s.postgres == nil && s.err == nil {
		s.postgres, s.err = startPostgres(binary, "", []string{
			"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200"})
	}
	return s.postgres, s.err
}

func (s *sharedServers) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postgres == nil {
		return nil
	}
	return s.postgres.s.remove()
}
