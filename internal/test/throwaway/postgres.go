package throwaway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	pgUser     = "rekey"
	maintenDB  = "postgres"
	pgTimeout  = time.Minute
	pgFastStop = syscall.SIGINT // "fast": ends sessions, writes a checkpoint
	optionsEnv = "POSTGRES_OPTIONS"
)

// PostgresServer is a running Postgres server. Its methods must be called from
// the test's goroutine; they fail the test that started it.
type PostgresServer struct {
	tb        testing.TB // nil for the shared one
	s         *server
	password  string
	databases atomic.Int64
}

// StartPostgres starts a durable Postgres server for this test and stops it
// after the test. args are added to the command line of postgres, such as "-c",
// "max_connections=20".
func StartPostgres(tb testing.TB, args ...string) *PostgresServer {
	tb.Helper()
	p, err := startPostgres(LookPath(tb, "postgres", "postgresql"), "", args)
	if err != nil {
		tb.Fatalf("throwaway postgres: %v", err)
	}
	p.tb = tb
	tb.Cleanup(func() {
		if err := p.s.remove(); err != nil {
			tb.Errorf("throwaway postgres: %v", err)
		}
	})
	return p
}

// URL returns the URL of the database "postgres", with the password of a
// superuser.
func (p *PostgresServer) URL() string { return p.url(maintenDB) }

// Database creates an empty database and returns its URL.
func (p *PostgresServer) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test_%d", p.databases.Add(1))
	if err := p.exec("CREATE DATABASE " + name + " TEMPLATE template0"); err != nil {
		tb.Fatalf("create database: %v", err)
	}
	return p.url(name)
}

// Stop stops the server with a fast shutdown, which disconnects sessions.
func (p *PostgresServer) Stop() { p.s.end(pgFastStop) }

// Kill kills the server and all its processes with SIGKILL.
func (p *PostgresServer) Kill() { p.s.kill() }

// Freeze stops the server and its backends by SIGSTOP: connections stay open, and
// nothing is answered. Thaw continues them.
func (p *PostgresServer) Freeze() { p.s.proc.signalAll(syscall.SIGSTOP) }

// Thaw continues a server after Freeze.
func (p *PostgresServer) Thaw() { p.s.proc.signalAll(syscall.SIGCONT) }

// Restart stops the server if it runs, and starts it again on the same port with
// its data. After Kill it recovers first.
func (p *PostgresServer) Restart() {
	p.tb.Helper()
	p.Stop()
	if err := p.s.start(); err != nil {
		p.tb.Fatalf("restart throwaway postgres: %v", err)
	}
}

func (p *PostgresServer) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(pgUser, p.password),
		Host: p.s.addr(), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// exec runs one statement in the maintenance database.
func (p *PostgresServer) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), pgTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// startPostgres creates a cluster with the initdb beside the given binary, and
// starts it.
func startPostgres(binary, parent string, args []string) (*PostgresServer, error) {
	args = append(strings.Fields(os.Getenv(optionsEnv)), args...) // the test's own come last and take precedence
	p, err := newPostgres(binary, parent, rand.Text(), args)
	if err != nil {
		return nil, err
	}
	if err := p.initdb(binary); err != nil {
		return nil, errors.Join(err, p.s.remove())
	}
	if err := p.s.launch(); err != nil {
		return nil, errors.Join(err, p.s.remove())
	}
	return p, nil
}

// newPostgres prepares a server without data.
func newPostgres(binary, parent, password string, args []string) (*PostgresServer, error) {
	cred, err := postgresCredential()
	if err != nil {
		return nil, err
	}
	dir, err := newDirectory(parent, cred)
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, cred: cred}
	p := &PostgresServer{s: s, password: password}
	s.argv = func(port int) []string {
		return append([]string{binary, "-D", dataDir(dir.path), "-p", strconv.Itoa(port),
			"-c", "listen_addresses=" + loopback, "-c", "unix_socket_directories="}, args...)
	}
	s.ready = func(int) error { return p.exec("SELECT 1") } // the password distinguishes our server from any other
	return p, nil
}

func dataDir(dir string) string { return filepath.Join(dir, "data") }

// initdb creates the cluster without syncing, because nothing kills it
// meanwhile.
func (p *PostgresServer) initdb(postgres string) error {
	pwfile := filepath.Join(p.s.dir.path, "password")
	if err := os.WriteFile(pwfile, []byte(p.password), 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	if err := chown(pwfile, p.s.cred); err != nil {
		return fmt.Errorf("hand over the password: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return p.run(ctx, postgres, "initdb", "-D", dataDir(p.s.dir.path),
		"--username="+pgUser, "--pwfile="+pwfile, "--auth=scram-sha-256",
		"--encoding=UTF8", "--no-locale", "--no-sync")
}

// run runs a program from the directory of postgres, as its user.
func (p *PostgresServer) run(ctx context.Context, postgres, program string, args ...string) error {
	binary, err := filepath.EvalSymlinks(postgres)
	if err != nil {
		return fmt.Errorf("find %s: %w", program, err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(binary), program), args...)
	cmd.Dir, cmd.SysProcAttr = p.s.dir.path, &syscall.SysProcAttr{Credential: p.s.cred}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// postgresCredential returns the user to run Postgres as if this process is
// root, which Postgres refuses: postgres, or else nobody. It returns nil if this
// process is not root.
func postgresCredential() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("postgres does not run as root: %w", err)
		}
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}
