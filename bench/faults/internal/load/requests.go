package load

import (
	"context"
	"fmt"
	"strings"

	"rekey/bench/faults/internal/history"
)

// Refresh presents the refresh token of a pair once and records the outcome. On
// success it returns the new pair, which the session does not know yet.
func (l *Load) Refresh(ctx context.Context, s *Session, p Pair, replica int, transport string, k Key) (Pair, Answer) {
	return l.refresh(ctx, s, p, k, history.Record{Replica: replica, Transport: transport})
}

// Replay is Refresh for a client that has no right to an answer, or that races
// for it.
func (l *Load) Replay(ctx context.Context, s *Session, p Pair, replica int, transport string, k Key) (Pair, Answer) {
	return l.refresh(ctx, s, p, k, history.Record{Replica: replica, Transport: transport, Replay: true})
}

func (l *Load) refresh(ctx context.Context, s *Session, p Pair, k Key, r history.Record) (Pair, Answer) {
	r.Session, r.Kind, r.Gen, r.Key, r.Start = s.Number, history.Rotate, p.Gen, int(k), l.log.Now()
	a := l.client.Refresh(ctx, r.Replica, r.Transport, p.Refresh, k.text())
	r.End = l.log.Now()
	if a.Outcome == history.Done {
		claims, err := ReadClaims(a.Refresh)
		if err != nil {
			a.Outcome, a.Reason = history.Strange, err.Error()
		}
		r.Child, r.Pair = history.PrintOf(claims.Secret), history.PrintOf(a.Access+" "+a.Refresh)
		l.mu.Lock()
		l.keep(claims.Secret, a)
		l.mu.Unlock()
	}
	r.Outcome, r.Reason = a.Outcome, a.Reason
	l.log.Add(r)
	return Pair{Gen: p.Gen + 1, Access: a.Access, Refresh: a.Refresh}, a
}

// Logout revokes a session with one of its tokens and records the outcome.
func (l *Load) Logout(ctx context.Context, s *Session, p Pair, replica int) Answer {
	r := history.Record{Session: s.Number, Kind: history.Logout, Gen: p.Gen, Replica: replica, Transport: GraphQL, Start: l.log.Now()}
	a := l.client.Logout(ctx, replica, p.Refresh)
	r.End, r.Outcome, r.Reason = l.log.Now(), a.Outcome, a.Reason
	l.log.Add(r)
	return a
}

// Me checks an access token and records the outcome. With twin it presents the
// token's other spelling.
func (l *Load) Me(ctx context.Context, s *Session, p Pair, replica int, twin bool) Answer {
	token := p.Access
	if twin {
		token = Twin(token)
	}
	r := history.Record{Session: s.Number, Kind: history.Access, Gen: p.Gen, Replica: replica, Transport: GraphQL, Twin: twin, Start: l.log.Now()}
	a := l.client.Me(ctx, replica, token)
	r.End, r.Outcome, r.Reason = l.log.Now(), a.Outcome, a.Reason
	l.log.Add(r)
	return a
}

// Blacklist blacklists a pair's access token individually.
func (l *Load) Blacklist(ctx context.Context, s *Session, p Pair, replica int) Answer {
	r := history.Record{Session: s.Number, Kind: history.Blacklist, Gen: p.Gen, Replica: replica, Transport: GraphQL, Start: l.log.Now()}
	a := l.client.Blacklist(ctx, replica, p.Access)
	r.End, r.Outcome, r.Reason = l.log.Now(), a.Outcome, a.Reason
	l.log.Add(r)
	return a
}

// Landed records that the database showed the rotation of a generation.
func (l *Load) Landed(s *Session, gen int) {
	now := l.log.Now()
	l.log.Add(history.Record{Session: s.Number, Kind: history.Landed, Gen: gen, Start: now, End: now, Outcome: history.Done})
}

// Rotate is Refresh for a session that has one client only. On success the new
// pair becomes the current one.
func (l *Load) Rotate(ctx context.Context, s *Session, replica int, transport string) (Key, error) {
	k := l.NewKey()
	next, a := l.Refresh(ctx, s, s.Current(), replica, transport, k)
	if a.Outcome != history.Done {
		return k, fmt.Errorf("a refresh at replica %d: %s %s", replica, a.Outcome, a.Reason)
	}
	s.push(next)
	return k, nil
}

// Won stores a pair that a replay obtained in its session.
func (s *Session) Won(p Pair) { s.push(p) }

// IsBlacklisted asks about a pair's access token, authenticated with the current
// one. An answer is recorded as an access check; a failure is not recorded.
func (l *Load) IsBlacklisted(ctx context.Context, s *Session, current, p Pair, replica int) {
	r := history.Record{Session: s.Number, Kind: history.Access, Gen: p.Gen, Replica: replica, Transport: GraphQL, Start: l.log.Now()}
	a := l.client.IsBlacklisted(ctx, replica, current.Access, p.Access)
	if a.Outcome != history.Done {
		return
	}
	r.End, r.Outcome = l.log.Now(), history.Done
	if a.Blacklisted {
		r.Outcome, r.Reason = history.Refused, "isBlacklisted"
	}
	l.log.Add(r)
}

// keep stores a pair's secrets. The caller must hold mu.
func (l *Load) keep(secret string, a Answer) {
	l.secrets[secret] = struct{}{}
	for _, token := range []string{a.Access, a.Refresh} {
		l.secrets[token[strings.LastIndexByte(token, '.')+1:]] = struct{}{}
	}
}
