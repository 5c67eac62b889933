package throwaway

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

func closing(t *testing.T, close func() error) {
	t.Helper()
	t.Cleanup(func() {
		if err := close(); err != nil {
			t.Error(err)
		}
	})
}

// TestPostgresServer_OpenStandby: after the primary was killed, the standby has
// everything that it had confirmed.
func TestPostgresServer_OpenStandby(t *testing.T) {
	LookPath(t, "postgres", "postgresql")
	primary, err := OpenPostgres("", "-c", "synchronous_standby_names=copy")
	if err != nil {
		t.Fatal(err)
	}
	closing(t, primary.Close)
	standby, err := primary.OpenStandby("copy", primary.Addr())
	if err != nil {
		t.Fatal(err)
	}
	closing(t, standby.Close)
	execute(t, primary.URL(), "CREATE TABLE kept AS SELECT 'here'::text AS v")
	primary.Kill()
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	execute(t, standby.URL(), "CREATE TABLE more(x int)")
	if got := query(t, standby.URL(), "SELECT v FROM kept"); got != "here" {
		t.Errorf("v = %q", got)
	}
	if err := errors.Join(primary.Start(), primary.Start()); err != nil {
		t.Errorf("starting twice: %v", err)
	}
}

func TestOpenProgram(t *testing.T) {
	redis := LookPath(t, "redis-server", "redis-server")
	p, err := OpenProgram(Program{
		Argv: func(dir string, port int) []string {
			return []string{redis, "--port", strconv.Itoa(port), "--dir", dir, "--save", ""}
		},
		Env:   func(string, int) []string { return []string{"MARK=here"} },
		Ready: func(_ context.Context, addr string) error { return dial(addr) },
	})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, p.Close)
	if env := p.s.proc.cmd.Env; !slices.Contains(env, "MARK=here") {
		t.Errorf("environment %q", env)
	}
	p.Signal(syscall.SIGKILL)
	<-p.Ended()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if err := dial(p.Addr()); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func dial(addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	return c.Close()
}
