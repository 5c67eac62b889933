package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
)

// sqliteReaders is the number of connections that read.
const sqliteReaders = 4

// journalMode lets readers read while the writer writes. The file keeps it.
const journalMode = "journal_mode(WAL)"

const (
	// busyTimeout is how long SQLite waits for a write of another process, in
	// milliseconds. A context does not interrupt this wait, so it is brief, and
	// retry repeats it.
	busyTimeout = 250
	// busyTries is how often a statement waits: 3 s in total.
	busyTries = 12
)

func openSQLite(ctx context.Context, o Options) (*Store, error) {
	if o.Path == "" {
		return nil, errors.New("neither a database URL nor a file is given")
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("finding the database file: %w", err)
	}
	o.Path = path
	s := &Store{dialect: sqliteDialect(), options: o}
	if err := s.openFiles(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openFiles(ctx context.Context) (err error) {
	if s.options.ReadOnly {
		return s.openPools("query_only(1)", "synchronous(FULL)", "foreign_keys(1)")
	}
	if err := os.MkdirAll(filepath.Dir(s.options.Path), 0o700); err != nil {
		return fmt.Errorf("creating the database's directory: %w", err)
	}
	if s.options.Exclusive {
		if s.claim, err = claim(ctx, s.options.Path); err != nil {
			return err
		}
	}
	created, err := createPrivately(s.options.Path)
	if err != nil {
		return err
	}
	if created { // a mistyped path would otherwise look like any other start
		s.options.logger().InfoContext(ctx, "created a new, empty database", "path", s.options.Path)
	}
	if s.file, err = os.Stat(s.options.Path); err != nil {
		return fmt.Errorf("inspecting the database file: %w", err)
	}
	return s.openPools(journalMode, "synchronous(FULL)", "foreign_keys(1)")
}

// ErrFileGone is wrapped by Ping's error if SQLite's file was moved, deleted or
// replaced. The open file still works, but its content is lost when the process
// ends.
var ErrFileGone = errors.New("the database's file was moved, deleted or replaced while it was open")

// openPools opens the connections. The pragmas are for the one that writes.
func (s *Store) openPools(pragmas ...string) error {
	write, err := s.openPool(1, pragmas...)
	if err != nil {
		return err
	}
	s.begin, s.write = s.handle(write), s.prepared(write)
	readers := []string{"query_only(1)"}
	if !s.options.ReadOnly {
		readers = append(readers, journalMode)
	}
	read, err := s.openPool(sqliteReaders, readers...)
	if err != nil {
		return err
	}
	s.read = s.prepared(read)
	return nil
}

// createPrivately creates the file, unless it exists, with a mode that only its
// owner can read, which SQLite would not do. It checks that an existing file is
// writable. SQLite gives -wal and -shm the mode of the main file.
func createPrivately(path string) (created bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	created = err == nil
	if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	}
	if err != nil {
		return false, fmt.Errorf("creating the database file: %w", err)
	}
	return created, f.Close()
}

// openPool opens connections with the given pragmas. Transactions take the
// write lock when they begin: one that began by reading could not be upgraded.
func (s *Store) openPool(conns int, pragmas ...string) (*gorm.DB, error) {
	query := url.Values{
		"_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busyTimeout)}, pragmas...),
		"_txlock": {"immediate"},
	}
	if s.options.ReadOnly {
		query.Set("mode", "rw") // does not create the file, but may write the files of a WAL
	}
	path := filepath.ToSlash(s.options.Path)
	if !strings.HasPrefix(path, "/") { // it begins with a drive of Windows
		path = "/" + path
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	pool, err := sql.Open(sqlite.DriverName, dsn.String())
	if err != nil {
		return nil, fail("opening the database", err)
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	s.pools = append(s.pools, pool)
	return attach(sqliteDialector{sqlite.Dialector{Conn: pool}}, s.options)
}

// sqliteDialector keeps the engine's error beside GORM's translation, which
// alone does not say which constraint was violated.
type sqliteDialector struct{ sqlite.Dialector }

// Translate is called by GORM for every error (TranslateError).
func (d sqliteDialector) Translate(err error) error {
	translated := d.Dialector.Translate(err)
	var engine sqliteErr
	if errors.As(err, &engine) && !errors.As(translated, new(sqliteErr)) {
		return fmt.Errorf("%w: %w", translated, engine)
	}
	return translated
}
