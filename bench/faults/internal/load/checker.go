package load

import (
	"context"
	"math/rand/v2"
	"time"
)

// check checks access tokens of random sessions at random replicas: current
// ones, replaced ones and those of ended sessions. It avoids no replica.
func (l *Load) check(ctx context.Context) {
	every := time.Second * time.Duration(l.opts.Checkers) / time.Duration(max(1, l.opts.Checks))
	for next := l.log.Now() + rand.N(every); pause(ctx, next-l.log.Now()); next = max(next, l.log.Now()-every) + every {
		replica := l.client.Any()
		var ended *Session
		l.mu.Lock()
		if len(l.ended) > 0 {
			ended = l.ended[rand.IntN(len(l.ended))]
		}
		live := l.live[rand.IntN(len(l.live))]
		l.mu.Unlock()
		switch {
		case ended != nil && rand.IntN(8) == 0:
			l.checkEnded(ctx, ended, replica)
		case live != nil:
			l.checkLive(ctx, live, replica)
		}
	}
}

func (l *Load) checkLive(ctx context.Context, s *Session, replica int) {
	requests := context.WithoutCancel(ctx)
	current := s.Current()
	switch twin := rand.IntN(8) == 0; rand.IntN(5) {
	case 0, 1, 2:
		l.Me(requests, s, current, replica, twin)
	case 3:
		l.Me(requests, s, s.Earlier(1+rand.IntN(kept-1)), replica, twin)
	default:
		l.IsBlacklisted(requests, s, current, s.Earlier(rand.IntN(kept)), replica)
	}
}

// checkEnded tries requests of an ended session, which must fail. It refreshes
// with the last token, because an older one would be judged as theft.
func (l *Load) checkEnded(ctx context.Context, s *Session, replica int) {
	requests, last := context.WithoutCancel(ctx), s.Current()
	if rand.IntN(4) == 0 {
		l.Refresh(requests, s, last, replica, transport(), 0)
		return
	}
	l.Me(requests, s, last, replica, rand.IntN(4) == 0)
}
