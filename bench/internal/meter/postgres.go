package meter

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres counts the work of a server. Writes counts transactions that changed
// something; each is a commit with a sync of its own. A single statement is a
// transaction, and BEGIN and COMMIT would count as statements.
type Postgres struct {
	CPU        time.Duration
	Statements int64
	Writes     int64
	WAL        int64 // bytes
}

// ReadPostgres reads the work of the server whose first process is pid. It
// counts the statements of the connection's database except the bench's own.
func ReadPostgres(ctx context.Context, conn *pgx.Conn, pid int) (p Postgres, err error) {
	err = conn.QueryRow(ctx, `SELECT /* bench */
		pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
		pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
		(SELECT coalesce(sum(s.calls), 0)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
			WHERE d.datname = current_database() AND s.query NOT LIKE '%/* bench */%')`).
		Scan(&p.WAL, &p.Writes, &p.Statements)
	if err != nil {
		return p, fmt.Errorf("reading what Postgres did: %w", err)
	}
	p.CPU, err = TreeCPU(pid)
	return p, err
}

// Since returns the work after an earlier reading.
func (p Postgres) Since(earlier Postgres) Postgres {
	return Postgres{
		CPU: p.CPU - earlier.CPU, Statements: p.Statements - earlier.Statements,
		Writes: p.Writes - earlier.Writes, WAL: p.WAL - earlier.WAL,
	}
}

// Table holds Postgres' statistics of a table.
type Table struct {
	Updates, HOT      int64
	Rows              int64
	TableBytes, Pages int64
	IndexBytes        int64
}

// ReadTable reads a table's statistics. Its updates are complete only after the
// connections that wrote them have ended.
func ReadTable(ctx context.Context, conn *pgx.Conn, name string) (t Table, err error) {
	err = conn.QueryRow(ctx, `SELECT /* bench */ n_tup_upd, n_tup_hot_upd, (SELECT count(*) FROM `+pgx.Identifier{name}.Sanitize()+`),
		pg_table_size(relid), pg_relation_size(relid) / current_setting('block_size')::bigint, pg_indexes_size(relid)
		FROM pg_stat_user_tables WHERE relname = $1`, name).
		Scan(&t.Updates, &t.HOT, &t.Rows, &t.TableBytes, &t.Pages, &t.IndexBytes)
	if err != nil {
		return t, fmt.Errorf("reading what a table is like: %w", err)
	}
	return t, nil
}
