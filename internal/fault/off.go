//go:build !faults

package fault

import (
	"context"
	"net/http"
	"time"

	"rekey/internal/auth"
)

// Injector does nothing in this build.
type Injector struct{}

// New returns the empty Injector. It reads no settings.
func New(func(name string) string) (Injector, error) { return Injector{}, nil }

// Clock returns now.
func (Injector) Clock(now func() time.Time) func() time.Time { return now }

// Core returns o.
func (Injector) Core(o auth.Options) auth.Options { return o }

// Mailer returns m.
func (Injector) Mailer(m auth.Mailer) auth.Mailer { return m }

// Handler returns h.
func (Injector) Handler(h http.Handler) http.Handler { return h }

// Start does nothing.
func (Injector) Start(context.Context) error { return nil }
