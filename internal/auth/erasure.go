package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	erasureFailed = "erasing an account failed; will retry"
	// erasePage is how many accounts are erased before the next look at the list.
	erasePage = 100
	// scrubBatch is how many events of the journal one statement changes at most.
	scrubBatch = 500
	// keepErased is how long the sessions of an erased account remain beyond the
	// lifetime of their access tokens, for checkers that are late.
	keepErased = 10 * time.Minute
)

// WatchDeletions erases accounts that are due, at intervals, until ctx is done. Any
// number of replicas may do it at the same time.
func (s *Service) WatchDeletions(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if _, err := s.EraseDue(ctx); err != nil && ctx.Err() == nil {
			s.warn(ctx, erasureFailed, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// EraseDue erases the accounts that are due, and returns how many this call erased.
// A failure does not keep it from the other accounts.
func (s *Service) EraseDue(ctx context.Context) (erased int, err error) {
	defer func() {
		b, failed := s.store.DeletionBacklog(ctx)
		if failed == nil {
			s.deletions.Store(&b)
		}
		err = errors.Join(err, failed)
	}()
	for {
		due, now, err := s.store.DueDeletions(ctx, erasePage)
		if err != nil {
			return erased, fmt.Errorf("listing the accounts to erase: %w", err)
		}
		before := erased
		var failures error
		for _, id := range due {
			switch err := s.erase(ctx, id, now); {
			case err == nil:
				erased++
			case !errors.Is(err, ErrMovedOn): // otherwise another replica was faster
				failures = errors.Join(failures, err)
			}
		}
		if len(due) < erasePage || erased == before {
			return erased, errors.Join(failures, s.dropErased(ctx))
		}
	}
}

// dropErased deletes what remains of erased accounts whose tokens have expired.
func (s *Service) dropErased(ctx context.Context) error {
	for {
		n, err := s.store.DropErased(ctx, erasePage)
		if err != nil {
			return fmt.Errorf("deleting the rows of erased accounts: %w", err)
		}
		if n < erasePage {
			return nil
		}
	}
}

// Deletions returns how many accounts were being deleted when EraseDue looked last.
func (s *Service) Deletions() DeletionBacklog {
	if b := s.deletions.Load(); b != nil {
		return *b
	}
	return DeletionBacklog{}
}

// erase erases one account that is due, and sends its address the last mail. The
// mail is not deleted with those of the account: it has no user. The journal is
// erased in batches before, so that the transaction is short. If the process stops
// in between, the next call goes on.
func (s *Service) erase(ctx context.Context, userID string, now time.Time) error {
	u, err := s.store.UserByID(ctx, userID)
	if errors.Is(err, ErrNotFound) {
		return ErrMovedOn
	}
	if err != nil {
		return fmt.Errorf("reading an account to erase: %w", err)
	}
	if u.DeleteAt == nil || u.DeleteAt.After(now) {
		return ErrMovedOn
	}
	for n := scrubBatch; n == scrubBatch; {
		if n, err = s.store.ScrubJournal(ctx, userID, scrubBatch); err != nil {
			return fmt.Errorf("erasing the journal of an account: %w", err)
		}
	}
	e := Event{Kind: EventAccountErased, At: now, UserID: userID}
	recorded := e
	if m := mailAbout(MailAccountDeleted, u, Event{At: now}); s.sendsMail {
		sealed, err := SealMail(s.sealer, "", m, now)
		if err != nil {
			s.warn(ctx, "mail not sent, because it cannot be encrypted", err)
		} else {
			recorded.Mails = []SealedMail{sealed}
		}
	}
	erasure := Erasure{
		UserID: userID, At: now, Epoch: u.AuthEpoch, Reason: RevokedByDeletion,
		KeepFor: s.settings.AccessTTL + s.settings.ClockLeeway + keepErased,
	}
	err = s.invalidatingFirst(ctx, now, func(before beforeCommit) error {
		erasure.BeforeCommit = before
		_, err := s.store.EraseUser(ctx, erasure, &recorded)
		return err
	})
	if err != nil {
		return fmt.Errorf("erasing an account: %w", err)
	}
	s.changed(ctx, e, &recorded)
	return nil
}
