package app

import (
	"context"
	"time"

	"rekey/internal/auth"
	"rekey/internal/config"
	"rekey/internal/keyring"
	"rekey/internal/oauth"
	"rekey/internal/store"
	"rekey/internal/token"
	"rekey/internal/web"
)

// newRing returns the ring of a database without reading the database yet. replica
// is the id of this process; empty for a command, which reports no keys.
func (p *program) newRing(st *store.Store, replica string, events auth.Events) (*keyring.Ring, error) {
	var notes auth.Replicas
	if st.Dialect() == store.Postgres {
		notes = st
	}
	return keyring.New(keyring.Options{
		Replica: replica, Notes: notes,
		Store: st, Files: keyFiles(p.cfg), Master: masterKey(p.cfg), Dir: p.cfg.DataDir,
		Lives: map[auth.KeyPurpose]time.Duration{
			auth.KeyAccess: p.cfg.AccessTTL, auth.KeyRefresh: p.cfg.RefreshTTL, auth.KeyRotation: rotationLife(p.cfg),
		},
		MaxAge: p.cfg.JWKSMaxAge, Lead: p.cfg.KeyLead, Leeway: p.cfg.ClockLeeway, Rotation: p.cfg.KeyRotation,
		Now: p.now, Events: events, Logger: p.log,
	})
}

// keptRotations bounds how many former rotation keys devices stay known by.
const keptRotations = 12

// rotationLife returns how long a rotation key is kept after its last use. A
// retry needs it for RETRY_TTL. Devices are known by it, too.
func rotationLife(cfg config.Config) time.Duration {
	devices := auth.DeviceLifetime
	if cfg.KeyRotation > 0 {
		devices = min(devices, keptRotations*cfg.KeyRotation)
	}
	return max(cfg.RetryTTL, devices)
}

// warnOfKeyAge logs a warning if services are asked to fetch the published keys
// more often than they can.
func (p *program) warnOfKeyAge() {
	if age := p.cfg.JWKSMaxAge; age < config.SlowKeyFetch {
		p.log.Warn("JWKS_MAX_AGE is short", "jwks_max_age", age.String(), "advice", config.ShortKeyAge)
	}
}

// openKeys opens the ring. A command signs and verifies nothing, so its ring is
// not started.
func (a *app) openKeys(ctx context.Context, as role) (_ auth.Tokens, rotationKeys func() [][]byte, err error) {
	replica := a.replica
	if as == command {
		replica = ""
	}
	// Replicas on Postgres must all have the same master key, so none creates one.
	a.sealer = keyring.NewSealer(masterKey(a.cfg), a.cfg.DataDir, as == server && a.store.Dialect() == store.SQLite)
	if a.ring, err = a.newRing(a.store, replica, a.events()); err != nil {
		return nil, nil, err
	}
	if as == command {
		return token.None{}, auth.FixedKeys(), nil
	}
	if err := a.ring.Start(ctx); err != nil {
		return nil, nil, err
	}
	codec, err := a.ring.Codec(token.Options{
		Location: a.cfg.Zone, Leeway: a.cfg.ClockLeeway, Issuer: a.cfg.Issuer, Audience: a.cfg.Audience,
		AccessType: a.cfg.AccessTokenType,
	})
	return codec, a.ring.RotationKeys, err
}

func (a *app) publicKey() []byte {
	_, pem := a.ring.Published()
	return pem
}

func (a *app) wellKnown() web.WellKnown {
	return web.WellKnown{
		Keys:   func() []byte { jwks, _ := a.ring.Published(); return jwks },
		MaxAge: a.cfg.JWKSMaxAge, Issuer: a.cfg.Issuer,
		IntrospectPath: oauth.IntrospectPath, RevokePath: oauth.RevokePath, TokenPath: oauth.TokenPath,
	}
}
