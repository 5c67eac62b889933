package throwaway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// OpenPostgres is [StartPostgres] for programs other than tests: it returns
// errors, and the caller closes the server. Such a program uses Start where a
// test uses Restart. The server's directory is created below parent; "" means
// the default.
func OpenPostgres(parent string, args ...string) (*PostgresServer, error) {
	binary, err := findBinary("postgres", "postgresql")
	if err != nil {
		return nil, err
	}
	return startPostgres(binary, parent, args)
}

// OpenStandby copies p and starts the copy as its hot standby under the name in
// synchronous_standby_names. It streams from upstream, host:port, which may be a
// proxy in front of p.
func (p *PostgresServer) OpenStandby(name, upstream string, args ...string) (*PostgresServer, error) {
	binary, err := findBinary("postgres", "postgresql")
	if err != nil {
		return nil, err
	}
	s, err := newPostgres(binary, "", p.password, args)
	if err != nil {
		return nil, err
	}
	if err := s.copyOf(p, binary, name, upstream); err != nil {
		return nil, errors.Join(err, s.s.remove())
	}
	if err := s.s.launch(); err != nil {
		return nil, errors.Join(err, s.s.remove())
	}
	return s, nil
}

// copyOf copies p into the empty data directory and makes it a standby.
func (p *PostgresServer) copyOf(of *PostgresServer, binary, name, upstream string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	data := dataDir(p.s.dir.path)
	if err := p.run(ctx, binary, "pg_basebackup", "-d", of.URL(), "-D", data, "-X", "stream", "-c", "fast", "--no-sync"); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(upstream)
	if err != nil {
		return fmt.Errorf("the address of the primary: %w", err)
	}
	conninfo := fmt.Sprintf("primary_conninfo = 'host=%s port=%s user=%s password=%s application_name=%s sslmode=disable'\n",
		host, port, pgUser, p.password, name)
	return errors.Join(
		p.give(filepath.Join(data, "standby.signal"), ""),
		p.give(filepath.Join(data, "postgresql.auto.conf"), conninfo))
}

// give writes a file that belongs to the server's user.
func (p *PostgresServer) give(path, content string) error {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return chown(path, p.s.cred)
}

// Promote promotes a standby to a primary and returns when it accepts writes.
func (p *PostgresServer) Promote() error {
	return p.Exec("SELECT pg_promote(true, 60)")
}

// Exec runs one statement in the maintenance database, as superuser.
func (p *PostgresServer) Exec(statement string) error { return p.exec(statement) }

// Start starts the server again after Stop or Kill. It does nothing if the
// server runs.
func (p *PostgresServer) Start() error { return p.s.startAgain() }

// Addr returns host:port, which stays the same after a restart.
func (p *PostgresServer) Addr() string { return p.s.addr() }

// PID returns the id of the server's first process.
func (p *PostgresServer) PID() int { return p.s.proc.pid() }

// LogFile returns the path of the server's log.
func (p *PostgresServer) LogFile() string { return p.s.logFile() }

// Close kills the server and removes its files.
func (p *PostgresServer) Close() error { return p.s.remove() }

// OpenRedis is [Redis] for programs other than tests.
func OpenRedis(args ...string) (*RedisServer, error) {
	binary, err := findBinary("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	return startRedis(binary, args)
}

// Start starts the server again after Stop or Kill, with the data that it saved.
func (r *RedisServer) Start() error { return r.s.startAgain() }

// Forget removes the saved data of a stopped server.
func (r *RedisServer) Forget() error {
	return os.RemoveAll(filepath.Join(r.s.dir.path, "dump.rdb"))
}

// Signal sends a signal such as SIGSTOP.
func (r *RedisServer) Signal(sig syscall.Signal) { r.s.signal(sig) }

// LogFile returns the path of the server's log.
func (r *RedisServer) LogFile() string { return r.s.logFile() }

// Close kills the server and removes its files.
func (r *RedisServer) Close() error { return r.s.remove() }

func (s *server) startAgain() error {
	if s.proc != nil && !s.proc.ended() {
		return nil
	}
	return s.start()
}

func (s *server) logFile() string { return filepath.Join(s.dir.path, logName) }

func (s *server) signal(sig syscall.Signal) {
	if s.proc != nil && !s.proc.ended() {
		_ = s.proc.cmd.Process.Signal(sig) // it may have ended in between
	}
}
