package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/config"
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

// withSettings returns the findings about settings on a machine with these
// addresses.
func withSettings(t *testing.T, vars map[string]string, addresses []netip.Addr, change ...func(o *Options)) Report {
	t.Helper()
	cfg, err := config.Load(func(name string) string { return vars[name] })
	o := Options{Config: cfg, Problems: err, Nearest: func(word string, _ []string) string {
		return map[string]string{"DATABSE_URL": "DATABASE_URL"}[word]
	}}
	for _, c := range change {
		c(&o)
	}
	return o.settings(addresses)
}

func names(list ...string) func(*Options) { return func(o *Options) { o.Names = list } }

func postgres(change func(f *store.Facts)) Report {
	f := store.Facts{Version: "17", Schema: 5, Newest: 5, Replicas: 2, Settings: map[string]string{
		"fsync": "on", "synchronous_commit": "on", "max_connections": "100", "superuser_reserved_connections": "3",
	}}
	change(&f)
	return engine(store.Postgres, f, 20)
}

func ring(age, rotation time.Duration, err error) Report {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var list []keyring.Key
	for _, p := range auth.KeyPurposes() {
		list = append(list, keyring.Key{Purpose: p, State: keyring.Current, CreatedAt: now.Add(-age)})
	}
	return ringKeys(list, err, rotation, now)
}

// TestReport checks the worst status of the findings of each part.
func TestReport(t *testing.T) {
	production := map[string]string{"ENV": "production", "SMTP_URL": "smtps://mail", "MAIL_FROM": "a@example.com", "APP_URL": "https://app.example"}
	with := func(more map[string]string) map[string]string {
		vars := maps.Clone(production)
		maps.Copy(vars, more)
		return vars
	}
	public := addrs("127.0.0.1", "10.0.0.1", "203.0.114.1")
	tests := map[string]struct {
		got  Report
		want Status
	}{
		"production as it comes":      {withSettings(t, production, public), OK},
		"mail to files":               {withSettings(t, nil, public), OK},
		"no way to send mail":         {withSettings(t, map[string]string{"ENV": "production"}, public), Warning},
		"links in mails without TLS":  {withSettings(t, with(map[string]string{"APP_URL": "http://app.example"}), public), Warning},
		"a local database":            {withSettings(t, with(map[string]string{"DATABASE_URL": "postgres://127.0.0.1/x"}), public), OK},
		"a database with TLS":         {withSettings(t, with(map[string]string{"DATABASE_URL": "postgres://db/x?sslmode=verify-full"}), public), OK},
		"a database without":          {withSettings(t, with(map[string]string{"DATABASE_URL": "postgres://db/x?sslmode=prefer"}), public), Warning},
		"limits off in development":   {withSettings(t, map[string]string{"RATE_LIMITS": "off"}, public), OK},
		"limits off":                  {withSettings(t, with(map[string]string{"RATE_LIMITS": "off"}), public), Warning},
		"limits raised":               {withSettings(t, map[string]string{"LIMITS": "login_address=10/s,refresh=900/s"}, public), OK},
		"guesses hardly limited":      {withSettings(t, map[string]string{"LIMITS": "login_pair=10/s"}, public), Warning},
		"a burst of guesses":          {withSettings(t, map[string]string{"LIMITS": "login_account=1/s:501"}, public), Warning},
		"a bad setting":               {withSettings(t, map[string]string{"PORT": "x"}, public), Failed},
		"admin on loopback":           {withSettings(t, map[string]string{"ADMIN_ADDR": "127.0.0.1:9090"}, public), OK},
		"admin everywhere":            {withSettings(t, map[string]string{"ADMIN_ADDR": ":9090"}, public), Warning},
		"admin everywhere in a pod":   {withSettings(t, map[string]string{"ADMIN_ADDR": ":9090"}, addrs("10.0.0.1", "fe80::1")), OK},
		"keys cached briefly":         {withSettings(t, map[string]string{"JWKS_MAX_AGE": "299s"}, public), Warning},
		"keys cached long enough":     {withSettings(t, map[string]string{"JWKS_MAX_AGE": "5m"}, public), OK},
		"names of others":             {withSettings(t, nil, nil, names("HOME", "HOSTNAME", "PATH", "REKEY_PORT", "OTEL_SERVICE_NAME", "PGHOST", "GOGC", "LANG", "USER", "PWD")), OK},
		"a name mistyped":             {withSettings(t, nil, nil, names("DATABSE_URL")), Warning},
		"a name with a prefix":        {withSettings(t, nil, nil, names("REKEY_DATABASE_URL")), Warning},
		"a stranger in .env":          {withSettings(t, nil, nil, func(o *Options) { o.EnvFile, o.EnvNames = ".env", []string{"COMPOSE_PROJECT"} }), Warning},
		"postgres":                    {postgres(func(*store.Facts) {}), OK},
		"postgres that forgets":       {postgres(func(f *store.Facts) { f.Settings["fsync"] = "off" }), Warning},
		"commits before the disk":     {postgres(func(f *store.Facts) { f.Settings["synchronous_commit"] = "off" }), Warning},
		"a standby":                   {postgres(func(f *store.Facts) { f.Standby = true }), Failed},
		"migrations due":              {postgres(func(f *store.Facts) { f.Schema = 4 }), Warning},
		"migrations of a newer rekey": {postgres(func(f *store.Facts) { f.Schema = 6 }), Failed},
		"as many as fit":              {postgres(func(f *store.Facts) { f.Replicas = 4 }), OK},
		"too many connections":        {postgres(func(f *store.Facts) { f.Replicas = 5 }), Warning},
		"a clock within its bound":    {Report{clock(30*time.Second, 30*time.Second)}, OK},
		"a clock beyond":              {Report{clock(31*time.Second, 30*time.Second)}, Failed},
		"young keys":                  {ring(179*day, 0, nil), OK},
		"old keys":                    {ring(181*day, 0, nil), Warning},
		"keys on time":                {ring(30*day, 30*day, nil), OK},
		"keys that are late":          {ring(32*day, 30*day, nil), Warning},
		"another master key":          {ring(day, 0, errors.New("sealed")), Failed},
		"no keys yet":                 {ringKeys(nil, nil, 0, time.Time{}), OK},
		"a full disk":                 {Report{disk("d", 1<<20, 1<<40, true)}, Failed},
		"a full disk without data":    {Report{disk("d", 1<<20, 1<<40, false)}, Warning},
		"few files":                   {Report{openFiles(1024, 0)}, Warning},
		"few files for connections":   {Report{openFiles(20000, 20000)}, Warning},
		"files for the connections":   {Report{openFiles(20000, 10000)}, OK},
		"redis that evicts":           {masters("server", []redispool.Node{{Role: "master", Policy: "allkeys-lru"}}, nil), Warning},
		"redis that keeps":            {masters("server", []redispool.Node{{Role: "master", Policy: "noeviction"}}, nil), OK},
		"a directory for its owner":   {Report{file("p", fs.ModeDir|0o755, false)}, OK},
		"a directory to look at":      {Report{file("p", fs.ModeDir|0o500, false)}, Warning},
		"a mounted secret":            {Report{file("p", 0o440, true)}, OK},
		"a secret for all":            {Report{file("p", 0o444, true)}, Warning},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.got.Worst(); got != tt.want {
				t.Errorf("%s, want %s: %+v", got, tt.want, tt.got)
			}
			if slices.ContainsFunc(tt.got, func(f Finding) bool { return strings.TrimSpace(f.Found) == "" }) && name != "postgres" {
				t.Errorf("nothing was found: %+v", tt.got)
			}
		})
	}
}

