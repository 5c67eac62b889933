package throwaway

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// PgBouncer is a running PgBouncer in front of a database.
type PgBouncer struct {
	s   *server
	url *url.URL
}

// StartPgBouncer starts a PgBouncer for this test in front of the database at
// address, in a pool mode (session, transaction, statement), and stops it after
// the test. Further settings are lines of its configuration.
func StartPgBouncer(tb testing.TB, address, mode string, settings ...string) *PgBouncer {
	tb.Helper()
	p, err := startPgBouncer(LookPath(tb, "pgbouncer", "pgbouncer"), address, mode, settings)
	if err != nil {
		tb.Fatalf("throwaway pgbouncer: %v", err)
	}
	tb.Cleanup(func() {
		if err := p.s.remove(); err != nil {
			tb.Errorf("throwaway pgbouncer: %v", err)
		}
	})
	return p
}

// URL returns the URL of the database through PgBouncer, without parameters that
// PgBouncer would refuse.
func (p *PgBouncer) URL() string { return p.url.String() }

func startPgBouncer(binary, address, mode string, settings []string) (*PgBouncer, error) {
	to, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the database's URL cannot be parsed")
	}
	cred, err := postgresCredential() // it does not run as root
	if err != nil {
		return nil, err
	}
	dir, err := newDirectory("", cred)
	if err != nil {
		return nil, err
	}
	password, _ := to.User.Password()
	file := filepath.Join(dir.path, "pgbouncer.ini")
	users := filepath.Join(dir.path, "users.txt")
	s := &server{dir: dir, cred: cred}
	p := &PgBouncer{s: s}
	var configErr error
	s.argv = func(port int) []string {
		text := strings.Join(append([]string{
			"[databases]", fmt.Sprintf("%s = host=%s port=%s", path.Base(to.Path), to.Hostname(), to.Port()),
			"[pgbouncer]", "listen_addr = " + loopback, "listen_port = " + strconv.Itoa(port), "unix_socket_dir =",
			"auth_type = scram-sha-256", "auth_file = " + users, "pool_mode = " + mode,
		}, settings...), "\n") + "\n"
		configErr = errors.Join(writeOwned(file, text, s), writeOwned(users, fmt.Sprintf("%q %q\n", to.User.Username(), password), s))
		p.url = &url.URL{Scheme: "postgres", User: to.User, Host: s.addr(), Path: to.Path, RawQuery: "sslmode=disable"}
		return []string{binary, file}
	}
	s.ready = func(int) error { return errors.Join(configErr, p.ping()) }
	if err := s.launch(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return p, nil
}

func writeOwned(file, text string, s *server) error {
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return chown(file, s.cred)
}

func (p *PgBouncer) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), pgTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	_, err = conn.Exec(ctx, "SELECT 1")
	return errors.Join(err, conn.Close(ctx))
}
