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

	gosqlite "github.com/glebarez/go-sqlite"
	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
)

// sqliteReaders is how many connections read. WAL lets them read while the
// one writer writes.
const sqliteReaders = 4

// journalMode lets readers read while the writer writes. The file keeps it.
const journalMode = "journal_mode(WAL)"

// busyTimeout is how long SQLite waits for another process' write, in
// milliseconds.
const busyTimeout = "busy_timeout(3000)"

func openSQLite(ctx context.Context, o Options) (*Store, error) {
	if o.Path == "" {
		return nil, errors.New("neither a database URL nor a file is given")
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("find the database file: %w", err)
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
		return fmt.Errorf("make the database's directory: %w", err)
	}
	if s.options.Exclusive {
		if s.claim, err = claim(ctx, s.options.Path); err != nil {
			return err
		}
	}
	made, err := createPrivately(s.options.Path)
	if err != nil {
		return err
	}
	if made { // a mistyped path would look like any other start
		s.options.logger().InfoContext(ctx, "a new, empty database was made", "path", s.options.Path)
	}
	if s.file, err = os.Stat(s.options.Path); err != nil {
		return fmt.Errorf("look at the database file: %w", err)
	}
	return s.openPools(journalMode, "synchronous(FULL)", "foreign_keys(1)")
}

// ErrFileGone is wrapped by Ping's error when SQLite's file was moved, deleted
// or replaced: the one that is open works on, and is lost with the process.
var ErrFileGone = errors.New("the database's file was moved, deleted or replaced while it was open")

// inPlace is ErrFileGone when the path does not lead to the file that is open.
// SQLite itself notices nothing.
func (s *Store) inPlace() error {
	if s.file == nil {
		return nil
	}
	there, err := os.Stat(s.options.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(s.file, there) {
		return fmt.Errorf("%w: %s", ErrFileGone, s.options.Path)
	}
	return nil // of other trouble the statements tell
}

// openPools opens the connections; pragmas are those of the one that writes.
func (s *Store) openPools(pragmas ...string) error {
	write, err := s.openPool(1, pragmas...)
	if err != nil {
		return err
	}
	s.begin, s.write = s.handle(write), s.handle(prepared(write))
	readers := []string{"query_only(1)"}
	if !s.options.ReadOnly {
		readers = append(readers, journalMode)
	}
	read, err := s.openPool(sqliteReaders, readers...)
	if err != nil {
		return err
	}
	s.read = s.handle(prepared(read))
	return nil
}

// createPrivately makes the file with a mode that SQLite would not choose,
// unless it is there; then it may be written to. SQLite gives -wal and -shm the
// mode of the main file.
func createPrivately(path string) (made bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	made = err == nil
	if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	}
	if err != nil {
		return false, fmt.Errorf("create the database file: %w", err)
	}
	return made, f.Close()
}

// openPool opens connections with the given pragmas. Transactions take the
// write lock at once: one that began by reading could not be upgraded.
func (s *Store) openPool(conns int, pragmas ...string) (*gorm.DB, error) {
	query := url.Values{
		"_pragma": append([]string{busyTimeout}, pragmas...),
		"_txlock": {"immediate"},
	}
	if s.options.ReadOnly {
		query.Set("mode", "rw") // and not made; rw for the files of a WAL
	}
	dsn := url.URL{Scheme: "file", Path: s.options.Path, RawQuery: query.Encode()}
	pool, err := sql.Open(sqlite.DriverName, dsn.String())
	if err != nil {
		return nil, fail("open the database", err)
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
	var engine *gosqlite.Error
	if errors.As(err, &engine) && !errors.As(translated, new(*gosqlite.Error)) {
		return fmt.Errorf("%w: %w", translated, engine)
	}
	return translated
}
