package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"rekey/bench/faults/internal/history"
)

// Account is an account of its own for one reset of the password.
type Account struct {
	Email   string
	Session *Session // of the sign-up; its number identifies the account in the history
}

// Register creates an account whose password is the first one.
func (l *Load) Register(ctx context.Context) (*Account, error) {
	email := fmt.Sprintf("reset-%d@example.com", rand.Uint64())
	replica, start := l.client.Any(), l.log.Now()
	a := l.client.SignUp(ctx, replica, email, passwordOf(0))
	if a.Outcome != history.Done {
		return nil, fmt.Errorf("sign-up at replica %d: %s %s", replica, a.Outcome, a.Reason)
	}
	s, err := l.opened(a, true, replica, start)
	if err != nil {
		return nil, err
	}
	return &Account{Email: email, Session: s}, nil
}

// passwordOf returns the password with a number. Each of them contains the text that
// is searched for in places where no password may be.
func passwordOf(number int) string {
	if number == 0 {
		return password
	}
	return fmt.Sprintf("%s %d", password, number)
}

// RequestReset requests a mail until the request is acknowledged.
func (l *Load) RequestReset(ctx context.Context, to *Account) bool {
	return l.until(ctx, l.newPicker(), func(replica int) history.Outcome {
		return l.client.RequestReset(context.WithoutCancel(ctx), replica, to.Email).Outcome
	})
}

// Reset uses a link once to set the password with a number, and records the outcome.
// It returns the record.
func (l *Load) Reset(ctx context.Context, to *Account, link int, token string, next, replica int) history.Record {
	r := history.Record{Session: to.Session.Number, Kind: history.Reset, Link: link, Password: next, Replica: replica, Transport: GraphQL, Start: l.log.Now()}
	a := l.client.Reset(ctx, replica, token, passwordOf(next))
	r.End, r.Outcome, r.Reason = l.log.Now(), a.Outcome, a.Reason
	l.log.Add(r)
	return r
}

// Link returns the token of the mail with a number, counted from 1, that an account
// has received.
func (l *Load) Link(ctx context.Context, to *Account, number int) (string, error) {
	asked := l.log.Now()
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), mailIn)
	defer stop()
	tokens, err := l.inbox.Await(ctx, to.Email, number)
	if err != nil {
		l.log.Add(history.Record{Session: to.Session.Number, Kind: history.Mail, Start: asked, End: l.log.Now(), Outcome: history.Cut, Reason: err.Error()})
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secrets[tokens[number-1]] = struct{}{}
	return tokens[number-1], nil
}

// TryPassword logs in with a numbered password and records whether it is right. A
// pair that it gets is not used.
func (l *Load) TryPassword(ctx context.Context, to *Account, number, replica int) Answer {
	r := history.Record{Session: to.Session.Number, Kind: history.Password, Password: number, Replica: replica, Transport: GraphQL, Start: l.log.Now()}
	a := l.client.Login(ctx, replica, to.Email, passwordOf(number))
	r.End, r.Outcome, r.Reason = l.log.Now(), a.Outcome, a.Reason
	l.log.Add(r)
	if a.Outcome == history.Done {
		if claims, err := ReadClaims(a.Refresh); err == nil {
			l.mu.Lock()
			l.keep(claims.Secret, a)
			l.mu.Unlock()
		}
	}
	return a
}

// until repeats a request until it is answered, and reports whether it was done.
func (l *Load) until(ctx context.Context, p *picker, send func(replica int) history.Outcome) bool {
	for late := 0; late < lastTries; {
		replica := p.pick(l.log.Now())
		switch send(replica) {
		case history.Done:
			return true
		case history.Refused, history.Strange:
			return false
		case history.Cut:
			p.shun(replica, l.log.Now())
		}
		if !pause(ctx, retryPause) {
			late++
			pause(context.WithoutCancel(ctx), retryPause)
		}
	}
	return false
}

// forgetEvery is the time between two resets of one client.
const forgetEvery = 3 * time.Second

// forget resets passwords until ctx ends, each time of a new account.
func (l *Load) forget(ctx context.Context) {
	for pause(ctx, forgetEvery) {
		if to, err := l.Register(context.WithoutCancel(ctx)); err == nil {
			l.resetOnce(ctx, to)
		}
	}
}

// mailIn is how long a mail may take. A replica that dies while it sends one keeps
// the others from sending for 90 s.
const mailIn = 3 * time.Minute

// resetOnce requests a link and uses it twice with different passwords, while the
// session is refreshed and a login with the old password is in progress. Then it
// presents what must be revoked, and tries every password.
func (l *Load) resetOnce(ctx context.Context, to *Account) {
	requests, p := context.WithoutCancel(ctx), l.newPicker()
	if !l.RequestReset(ctx, to) {
		return
	}
	token, err := l.Link(ctx, to, 1)
	if err != nil {
		return
	}
	sessions := []*Session{to.Session}
	resets := make([][]history.Record, 2)
	var wg sync.WaitGroup
	for i := range resets {
		own := l.newPicker()
		wg.Go(func() {
			l.until(ctx, own, func(replica int) history.Outcome {
				r := l.Reset(requests, to, 1, token, i+1, replica)
				resets[i] = append(resets[i], r)
				return r.Outcome
			})
		})
	}
	wg.Go(func() {
		if next, a := l.Replay(requests, to.Session, to.Session.Current(), l.client.Any(), transport(), l.NewKey()); a.Outcome == history.Done {
			to.Session.push(next)
		}
	})
	wg.Go(func() {
		if late, err := l.open(requests, to.Email, true); err == nil {
			sessions = append(sessions, late)
		}
	})
	wg.Wait()
	for _, s := range sessions[1:] {
		for _, r := range slices.Concat(resets...) {
			r.Session, r.Kind = s.Number, history.EndedBy
			l.log.Add(r)
		}
	}
	for _, s := range sessions {
		l.Me(requests, s, s.Current(), l.client.Any(), false)
		l.Replay(requests, s, s.Current(), l.client.Any(), transport(), l.NewKey())
	}
	for number := range 3 {
		l.until(ctx, p, func(replica int) history.Outcome { return l.TryPassword(requests, to, number, replica).Outcome })
	}
}

func (l *Load) newPicker() *picker {
	return &picker{any: l.client.Any, avoid: make([]time.Duration, l.client.Replicas())}
}
