package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Deletions stores which accounts are to be erased, and erases them. It has the
// error rules of Store. A deletion begins with EndSessions.
type Deletions interface {
	// UndoableUntil returns when the last unused token that undoes a change of the
	// user's address expires, or zero. Such a token delays the erasure.
	UndoableUntil(ctx context.Context, userID string, now time.Time) (time.Time, error)
	// CancelDeletion clears DeleteAt, uses up the token, and deletes the other tokens
	// for it. It returns ErrMovedOn if the account is not being deleted, was erased,
	// has another address, or if the token cannot be used.
	CancelDeletion(ctx context.Context, c DeletionCancel, e *Event) error
	// DueDeletions returns the ids of accounts that are to be erased by now, at most
	// limit, the longest overdue first, and the time of the database's clock.
	DueDeletions(ctx context.Context, limit int) ([]string, time.Time, error)
	// ScrubJournal erases what identifies a person from the events of a user, at most
	// limit, and returns how many it changed.
	ScrubJournal(ctx context.Context, userID string, limit int) (int, error)
	// EraseUser erases an account that is due, and returns the ids of the sessions
	// that it revoked. It returns ErrMovedOn if the account is not due, was erased,
	// or has another epoch.
	EraseUser(ctx context.Context, erasure Erasure, e *Event) ([]string, error)
	// DropErased deletes the rows that remain of erased accounts without sessions,
	// at most limit, and returns how many.
	DropErased(ctx context.Context, limit int) (int, error)
	// DeletionBacklog counts the accounts that are being deleted.
	DeletionBacklog(ctx context.Context) (DeletionBacklog, error)
}

// DeletionCancel is the end of a deletion, by a mailed link.
type DeletionCancel struct {
	UserID   string
	EmailKey string // that the link was mailed to
	At       time.Time
	Redeem   Redemption
}

// Erasure is the erasure of one account.
type Erasure struct {
	UserID string
	At     time.Time
	Epoch  int64 // of the user, as the caller read it
	Reason string
	// KeepFor is how long after their end sessions remain, without data of the
	// person, so that every checker of tokens learns that they were revoked.
	KeepFor time.Duration
	// BeforeCommit is as in EndSessions, for sessions that the deletion did not end.
	BeforeCommit func(ctx context.Context, sessionIDs []string) error
}

// DeletionBacklog counts accounts that are being deleted.
type DeletionBacklog struct {
	Waiting int // not erased yet
	Due     int // of those that wait, the ones that are to be erased by now
	// Overdue is how long the account that is due for longest has been due, or 0.
	Overdue time.Duration
}

// deletion is the deletion of an account in progress.
type deletion struct {
	user  User
	grace time.Duration
	event Event
}

// DeleteAccount deletes the caller's account: it revokes all sessions at once, and
// mails a link that cancels the deletion. It returns when the account is erased:
// after DeletionGrace, or later if a link that undoes a change of the address is
// still valid. Without a grace it erases the account at once. It returns
// CodeForbidden if there is a grace and no mail is configured.
func (s *Service) DeleteAccount(ctx context.Context, caller Caller, c Client) (_ time.Time, err error) {
	ctx, now, end, err := s.begin(ctx, StepDeleteAccount, c)
	defer end(&err)
	if err != nil {
		return time.Time{}, err
	}
	if s.settings.DeletionGrace > 0 && !s.sendsLinks() {
		return time.Time{}, mailNotConfigured()
	}
	if err := s.allow(ctx, limitDeletion, caller.UserID); err != nil {
		return time.Time{}, err
	}
	u, err := s.account(ctx, caller)
	if err != nil {
		return time.Time{}, err
	}
	e := Event{Kind: EventDeleteRequested, At: now, UserID: u.ID, SessionID: caller.SessionID, Client: c}
	at, err := s.deleteUser(ctx, deletion{user: u, grace: s.settings.DeletionGrace, event: e})
	if errors.Is(err, ErrMovedOn) {
		return time.Time{}, Unavailable(fmt.Errorf("the account changed meanwhile: %w", err))
	}
	return at, err
}

