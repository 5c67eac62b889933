package blacklist

import (
	"context"
	"errors"
	"time"

	"rekey/internal/auth"
)

// NewNone makes a cache that holds nothing: KnownValid is always false, and its
// note says so, for the others who may have one. It is for Postgres without
// Redis, and for commands that change what a server next to them caches.
func NewNone(o Options) *Cache { return newCache(o.withDefaults(), none{}) }

var errNone = errors.New("no cache is configured")

// none is the backend that reaches no node.
type none struct{}

func (none) name() string { return "" }

func (none) masters(context.Context) ([]string, error) { return nil, errNone }

func (none) mark(context.Context, time.Time, bool) ([]string, error) { return nil, errNone }

func (none) put(context.Context, []entry) ([]string, error) { return nil, errNone }

func (none) look(context.Context, string, auth.SecretHash, time.Time) (sighting, error) {
	return sighting{}, errNone
}

func (none) has(context.Context, string, auth.SecretHash) (bool, error) { return false, errNone }
