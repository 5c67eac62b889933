package control

import (
	"context"
	"fmt"
	"sync"

	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/strike"
)

// linked returns an account that has received a number of links, and their tokens.
func linked(ctx context.Context, s *strike.Scene, links int) (*load.Account, []string, error) {
	to, err := s.Load.Register(ctx)
	if err != nil {
		return nil, nil, err
	}
	var tokens []string
	for i := range links {
		if !s.Load.RequestReset(ctx, to) {
			return nil, nil, fmt.Errorf("the mail with link %d was not requested", i+1)
		}
		token, err := s.Load.Link(ctx, to, i+1)
		if err != nil {
			return nil, nil, err
		}
		tokens = append(tokens, token)
	}
	return to, tokens, nil
}

// redeemedTwice uses one link several times at the same time, at both replicas. All
// requests look the link up before the first one has hashed its password.
func redeemedTwice(ctx context.Context, s *strike.Scene) error {
	const rounds, racers = 5, 4
	for range rounds {
		to, tokens, err := linked(ctx, s, 1)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() { s.Load.Reset(ctx, to, 1, tokens[0], i+1, i%2) })
		}
		wg.Wait()
		for number := range racers + 1 {
			s.Load.TryPassword(ctx, to, number, there)
		}
	}
	return nil
}

// redeemedLater uses a link after another one has set the password.
func redeemedLater(ctx context.Context, s *strike.Scene) error {
	to, tokens, err := linked(ctx, s, 2)
	if err != nil {
		return err
	}
	if r := s.Load.Reset(ctx, to, 1, tokens[0], 1, here); r.Outcome != history.Done {
		return fmt.Errorf("the first reset: %s %s", r.Outcome, r.Reason)
	}
	s.Load.Reset(ctx, to, 2, tokens[1], 2, there)
	for number := range 3 {
		s.Load.TryPassword(ctx, to, number, here)
	}
	return nil
}
