package doctor_test

import (
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/config"
	"rekey/internal/doctor"
	"rekey/internal/keyring"
	"rekey/internal/redispool"
	"rekey/internal/store"
)

const day = 24 * time.Hour

func addrs(list ...string) (all []netip.Addr) {
	for _, a := range list {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

func settings(t *testing.T, vars map[string]string, env doctor.Environment) doctor.Report {
	t.Helper()
	cfg, err := config.Load(func(name string) string { return vars[name] })
	return doctor.Settings(cfg, err, env)
}

func postgres(change func(f *store.Facts)) doctor.Report {
	f := store.Facts{Version: "17", Schema: 5, Newest: 5, Replicas: 2, Settings: map[string]string{
		"fsync": "on", "synchronous_commit": "on", "max_connections": "100", "superuser_reserved_connections": "3",
	}}
	change(&f)
	return doctor.Database(store.Postgres, f, 20)
}

func keys(age, rotation time.Duration, err error) doctor.Report {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var list []keyring.Key
	for _, p := range auth.KeyPurposes() {
		list = append(list, keyring.Key{Purpose: p, State: keyring.Current, CreatedAt: now.Add(-age)})
	}
	return doctor.Keys(list, err, rotation, now)
}

// TestReport: what each finding comes to, by the worst of its report.
func TestReport(t *testing.T) {
	production := map[string]string{"ENV": "production"}
	with := func(more map[string]string) map[string]string {
		vars := maps.Clone(production)
		maps.Copy(vars, more)
		return vars
	}
	public := doctor.Environment{Addresses: addrs("127.0.0.1", "10.0.0.1", "203.0.114.1")}
	tests := map[string]struct {
		got  doctor.Report
		want doctor.Status
	}{
		"production as it comes":      {settings(t, production, public), doctor.OK},
		"a local database":            {settings(t, with(map[string]string{"DATABASE_URL": "postgres://127.0.0.1/x"}), public), doctor.OK},
		"a database with TLS":         {settings(t, with(map[string]string{"DATABASE_URL": "postgres://db/x?sslmode=verify-full"}), public), doctor.OK},
		"a database without":          {settings(t, with(map[string]string{"DATABASE_URL": "postgres://db/x?sslmode=prefer"}), public), doctor.Warning},
		"limits off in development":   {settings(t, map[string]string{"RATE_LIMITS": "off"}, public), doctor.OK},
		"limits off":                  {settings(t, with(map[string]string{"RATE_LIMITS": "off"}), public), doctor.Warning},
		"a bad setting":               {settings(t, map[string]string{"PORT": "x"}, public), doctor.Failed},
		"admin on loopback":           {settings(t, map[string]string{"ADMIN_ADDR": "127.0.0.1:9090"}, public), doctor.OK},
		"admin everywhere":            {settings(t, map[string]string{"ADMIN_ADDR": ":9090"}, public), doctor.Warning},
		"admin everywhere in a pod":   {settings(t, map[string]string{"ADMIN_ADDR": ":9090"}, doctor.Environment{Addresses: addrs("10.0.0.1", "fe80::1")}), doctor.OK},
		"names of others":             {settings(t, nil, doctor.Environment{Names: []string{"HOME", "HOSTNAME", "PATH", "REKEY_PORT", "OTEL_SERVICE_NAME", "PGHOST", "GOGC", "LANG", "USER", "PWD"}}), doctor.OK},
		"a name mistyped":             {settings(t, nil, doctor.Environment{Names: []string{"DATABSE_URL"}}), doctor.Warning},
		"a name with a prefix":        {settings(t, nil, doctor.Environment{Names: []string{"REKEY_DATABASE_URL"}}), doctor.Warning},
		"a stranger in .env":          {settings(t, nil, doctor.Environment{File: ".env", FileNames: []string{"COMPOSE_PROJECT"}}), doctor.Warning},
		"postgres":                    {postgres(func(*store.Facts) {}), doctor.OK},
		"postgres that forgets":       {postgres(func(f *store.Facts) { f.Settings["fsync"] = "off" }), doctor.Warning},
		"commits before the disk":     {postgres(func(f *store.Facts) { f.Settings["synchronous_commit"] = "off" }), doctor.Warning},
		"a standby":                   {postgres(func(f *store.Facts) { f.Standby = true }), doctor.Failed},
		"migrations due":              {postgres(func(f *store.Facts) { f.Schema = 4 }), doctor.Warning},
		"migrations of a newer rekey": {postgres(func(f *store.Facts) { f.Schema = 6 }), doctor.Failed},
		"as many as fit":              {postgres(func(f *store.Facts) { f.Replicas = 4 }), doctor.OK},
		"too many connections":        {postgres(func(f *store.Facts) { f.Replicas = 5 }), doctor.Warning},
		"a clock within its bound":    {doctor.Report{doctor.Clock(30*time.Second, 30*time.Second)}, doctor.OK},
		"a clock beyond":              {doctor.Report{doctor.Clock(31*time.Second, 30*time.Second)}, doctor.Failed},
		"young keys":                  {keys(179*day, 0, nil), doctor.OK},
		"old keys":                    {keys(181*day, 0, nil), doctor.Warning},
		"keys on time":                {keys(30*day, 30*day, nil), doctor.OK},
		"keys that are late":          {keys(32*day, 30*day, nil), doctor.Warning},
		"another master key":          {keys(day, 0, errors.New("sealed")), doctor.Failed},
		"no keys yet":                 {doctor.Keys(nil, nil, 0, time.Time{}), doctor.OK},
		"a full disk":                 {doctor.Report{doctor.Disk("d", doctor.Space{Free: 1 << 20, Total: 1 << 40}, true)}, doctor.Failed},
		"a full disk without data":    {doctor.Report{doctor.Disk("d", doctor.Space{Free: 1 << 20, Total: 1 << 40}, false)}, doctor.Warning},
		"few files":                   {doctor.Report{doctor.OpenFiles(1024)}, doctor.Warning},
		"redis that evicts":           {doctor.Redis("server", []redispool.Node{{Role: "master", Policy: "allkeys-lru"}}, nil), doctor.Warning},
		"redis that keeps":            {doctor.Redis("server", []redispool.Node{{Role: "master", Policy: "noeviction"}}, nil), doctor.OK},
		"a directory for its owner":   {doctor.Files([]doctor.File{{Path: "p", Mode: fs.ModeDir | 0o755}}), doctor.OK},
		"a directory to look at":      {doctor.Files([]doctor.File{{Path: "p", Mode: fs.ModeDir | 0o500}}), doctor.Warning},
		"a mounted secret":            {doctor.Files([]doctor.File{{Path: "p", Mode: 0o440, Shared: true}}), doctor.OK},
		"a secret for all":            {doctor.Files([]doctor.File{{Path: "p", Mode: 0o444, Shared: true}}), doctor.Warning},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.got.Worst(); got != tt.want {
				t.Errorf("%s, want %s: %+v", got, tt.want, tt.got)
			}
			if slices.ContainsFunc(tt.got, func(f doctor.Finding) bool { return strings.TrimSpace(f.Found) == "" }) && name != "postgres" {
				t.Errorf("nothing was found: %+v", tt.got)
			}
		})
	}
}
