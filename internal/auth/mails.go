package auth

import (
	"context"
	"errors"
	"fmt"
)

// withMail returns the event of a change together with mails, which the store
// adds to the outbox in the transaction of the change. recorded is what toRecord
// returned. If it is nil, the journal's sample is full, and no mail is sent
// either: calls in a loop must not fill a mailbox. A mail that cannot be encrypted
// is logged and does not prevent the change.
func (s *Service) withMail(ctx context.Context, recorded *Event, mails ...Mail) *Event {
	if recorded == nil || !s.sendsMail || len(mails) == 0 {
		return recorded
	}
	e := *recorded
	for _, m := range mails {
		sealed, err := SealMail(s.sealer, e.UserID, m, e.At)
		if err != nil {
			s.warn(ctx, "mail not sent, because it cannot be encrypted", err)
			continue
		}
		e.Mails = append(e.Mails, sealed)
	}
	return &e
}

// mailAbout returns a mail that informs a user about an event.
func mailAbout(kind MailKind, u User, e Event) Mail {
	return Mail{Kind: kind, To: u.Email, Name: u.Name, Locale: u.Locale, Client: e.Client, At: e.At}
}

// mailed wakes the worker of the outbox, after the change that an event records.
func (s *Service) mailed(recorded *Event) {
	if recorded != nil && len(recorded.Mails) > 0 && s.onMail != nil {
		s.onMail()
	}
}

// Mails lists the mails in the outbox. It is for administrators.
func (s *Service) Mails(ctx context.Context, q MailQuery) ([]QueuedMail, error) {
	mails, err := s.outbox.Mails(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("listing mails: %w", err)
	}
	return mails, nil
}

// RetryMail makes a mail due now. A dead letter gets the time of a new mail. It
// returns CodeNotFound if there is no such mail, and CodeConflict if the mail was
// erased, because it contained a secret. It is for administrators.
func (s *Service) RetryMail(ctx context.Context, id string, c Client) error {
	now := s.now()
	e := Event{Kind: EventMailRetried, At: now, Client: c, Detail: id}
	err := s.outbox.RequeueMail(ctx, id, now.Add(informsFor), &e)
	if errors.Is(err, ErrMovedOn) {
		return &Error{Code: CodeConflict, Message: "the mail contained a secret and was erased: the person must request another one", Err: err}
	}
	return s.changedMail(ctx, e, err)
}

// DropMail deletes a mail that is not sent. It returns CodeNotFound if there is no
// such mail. It is for administrators.
func (s *Service) DropMail(ctx context.Context, id string, c Client) error {
	e := Event{Kind: EventMailDropped, At: s.now(), Client: c, Detail: id}
	return s.changedMail(ctx, e, s.outbox.DeleteMail(ctx, id, &e))
}

// changedMail emits the event of a change of a mail, unless it failed.
func (s *Service) changedMail(ctx context.Context, e Event, err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return &Error{Code: CodeNotFound, Message: "there is no such mail in the outbox", Err: err}
	case err != nil:
		return fmt.Errorf("changing a mail: %w", err)
	}
	s.events.Emit(ctx, e)
	return nil
}

// ReencryptMails encrypts every mail in the outbox with the current master key,
// and returns how many were encrypted with another one. It is for administrators.
func (s *Service) ReencryptMails(ctx context.Context) (done int, err error) {
	q := MailQuery{Limit: exportPage}
	for {
		page, err := s.Mails(ctx, q)
		if err != nil || len(page) == 0 {
			return done, err
		}
		for _, m := range page {
			changed, err := s.reencryptMail(ctx, m.SealedMail)
			if err != nil {
				return done, err
			}
			if changed {
				done++
			}
		}
		q.After = page[len(page)-1].ID
	}
}

func (s *Service) reencryptMail(ctx context.Context, m SealedMail) (bool, error) {
	current, err := s.sealer.Current()
	if err != nil || m.Sealed.Master == current || m.Sealed.Text == nil {
		return false, err
	}
	text, err := s.sealer.Open(mailPurpose, m.ID, m.Sealed)
	if err != nil {
		return false, fmt.Errorf("decrypting mail %s: %w", m.ID, err)
	}
	sealed, err := s.sealer.Seal(mailPurpose, m.ID, text)
	if err != nil {
		return false, fmt.Errorf("encrypting mail %s: %w", m.ID, err)
	}
	return s.outbox.ResealMail(ctx, m.ID, m.Sealed.Master, sealed)
}
