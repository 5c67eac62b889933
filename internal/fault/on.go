//go:build faults

package fault

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"rekey/internal/auth"
)

// Injector breaks one process. The zero value breaks nothing.
type Injector struct{ m *machine }

// machine holds the state that the parts of an Injector share.
type machine struct {
	points  points
	offset  atomic.Int64 // of the clock, in nanoseconds
	address string       // of the control API; empty: none
	mails   string       // a file that receives all mails; empty: they are sent
	build   build
	db      *sql.DB // of a bad build that needs one; connects when first used
}

// New reads three settings: FAULT_ADDR, a loopback host:port on which Start serves
// the control API, BAD_BUILD, the name of a bad build, and FAULT_MAILS, a file to
// which mails are written instead of being sent. Its error names each that is
// invalid.
func New(getenv func(name string) string) (Injector, error) {
	m := &machine{points: newPoints(), address: getenv("FAULT_ADDR"), mails: getenv("FAULT_MAILS")}
	addressErr := checkAddress(m.address)
	buildErr := m.choose(getenv("BAD_BUILD"), getenv("DATABASE_URL"))
	if err := errors.Join(addressErr, buildErr); err != nil {
		return Injector{}, err
	}
	return Injector{m}, nil
}

// Clock returns now, shifted by the offset that was set last.
func (in Injector) Clock(now func() time.Time) func() time.Time {
	if in.m == nil {
		return now
	}
	return func() time.Time { return now().Add(time.Duration(in.m.offset.Load())) }
}

// Core wraps the ports of the core. Failpoints wrap the store and the cache. A bad
// build that reorders calls wraps the failpoints; one that replaces a call is
// wrapped by them.
func (in Injector) Core(o auth.Options) auth.Options {
	if in.m == nil {
		return o
	}
	m := in.m
	if m.build.wrap != nil && !m.build.outside {
		o = m.build.wrap(m, o)
	}
	o = m.points.wrap(o)
	if m.build.wrap != nil && m.build.outside {
		o = m.build.wrap(m, o)
	}
	return o
}

// Mailer wraps the failpoints of the outbox around m.
func (in Injector) Mailer(m auth.Mailer) auth.Mailer {
	if in.m == nil {
		return m
	}
	if in.m.mails != "" {
		m = fileMailer(in.m.mails)
	}
	return pointMailer{m, in.m.points}
}

// Handler marks requests so that failpoints recognise refreshes, and contains the
// failpoints of the answer. It wraps the transports; the middleware that encodes
// answers wraps it.
func (in Injector) Handler(h http.Handler) http.Handler {
	if in.m == nil {
		return h
	}
	return handler{next: h, points: in.m.points}
}

// Start serves the control API until ctx is done. The API listens when Start
// returns.
func (in Injector) Start(ctx context.Context) error {
	if in.m == nil || in.m.address == "" {
		return nil
	}
	return in.m.serve(ctx)
}