// DeleteUser deletes the account of a user, who is found as by FindUser, as
// DeleteAccount does. With now there is no grace, also if the account is being
// deleted already. Otherwise it returns CodeConflict for such an account. It is for
// administrators.
func (s *Service) DeleteUser(ctx context.Context, who string, now bool, c Client) (time.Time, error) {
	u, err := s.FindUser(ctx, who)
	if err != nil {
		return time.Time{}, err
	}
	if u.DeleteAt != nil && !now {
		return time.Time{}, &Error{Code: CodeConflict, Message: "this account is being deleted already: use --now to erase it at once"}
	}
	if err := s.prepareRevoking(ctx); err != nil {
		return time.Time{}, err
	}
	d := deletion{user: u, grace: s.settings.DeletionGrace, event: Event{Kind: EventDeleteRequested, At: s.now(), UserID: u.ID, Client: c}}
	if now {
		d.grace = 0
	}
	at, err := s.deleteUser(ctx, d)
	if errors.Is(err, ErrMovedOn) {
		err = &Error{Code: CodeConflict, Message: "the account changed meanwhile, or is due already: try again", Err: err}
	}
	return at, err
}

// deleteUser makes the deletion. It returns an error that wraps ErrMovedOn if the
// user changed meanwhile.
func (s *Service) deleteUser(ctx context.Context, d deletion) (time.Time, error) {
	now, u := d.event.At, d.user
	undoable, err := s.store.UndoableUntil(ctx, u.ID, now)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading what delays a deletion: %w", err)
	}
	at := now.Add(d.grace).Truncate(time.Microsecond)
	if undoable.After(at) {
		at = undoable
	}
	change := EndSessions{
		UserID: u.ID, Reason: RevokedByDeletion, At: now, RaiseEpoch: true, ExpectEpoch: &u.AuthEpoch, DeleteAt: &at,
	}
	recorded := &d.event
	if at.After(now) && s.sendsLinks() {
		token, m := s.cancelLink(u, at, d.event)
		change.Issue = &token
		if recorded = s.withMail(ctx, recorded, m); len(recorded.Mails) == 0 {
			return time.Time{}, Unavailable(errNotSealed)
		}
	}
	if _, err := s.revokeRecorded(ctx, change, d.event, recorded); err != nil {
		return time.Time{}, err
	}
	if !at.After(now) {
		if err := s.erase(ctx, u.ID, at); err != nil && !errors.Is(err, ErrMovedOn) {
			s.warn(ctx, erasureFailed, err)
		}
	}
	return at, nil
}

// cancelLink returns a token that cancels a deletion, and the mail with its link.
func (s *Service) cancelLink(u User, until time.Time, e Event) (OneTimeToken, Mail) {
	token, hash := newLink()
	m := mailAbout(MailCancelDeletion, u, e)
	m.Link, m.ExpiresAt = s.link(PurposeCancelDeletion, token), until
	return OneTimeToken{
		Hash: hash, Purpose: PurposeCancelDeletion, UserID: u.ID, EmailKey: u.EmailKey, CreatedAt: e.At, ExpiresAt: until,
	}, m
}

// CancelDeletion keeps an account that is being deleted, by the token of the mailed
// link. Sessions stay revoked. It returns CodeBadUserInput if the token cannot be
// used.
func (s *Service) CancelDeletion(ctx context.Context, token string, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepCancelDeletion, c)
	defer end(&err)
	if err != nil {
		return err
	}
	if err := s.allow(ctx, limitTokenUse, AddressKey(c.Address)); err != nil {
		return err
	}
	t, u, err := s.tokenOwner(ctx, PurposeCancelDeletion, token, now)
	if errors.Is(err, ErrNotFound) {
		return s.countFailure(ctx, c, invalidLink())
	}
	if err != nil {
		return err
	}
	e := Event{Kind: EventDeleteCancelled, At: now, UserID: u.ID, Client: c}
	recorded := s.withMail(ctx, &e, mailAbout(MailDeletionCancelled, u, e))
	err = s.store.CancelDeletion(ctx, DeletionCancel{
		UserID: u.ID, EmailKey: t.EmailKey, At: now, Redeem: Redemption{Hash: t.Hash, Purpose: t.Purpose},
	}, recorded)
	if errors.Is(err, ErrMovedOn) {
		return s.countFailure(ctx, c, invalidLink()) // it was used, or the account was erased meanwhile
	}
	if err != nil {
		return fmt.Errorf("cancelling a deletion: %w", err)
	}
	s.changed(ctx, e, recorded)
	return nil
}

// isBeingDeleted is the error for the right credential of an account that is being
// deleted.
func isBeingDeleted() error {
	return Unauthenticated(ReasonAccountDeleting,
		"this account is being deleted: to keep it, follow the link in the mail about it; a request for a new password sends another one")
}
