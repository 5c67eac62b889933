package baseline

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"rekey/bench/internal/load"
	"rekey/bench/internal/seed"
	"rekey/internal/test/throwaway"
)

// swap is the UPDATE that a refresh needs and nothing else: one row by its
// primary key, with the same columns and conditions. A sum replaces the secrets
// that pgbench does not have.
const swap = `UPDATE bench_swap SET generation = generation + 1, previous_hash = secret_hash, secret_hash = sha256(secret_hash),
	rotated_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, retry_hash = sha256(previous_hash || secret_hash),
	issued_at = issued_at + 1, access_expires_at = LEAST(access_expires_at + 1, expires_at),
	refresh_expires_at = LEAST(refresh_expires_at + 1, expires_at), last_seen_at = last_seen_at + 1
	WHERE id = ('PREFIX' || lpad(to_hex(:n::int), 12, '0'))::uuid AND revoked_at IS NULL AND refresh_blacklisted_at IS NULL
	RETURNING id, generation;
`

// PGBench runs pgbench, Postgres' own benchmark.
type PGBench struct {
	path string
	url  string
	dir  string // for its scripts and logs
}

// NewPGBench finds pgbench, which will work in dir on the database at url.
func NewPGBench(url, dir string) (*PGBench, error) {
	path, err := throwaway.FindBinary("pgbench", "postgresql")
	return &PGBench{path: path, url: url, dir: dir}, err
}

// Fill creates pgbench's table: a copy of the sessions under another name.
func (b *PGBench) Fill(ctx context.Context, conn *pgx.Conn) error {
	var options *string
	err := conn.QueryRow(ctx, `SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = 'sessions'::regclass`).Scan(&options)
	if err != nil {
		return fmt.Errorf("reading the options of the sessions' table: %w", err)
	}
	statements := []string{`DROP TABLE IF EXISTS bench_swap`, `CREATE TABLE bench_swap (LIKE sessions INCLUDING ALL)`}
	if options != nil {
		statements = append(statements, `ALTER TABLE bench_swap SET (`+*options+`)`)
	}
	statements = append(statements, `INSERT INTO bench_swap SELECT * FROM sessions ORDER BY id`,
		`VACUUM ANALYZE bench_swap`)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("filling pgbench's table: %w", err)
		}
	}
	return nil
}

// Run runs pgbench with a number of clients, each on a row of its own. If rows
// is not 0, each swap picks one of rows at random.
func (b *PGBench) Run(ctx context.Context, clients, rows int, length time.Duration) (load.Outcome, error) {
	number := ":client_id"
	if rows > 0 {
		number = fmt.Sprintf("random(0, %d)", rows-1)
	}
	return b.run(ctx, number, clients, "-T", strconv.Itoa(max(1, int(length.Seconds()+0.5))))
}

// Rotate swaps one row n times in sequence without waiting for the disk, because
// only the table is of interest.
func (b *PGBench) Rotate(ctx context.Context, table string, number, n int) error {
	script := filepath.Join(b.dir, "rotate.sql")
	text := strings.NewReplacer("PREFIX", seed.SessionID(0)[:24], "bench_swap", table).Replace(swap)
	if err := os.WriteFile(script, fmt.Appendf(nil, "\\set n %d\n%s", number, text), 0o600); err != nil {
		return fmt.Errorf("writing a script: %w", err)
	}
	cmd := b.command(ctx, "-f", script, "-c", "1", "-t", strconv.Itoa(n))
	cmd.Env = append(cmd.Env, "PGOPTIONS=-c synchronous_commit=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgbench: %w: %s", err, out)
	}
	return nil
}

func (b *PGBench) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.path, append([]string{"-n", "-M", "prepared"}, args...)...)
	cmd.Dir = b.dir
	u, err := url.Parse(b.url)
	if err != nil {
		return cmd // pgbench will report that it cannot connect
	}
	password, _ := u.User.Password()
	cmd.Env = append(os.Environ(), "PGHOST="+u.Hostname(), "PGPORT="+u.Port(), "PGUSER="+u.User.Username(),
		"PGPASSWORD="+password, "PGDATABASE="+strings.TrimPrefix(u.Path, "/"))
	return cmd
}

func (b *PGBench) run(ctx context.Context, number string, clients int, args ...string) (load.Outcome, error) {
	script := filepath.Join(b.dir, "swap.sql")
	text := strings.Replace(swap, "PREFIX", seed.SessionID(0)[:24], 1)
	if err := os.WriteFile(script, []byte(`\set n `+number+"\n"+text), 0o600); err != nil {
		return load.Outcome{}, fmt.Errorf("writing a script: %w", err)
	}
	defer b.clean()
	cmd := b.command(ctx, append(args, "-f", script, "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(2, clients)), "-l")...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return load.Outcome{}, fmt.Errorf("pgbench: %w: %s", err, out)
	}
	o, err := b.latencies()
	o.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	rate, found := figure(string(out), `tps = ([0-9.]+)`)
	failed, _ := figure(string(out), `number of failed transactions: ([0-9]+)`)
	o.Elapsed = time.Second
	if found && rate > 0 { // a machine under load may complete nothing in a second
		o.Elapsed = time.Duration(float64(o.Done) / rate * float64(time.Second))
	}
	if failed > 0 {
		o.Errors = map[string]int{"failed": int(failed)}
	}
	return o, err
}

func figure(text, pattern string) (float64, bool) {
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if match == nil {
		return 0, false
	}
	value, err := strconv.ParseFloat(match[1], 64)
	return value, err == nil
}

func (b *PGBench) logs() []string {
	logs, _ := filepath.Glob(filepath.Join(b.dir, "pgbench_log.*"))
	return logs
}

func (b *PGBench) clean() {
	for _, path := range b.logs() {
		_ = os.Remove(path)
	}
}

// latencies reads pgbench's log: client, transaction, microseconds, ...
func (b *PGBench) latencies() (o load.Outcome, err error) {
	var took []time.Duration
	for _, path := range b.logs() {
		f, err := os.Open(path)
		if err != nil {
			return o, fmt.Errorf("reading pgbench's log: %w", err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if fields := strings.Fields(lines.Text()); len(fields) > 2 {
				us, _ := strconv.ParseFloat(fields[2], 64)
				took = append(took, time.Duration(us*float64(time.Microsecond)))
			}
		}
		_ = f.Close() // the file was only read
	}
	slices.Sort(took)
	o.Done, o.P50, o.P99 = len(took), load.Percentile(took, 50), load.Percentile(took, 99)
	return o, nil
}
