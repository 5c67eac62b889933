package trial

import (
	"context"
	"errors"

	"rekey/bench/internal/load"
	"rekey/bench/internal/meter"
	"rekey/bench/internal/seed"
)

const (
	stormRate     = 500 // logins per second
	stormAccounts = 128
	besideClients = 8
	// besideSessions are enough that none reaches its rate limit.
	besideSessions = 500 * besideClients
)

// Logins measures refreshes beside more logins than can be answered. Rate limits
// are on, and the clients' addresses come from a trusted proxy's header.
func (r Rig) Logins(ctx context.Context) (out *Logins, err error) {
	p, _, err := r.openSeeded(ctx, besideSessions)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close(context.WithoutCancel(ctx))) }()
	s, err := r.start("DATABASE_URL="+p.URL(), "RATE_LIMITS=on", "TRUSTED_PROXIES=127.0.0.0/8")
	if err != nil {
		return nil, err
	}
	s.postgres = p
	defer func() { err = errors.Join(err, s.server.Close()) }()
	out = &Logins{Source: r.Source, Rate: stormRate}
	refreshes := load.Plan{
		Kind: load.GraphQL, Clients: besideClients, Sessions: besideSessions, Issued: r.Source.At, Spread: true,
	}
	if out.Alone, err = r.sample(ctx, s, "alone", refreshes); err != nil {
		return nil, err
	}
	if err := seed.ResetAll(ctx, p.Conn); err != nil {
		return nil, err
	}
	if out.Before, err = meter.RSS(s.server.PID()); err != nil {
		return nil, err
	}
	if out.Beside, out.Storm, err = r.besideStorm(ctx, s, refreshes); err != nil {
		return nil, err
	}
	r.Failed(out.Storm.Failed())
	out.After, err = meter.RSS(s.server.PID())
	return out, err
}

// besideStorm takes a sample during a storm of logins.
func (r Rig) besideStorm(ctx context.Context, s site, plan load.Plan) (sample Sample, o load.Outcome, err error) {
	logins, err := load.Prepare(ctx, load.Plan{
		Addr: s.server.Addr(), Keys: r.Binary.Keys, For: r.Window,
		Kind: load.Storm, Clients: stormAccounts, Rate: stormRate, Spread: true,
	})
	if err != nil {
		return sample, o, err
	}
	ended := make(chan error, 1)
	go func() {
		var err error
		o, err = logins.Run()
		ended <- err
	}()
	sample, err = r.sample(ctx, s, "beside", plan)
	err = errors.Join(err, <-ended)
	r.Say("logins: %d let in, p50 %.0f ms, p99 %.0f ms; %d refused, p50 %.1f ms, p99 %.1f ms; failed %v",
		o.Done, ms(o.P50), ms(o.P99), o.Refused, ms(o.RefusedP50), ms(o.RefusedP99), o.Errors)
	return sample, o, err
}
