package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/web"
)

// writeEvery is how often a write is committed to check the database.
const writeEvery = time.Second

// databaseCheck checks that the database answers and that a write commits. A
// database that only answers may be a demoted primary, or its disk may be full.
type databaseCheck struct {
	store *store.Store
	now   func() time.Time

	mu  sync.Mutex
	at  time.Time // of the last check
	err error
}

// watch checks the database until ctx ends, also if nobody asks for readiness. A
// replica that only reads would otherwise stay with a demoted primary.
func (c *databaseCheck) watch(ctx context.Context) {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = c.run(ctx) // readiness reports it
		case <-ctx.Done():
			return
		}
	}
}

// run commits a write if the last one is not recent, and otherwise only asks the
// database, so that readiness may be asked at any rate.
func (c *databaseCheck) run(ctx context.Context) error {
	if fresh, err := c.write(ctx); fresh || err != nil {
		return err
	}
	_, err := c.store.Now(ctx)
	return explained(err)
}

// write returns the result of the last write, and whether this call made it.
func (c *databaseCheck) write(ctx context.Context) (fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.at).Abs() >= writeEvery*9/10 {
		c.at, c.err, fresh = now, explained(c.store.CheckWrite(ctx)), true
	}
	return fresh, c.err
}

// explained adds to an error of the database the reason that readiness shows.
func explained(err error) error {
	reason := store.WriteProblem(auth.Cause(err))
	if errors.Is(err, store.ErrFileGone) {
		reason = "the file is gone"
	}
	if reason != "" {
		return fmt.Errorf("%w: %w", web.NotReady(reason), auth.Cause(err))
	}
	if err != nil {
		return fmt.Errorf("asking the database: %w", err)
	}
	return nil
}

// askClock is how long the check of the clock waits for the database. It is
// shorter than the time of a check in readiness: a database that hangs must not
// show as a clock that timed out.
const askClock = time.Second

// clockSkewed is reported if the database does not answer and the clock was skewed
// at its last check.
const clockSkewed = web.NotReady("differed from the database's when it last answered")

// checkClock returns an error if the clock is skewed. If the database does not
// answer, databaseCheck reports it.
func (a *app) checkClock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askClock)
	defer cancel()
	err := a.core.CheckClock(ctx)
	var judged *auth.Error
	switch {
	case !a.core.ClockSkewed():
		return nil
	case errors.As(err, &judged) && judged.Err == nil: // the verdict has no cause
		return err
	}
	return clockSkewed
}
