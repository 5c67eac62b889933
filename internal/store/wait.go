package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey/internal/auth"
)

const (
	awaitPause = 250 * time.Millisecond // between two tries
	tellEvery  = 5 * time.Second        // while waiting
)

// await checks that the database answers. One that may come up is waited for,
// at most for Options.Wait, and the log tells what is wrong meanwhile.
func (s *Store) await(ctx context.Context) error {
	err := s.Ping(ctx)
	if err == nil || s.options.Wait <= 0 || !mayComeUp(err) {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, s.options.Wait)
	defer cancel()
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	log := s.options.logger()
	log.WarnContext(ctx, "the database does not answer yet: waiting", "at_most", s.options.Wait, "cause", auth.Cause(err))
	for pause(waiting, awaitPause) == nil {
		again := s.Ping(waiting)
		if again == nil {
			log.InfoContext(ctx, "the database answers")
			return nil
		}
		if waiting.Err() != nil {
			break // it tells nothing new
		}
		if err = again; !mayComeUp(err) {
			return err
		}
		select {
		case <-tick.C:
			log.WarnContext(ctx, "still waiting for the database", "cause", auth.Cause(err))
		default:
		}
	}
	return auth.Unavailable(fmt.Errorf("waited %s for the database: %w", s.options.Wait, auth.Cause(err)))
}

// mayComeUp reports whether waiting may help: not against a wrong password
// (class 28).
func mayComeUp(err error) bool {
	var kept *engineError
	return !errors.As(err, &kept) || !strings.HasPrefix(kept.code, "SQLSTATE 28")
}

// Refused reports whether the server answers and lets nobody in as Options.URL
// says: a wrong user or password (class 28), or a database that there is not.
func Refused(err error) bool {
	var kept *engineError
	return errors.As(err, &kept) && (strings.HasPrefix(kept.code, "SQLSTATE 28") || kept.code == "SQLSTATE 3D000")
}
