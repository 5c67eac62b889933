package load

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// storm sends logins at a constant rate, however slowly they are answered,
// because people do not wait for each other. Each login comes from an address of
// its own, and its duration is counted from the time when it was due.
type storm struct {
	plan Plan
	now  func() time.Time
	run  int64

	idle    chan *conn
	mu      sync.Mutex
	outcome Outcome
	took    []time.Duration // successful logins
	refused []time.Duration // logins that were asked to retry
}

// idleConns is the number of connections that are kept for later logins.
const idleConns = 1024

func (s *storm) work(ctx context.Context) Outcome {
	s.idle, s.outcome.Errors = make(chan *conn, idleConns), map[string]int{}
	before, begun := ownCPU(), s.now()
	var all sync.WaitGroup
	for i := range int(s.plan.Rate * s.plan.For.Seconds()) {
		due := begun.Add(time.Duration(float64(i) / s.plan.Rate * float64(time.Second)))
		<-time.After(due.Sub(s.now()))
		all.Go(func() { s.login(ctx, i, due) })
	}
	all.Wait()
	o := s.outcome
	o.Elapsed, o.CPU, o.Done, o.Refused = s.now().Sub(begun), ownCPU()-before, len(s.took), len(s.refused)
	o.P50, o.P99 = Percentile(s.took, 50), Percentile(s.took, 99)
	o.RefusedP50, o.RefusedP99 = Percentile(s.refused, 50), Percentile(s.refused, 99)
	return o
}

func (s *storm) login(ctx context.Context, number int, due time.Time) {
	body, err := s.ask(ctx, number)
	took := s.now().Sub(due)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.outcome.Errors[err.Error()]++
	case member(body, "token") != "":
		s.took = append(s.took, took)
	case bytes.Contains(body, []byte(`"RATE_LIMITED"`)):
		s.refused = append(s.refused, took)
	default:
		s.outcome.Errors[errNoTokens.Error()]++
	}
}

// ask returns the body of the answer. Its connection is kept for a later login.
func (s *storm) ask(ctx context.Context, number int) (body []byte, err error) {
	var c *conn
	select {
	case c = <-s.idle:
	default:
		if c, err = dial(ctx, s.plan.Addr); err != nil {
			return nil, err
		}
	}
	_, body, err = c.exchange(accountRequest(nil, loginDocument, forwarded(number), number%s.plan.Clients, s.run))
	if err != nil {
		_ = c.Close() // it is broken
		return nil, err
	}
	body = bytes.Clone(body)
	select {
	case s.idle <- c:
	default:
		_ = c.Close() // enough are kept
	}
	return body, nil
}
