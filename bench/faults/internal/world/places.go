package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/jackc/pgx/v5"
)

// Place names a place where a client's secrets could be logged or stored.
type Place string

// The places.
const (
	Logs    Place = "logs"     // of the replicas, Postgres and Redis
	Metrics Place = "metrics"  // of the replicas
	Tables  Place = "database" // every table, row by row
	Keys    Place = "redis"    // every key, with its value
)

// Look calls see with the current text of every place and its name.
func (w *World) Look(ctx context.Context, see func(at Place, name string, text io.Reader) error) error {
	for name, path := range w.logs() {
		if err := lookIn(path, func(text io.Reader) error { return see(Logs, "the log of "+name, text) }); err != nil {
			return err
		}
	}
	for _, r := range w.Replicas {
		text, err := r.metrics(ctx)
		if err != nil {
			return err
		}
		if err := see(Metrics, fmt.Sprintf("the metrics of replica %d", r.Number), bytes.NewReader(text)); err != nil {
			return err
		}
	}
	if err := w.Database.look(ctx, func(table string, text io.Reader) error { return see(Tables, "table "+table, text) }); err != nil {
		return err
	}
	return w.Redis.look(ctx, func(node int, text io.Reader) error { return see(Keys, fmt.Sprintf("redis node %d", node), text) })
}

// logs returns the files that the servers write to, by name.
func (w *World) logs() map[string]string {
	logs := map[string]string{"postgres": w.Database.primary.LogFile()}
	for _, r := range w.Replicas {
		logs[fmt.Sprintf("replica %d", r.Number)] = r.LogFile()
	}
	for i, n := range w.Redis.nodes {
		logs[fmt.Sprintf("redis node %d", i)] = n.LogFile()
	}
	return logs
}

func lookIn(path string, see func(text io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening a log: %w", err)
	}
	return errors.Join(see(f), f.Close())
}

// metrics returns what a replica exports.
func (r *Replica) metrics(ctx context.Context) ([]byte, error) {
	text, status, err := fetch(ctx, http.MethodGet, "http://"+r.admin+"/metrics", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("metrics of replica %d: %w %d", r.Number, errStatus, status)
	}
	return text, err
}

// userTables selects all tables except Postgres' own.
const userTables = `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
	WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`

// look reads every table without a proxy. It shows bytes once as digits and once
// as text.
func (d *Database) look(ctx context.Context, see func(table string, text io.Reader) error) error {
	conn, end, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	rows, err := conn.Query(ctx, userTables)
	if err != nil {
		return fmt.Errorf("listing tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("listing tables: %w", err)
	}
	for _, output := range []string{"hex", "escape"} {
		if _, err := conn.Exec(ctx, "SET bytea_output = "+output); err != nil {
			return fmt.Errorf("reading bytes as %s: %w", output, err)
		}
		for _, table := range tables {
			var text bytes.Buffer
			if _, err := conn.PgConn().CopyTo(ctx, &text, "COPY "+table+" TO STDOUT"); err != nil {
				return fmt.Errorf("reading %s: %w", table, err)
			}
			if err := see(table, &text); err != nil {
				return err
			}
		}
	}
	return nil
}