// TestLimits: the report has each limit in effect.
func TestLimits(t *testing.T) {
	r := withSettings(t, map[string]string{"LIMITS": "login_address=90/min:50"}, nil)
	for _, l := range auth.DefaultLimits() {
		want := fmt.Sprintf("%s, burst %d, by %s", l.RateText(), l.Burst, l.By)
		switch l.Name {
		case "login_address":
			want = "90/min, burst 50, by address (default: 5/s, burst 300)"
		case "journal":
			want = "10/s, burst 1000"
		case "mail":
			want = "5/s, burst 500"
		}
		if !slices.Contains(r, ok("limits."+l.Name, want)) {
			t.Errorf("no %s: %s in %+v", l.Name, want, r)
		}
	}
}

// TestLimits_refused: the report says how often the running service has refused by
// each limit, and warns of proxies that are not trusted.
func TestLimits_refused(t *testing.T) {
	samples := map[string]float64{"rekey_forwarded_ignored_total": 7}
	for _, l := range auth.DefaultLimits() {
		samples[fmt.Sprintf("rekey_rate_limited_total{limit=%q}", l.Name)] = 3
	}
	r := withSettings(t, nil, nil, func(o *Options) { o.samples = samples })
	for _, l := range auth.DefaultLimits() {
		if !slices.ContainsFunc(r, func(f Finding) bool {
			return f.Check == "limits."+l.Name && strings.HasSuffix(f.Found, "; refused 3 since the start of the service")
		}) {
			t.Errorf("no refusals by %s in %+v", l.Name, r)
		}
	}
	if !slices.ContainsFunc(r, func(f Finding) bool {
		return f.Check == "settings.TRUSTED_PROXIES" && f.Status == Warning && f.Advice != nil
	}) {
		t.Errorf("no warning of an untrusted proxy in %+v", r)
	}
}
