package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"rekey/bench/faults/internal/history"
)

// How often a chain performs each action: one in so many rotations.
const (
	logoutOneIn = 250
	repeatOneIn = 10
	keylessOf   = 5 // one chain in so many sends no keys
)

// chain keeps one session at a time alive.
func (l *Load) chain(ctx context.Context, number int) {
	p := picker{any: l.client.Any, avoid: make([]time.Duration, l.client.Replicas())}
	every := time.Second * time.Duration(l.opts.Chains) / time.Duration(max(1, l.opts.Rate))
	for ctx.Err() == nil {
		s, err := l.Open(ctx, number%keylessOf != 0)
		if err != nil {
			pause(ctx, retryPause)
			continue
		}
		l.setLive(number, s)
		for next := l.log.Now() + rand.N(every); pause(ctx, next-l.log.Now()); next = max(next, l.log.Now()-every) + every {
			if rand.IntN(logoutOneIn) == 0 {
				l.leave(ctx, s, &p)
				break
			}
			if !l.rotate(ctx, s, &p) {
				break
			}
		}
		l.setLive(number, nil)
	}
}

// rotate sends one rotation until its outcome is known. It returns false if the
// client has lost the session.
func (l *Load) rotate(ctx context.Context, s *Session, p *picker) bool {
	old, key := s.Current(), Key(0)
	if s.Keyed {
		key = l.NewKey()
	}
	next, ok := l.persist(ctx, s, old, key, p)
	if !ok {
		return false
	}
	if s.Keyed && rand.IntN(repeatOneIn) == 0 {
		// Sends a duplicate, as a proxy or a faulty client may.
		l.Refresh(context.WithoutCancel(ctx), s, old, p.pick(l.log.Now()), transport(), key)
	}
	s.push(next)
	return true
}

// lastTries limits how often a request of unknown outcome is repeated after the
// end of the run.
const lastTries = 50

func (l *Load) persist(ctx context.Context, s *Session, old Pair, key Key, p *picker) (Pair, bool) {
	requests := context.WithoutCancel(ctx)
	for late := 0; late < lastTries; {
		replica := p.pick(l.log.Now())
		next, a := l.Refresh(requests, s, old, replica, transport(), key)
		switch a.Outcome {
		case history.Done:
			return next, true
		case history.Refused:
			return Pair{}, false
		case history.Cut:
			p.shun(replica, l.log.Now())
		}
		if !pause(ctx, retryPause) {
			late++
			pause(requests, retryPause)
		}
	}
	return Pair{}, false
}

// leave logs out and repeats this until it is acknowledged. Half of the time a
// refresh is in progress meanwhile.
func (l *Load) leave(ctx context.Context, s *Session, p *picker) {
	requests, last := context.WithoutCancel(ctx), s.Current()
	var wg sync.WaitGroup
	if rand.IntN(2) == 0 {
		replica := p.pick(l.log.Now())
		wg.Go(func() {
			if next, a := l.Refresh(requests, s, last, replica, transport(), l.NewKey()); a.Outcome == history.Done {
				s.push(next)
			}
		})
	}
	for late := 0; late < lastTries; {
		replica := p.pick(l.log.Now())
		a := l.Logout(requests, s, last, replica)
		if a.Outcome == history.Done {
			break
		}
		p.shun(replica, l.log.Now())
		if !pause(ctx, retryPause) {
			late++
			pause(requests, retryPause)
		}
	}
	wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, s)
	if len(l.ended) > keptEnded {
		l.ended = l.ended[1:]
	}
}

func transport() string {
	if rand.IntN(2) == 0 {
		return REST
	}
	return GraphQL
}

// shunFor is how long a client avoids a replica that did not answer.
const shunFor = 2 * time.Second

// picker chooses replicas as a balancer does: it avoids those that have just
// failed.
type picker struct {
	any   func() int
	avoid []time.Duration // until when
}

func (p *picker) pick(now time.Duration) int {
	for range 2 * len(p.avoid) {
		if i := p.any(); p.avoid[i] <= now {
			return i
		}
	}
	return p.any()
}

func (p *picker) shun(replica int, now time.Duration) { p.avoid[replica] = now + shunFor }
