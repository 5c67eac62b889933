package throwaway

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func open(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func execute(t *testing.T, address, statement string) {
	t.Helper()
	db := open(t, address)
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func query(t *testing.T, address, q string) string {
	t.Helper()
	db := open(t, address)
	var got string
	if err := db.QueryRowContext(t.Context(), q).Scan(&got); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return got
}

func TestPostgres(t *testing.T) {
	LookPath(t, "postgres", "postgresql")
	var first string
	t.Run("databases are separate", func(t *testing.T) {
		first = Postgres(t)
		second := Postgres(t)
		execute(t, first, "CREATE TABLE t(x int)")
		if got := query(t, second, "SELECT count(*)::text FROM pg_tables WHERE tablename = 't'"); got != "0" {
			t.Errorf("table of the first database seen in the second: %s", got)
		}
	})
	t.Run("a database goes after its test, its connections too", func(t *testing.T) {
		other := Postgres(t)
		if first == other {
			t.Fatal("the same database twice")
		}
		name := first[strings.LastIndex(first, "/")+1 : strings.Index(first, "?")]
		if got := query(t, other, "SELECT count(*)::text FROM pg_database WHERE datname = '"+name+"'"); got != "0" {
			t.Errorf("database %s is still there", name)
		}
	})
}

func TestPostgresServer_Restart(t *testing.T) {
	LookPath(t, "postgres", "postgresql")
	var p *PostgresServer
	t.Run("data survives a kill", func(t *testing.T) {
		p = StartPostgres(t, "-c", "max_connections=20")
		execute(t, p.URL(), "CREATE TABLE kept AS SELECT 'here'::text AS v")
		p.Kill()
		p.Restart()
		if got := query(t, p.URL(), "SELECT v FROM kept"); got != "here" {
			t.Errorf("v = %q", got)
		}
		if got := query(t, p.URL(), "SELECT current_setting('fsync') || current_setting('max_connections')"); got != "on20" {
			t.Errorf("settings %q, want on20", got)
		}
		p.Restart()
		query(t, p.URL(), "SELECT v FROM kept")
	})
	gone(t, p.s)
}

func TestRedis(t *testing.T) {
	LookPath(t, "redis-server", "redis-server")
	var r *RedisServer
	t.Run("talk and restart", func(t *testing.T) {
		r = Redis(t, "--maxmemory-policy", "allkeys-lru")
		before := runID(t, r)
		r.Restart()
		if after := runID(t, r); after == before {
			t.Error("same run id after a restart")
		}
		r.Stop()
		r.Restart()
		runID(t, r)
	})
	gone(t, r.s)
}

func runID(t *testing.T, r *RedisServer) string {
	t.Helper()
	opts, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opts)
	defer func() { _ = c.Close() }()
	info, err := c.InfoMap(t.Context(), "server").Result()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := c.ConfigGet(t.Context(), "maxmemory-policy").Result()
	if err != nil || policy["maxmemory-policy"] != "allkeys-lru" {
		t.Errorf("policy %v, %v", policy, err)
	}
	return info["Server"]["run_id"]
}

func gone(t *testing.T, s *server) {
	t.Helper()
	if s == nil || s.proc == nil {
		t.Fatal("never started")
	}
	if alive(s.proc.pid()) {
		t.Errorf("process %d is still there", s.proc.pid())
	}
	if _, err := os.Stat(s.dir.path); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", s.dir.path, err)
	}
}

// TestMain_removes runs this test binary once more and looks at what it left.
func TestMain_removes(t *testing.T) {
	LookPath(t, "postgres", "postgresql")
	tmp, err := os.MkdirTemp("", "rekey-throwaway-main-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if err := os.Chmod(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPostgres$")
	self.Env = append(os.Environ(), "TMPDIR="+tmp)
	if out, err := self.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestProcess_parentDeath kills a test binary and looks whether its server
// went with it.
func TestProcess_parentDeath(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the parent-death signal is Linux only")
	}
	if os.Getenv("THROWAWAY_HANG") == "1" {
		Redis(t)
		_, _ = fmt.Fprintln(os.Stdout, "up")
		<-context.Background().Done()
	}
	LookPath(t, "redis-server", "redis-server")
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcess_parentDeath$")
	tmp := t.TempDir()
	parent.Env = append(os.Environ(), "THROWAWAY_HANG=1", "TMPDIR="+tmp)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	children := childrenOf(parent.Process.Pid)
	_ = parent.Process.Kill()
	_ = parent.Wait()
	if len(children) != 1 {
		t.Fatalf("children %v, want one redis-server", children)
	}
	dead := &process{done: make(chan struct{})}
	if err := dead.await(func() error {
		if alive(children[0]) {
			return os.ErrExist
		}
		return nil
	}); err != nil {
		t.Errorf("redis-server outlived the test binary: %v", err)
	}
	t.Setenv("TMPDIR", tmp)
	Redis(t)
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) != 1 {
		t.Errorf("what the killed one left was not removed: %v", left)
	}
}
