package world

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"rekey/internal/test/throwaway"
)

const standbyName = "copy"

// Database is a Postgres server, and its standby if it has one.
type Database struct {
	primary, standby *throwaway.PostgresServer
	link             *Proxy // the connection that the standby streams through
	args             []string
	name             string // of the database, if it is not the default
}

func openDatabase(o Options) (*Database, error) {
	if o.Shared == nil {
		return newDatabase(o.DataParent, o.Standby, o.PostgresArgs)
	}
	name := "bench_" + strings.ToLower(rand.Text())
	if err := o.Shared.primary.Exec("CREATE DATABASE " + name + " TEMPLATE template0"); err != nil {
		return nil, fmt.Errorf("making a database: %w", err)
	}
	return &Database{primary: o.Shared.primary, name: name}, nil
}

// OpenServer starts a Postgres server that worlds share and that need not
// survive anything.
func OpenServer() (*Database, error) {
	return newDatabase("", false, []string{"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=400"})
}

func newDatabase(parent string, standby bool, args []string) (*Database, error) {
	primary, err := throwaway.OpenPostgres(parent, args...)
	if err != nil {
		return nil, err
	}
	d := &Database{primary: primary, args: args}
	if !standby {
		return d, nil
	}
	if d.link, err = newProxy(primary.Addr()); err == nil {
		err = d.follow()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// follow creates a standby of the primary. The primary waits for the standby.
func (d *Database) follow() error {
	standby, err := d.primary.OpenStandby(standbyName, d.link.Addr(), append([]string{"-c", "wal_retrieve_retry_interval=200ms"}, d.args...)...)
	if err != nil {
		return fmt.Errorf("starting a standby: %w", err)
	}
	d.standby = standby
	return d.Synchronous(true)
}

// Synchronous sets whether commits wait for the standby.
func (d *Database) Synchronous(on bool) error {
	names := "''"
	if on {
		names = "'" + standbyName + "'"
	}
	return d.Set("synchronous_standby_names", names)
}

// Set changes a setting of the primary that needs no restart; value is SQL.
func (d *Database) Set(name, value string) error {
	if err := d.primary.Exec("ALTER SYSTEM SET " + name + " = " + value); err != nil {
		return err
	}
	return d.primary.Exec("SELECT pg_reload_conf()")
}

// logSwitches is the number of log segments that the primary may have in
// reserve.
const logSwitches = 8

// UseUpLog makes the primary begin new log segments until it fails.
func (d *Database) UseUpLog() {
	for range logSwitches {
		const little = `SELECT pg_logical_emit_message(false, 'bench', 'x'), pg_switch_wal()`
		if d.primary.Exec(little) != nil {
			return
		}
	}
}

// HoldBack cuts the standby off from the primary.
func (d *Database) HoldBack() { d.link.Refuse() }

// Kill kills the primary with SIGKILL.
func (d *Database) Kill() { d.primary.Kill() }

// Start starts the primary again.
func (d *Database) Start() error { return d.primary.Start() }

// Demote makes the primary refuse writes. It keeps its connections.
func (d *Database) Demote() error { return d.Set("default_transaction_read_only", "on") }

// Promote promotes the standby. The old primary must be dead; it is removed.
func (d *Database) Promote() error {
	closeOld, err := d.Supersede()
	if err != nil {
		return err
	}
	return closeOld()
}

// Supersede promotes the standby. The old primary continues to run until
// closeOld is called, which removes it.
func (d *Database) Supersede() (closeOld func() error, err error) {
	if err := d.standby.Promote(); err != nil {
		return nil, fmt.Errorf("promoting the standby: %w", err)
	}
	old := d.primary
	d.primary, d.standby = d.standby, nil
	return old.Close, nil
}

// Follow gives the primary a new standby.
func (d *Database) Follow() error {
	if err := d.link.Point(d.primary.Addr()); err != nil {
		return err
	}
	return d.follow()
}

// urlBy returns the database's URL through a proxy, or directly if p is nil.
func (d *Database) urlBy(p *Proxy) (string, error) {
	u, err := url.Parse(d.primary.URL())
	if err != nil {
		return "", errors.New("the database's URL cannot be read")
	}
	if p != nil {
		u.Host = p.Addr()
	}
	if d.name != "" {
		u.Path = "/" + d.name
	}
	return u.String(), nil
}

const queryTimeout = 10 * time.Second

// Row holds the state of a session in the database.
type Row struct {
	Generation int
	Revoked    bool
}

// Rows reads sessions by id, without a proxy.
func (d *Database) Rows(ctx context.Context) (map[string]Row, error) {
	conn, end, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	found, err := conn.Query(ctx, `SELECT id::text, generation, revoked_at IS NOT NULL FROM sessions`)
	if err != nil {
		return nil, fmt.Errorf("reading sessions: %w", err)
	}
	rows := map[string]Row{}
	var id string
	var row Row
	_, err = pgx.ForEachRow(found, []any{&id, &row.Generation, &row.Revoked}, func() error {
		rows[id] = row
		return nil
	})
	return rows, err
}

func (d *Database) version(ctx context.Context) (version string, err error) {
	conn, end, err := d.connect(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	err = conn.QueryRow(ctx, `SELECT split_part(current_setting('server_version'), ' ', 1)`).Scan(&version)
	return version, err
}

// connect connects without a proxy, for a limited time.
func (d *Database) connect(ctx context.Context) (_ *pgx.Conn, end func(), _ error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	address, err := d.urlBy(nil)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		cancel()
		return nil, nil, errors.New("the bench cannot reach the database")
	}
	return conn, func() {
		_ = conn.Close(ctx)
		cancel()
	}, nil
}

// Close stops and removes its servers.
func (d *Database) Close() error {
	var errs []error
	for _, s := range []*throwaway.PostgresServer{d.standby, d.primary} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	if d.link != nil {
		d.link.Close()
	}
	return errors.Join(errs...)
}
