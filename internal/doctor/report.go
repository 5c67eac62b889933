// Package doctor checks an installation: the settings and where they come from,
// files, disk, database, clock, keys and Redis. It collects what each package
// reports on itself, judges it, and advises what to fix. It changes nothing but the
// time in the row that checks writes.
package doctor

import (
	"context"
	"net"
	"net/netip"
	"time"

	"rekey/internal/config"
	"rekey/internal/keyring"
	"rekey/internal/redispool"
	"rekey/internal/store"
)

// Status rates a finding.
type Status string

// The statuses, from good to bad.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, but should be fixed
	Failed  Status = "failed"
)

// Finding is one line of a report.
type Finding struct {
	Check  string  `json:"check"` // an area and a name, such as database.fsync
	Status Status  `json:"status"`
	Found  string  `json:"found"`
	Advice *string `json:"advice"` // null if the status is ok
}

// Report holds all findings, in the order of the checks.
type Report []Finding

// Count returns how many findings have a status.
func (r Report) Count(s Status) (n int) {
	for _, f := range r {
		if f.Status == s {
			n++
		}
	}
	return n
}

// Worst returns the worst status of the findings.
func (r Report) Worst() Status {
	switch {
	case r.Count(Failed) > 0:
		return Failed
	case r.Count(Warning) > 0:
		return Warning
	}
	return OK
}

func ok(check, found string) Finding { return Finding{Check: check, Status: OK, Found: found} }

func warning(check, found, advice string) Finding {
	return Finding{Check: check, Status: Warning, Found: found, Advice: &advice}
}

func failed(check, found, advice string) Finding {
	return Finding{Check: check, Status: Failed, Found: found, Advice: &advice}
}

// expect returns ok if holds is true, and a warning otherwise.
func expect(holds bool, check, found, advice string) Finding {
	if holds {
		return ok(check, found)
	}
	return warning(check, found, advice)
}

// Options hold what Run checks. The wiring opens what the settings name.
type Options struct {
	Config   config.Config // the valid settings
	Problems error         // of the other settings

	Getenv   func(name string) string // variables, including those of EnvFile
	Names    []string                 // of the variables that are not from EnvFile
	EnvFile  string                   // .env or the file in its place; empty: none
	EnvNames []string                 // of the variables in EnvFile
	// Nearest returns the name that is most similar to a word, or "".
	Nearest func(word string, names []string) string

	Now          func() time.Time
	DatabaseFile string // of SQLite
	NoDatabase   error  // set if DatabaseFile does not exist, but is needed
	OpenStore    func(ctx context.Context, readOnly bool) (*store.Store, error)
	NewRing      func(st *store.Store) (*keyring.Ring, error)
	OpenRedis    func() (*redispool.Pool, error)
	// Samples returns the metrics of the service if it runs on this machine, by
	// name and labels in the form of Prometheus, or nil. It may be nil itself.
	Samples func(ctx context.Context) map[string]float64

	samples map[string]float64
}

// Run checks everything that the service depends on. It may run while the
// service runs. A part that cannot be reached does not prevent the other checks.
func Run(ctx context.Context, o Options) Report {
	if o.Samples != nil {
		o.samples = o.Samples(ctx)
	}
	r := o.settings(addresses())
	r = append(r, o.files()...)
	r = append(r, o.machine()...)
	// An invalid setting must not be mistaken for the default.
	if o.Config.DatabaseURL != "" || !o.given("DATABASE_URL") && o.Config.DataDir != "" {
		r = append(r, o.database(ctx)...)
	}
	if o.Config.RedisURL != "" {
		r = append(r, o.redis(ctx)...)
	}
	return r
}

func (o Options) given(name string) bool { return o.Getenv(name) != "" || o.Getenv(name+"_FILE") != "" }

// addresses returns the addresses of this machine, or nil if they are unknown.
func addresses() (all []netip.Addr) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range list {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, prefix.Addr())
		}
	}
	return all
}
