package auth

import (
	"context"
	"fmt"
)

// PersonalData is everything that the database has about one person, except hashes
// of secrets and the contents of mails, which wait for the person anyway.
type PersonalData struct {
	User     User
	Sessions []Session // live, revoked and expired ones, as far as they are kept
	Tokens   []OneTimeToken
	Mails    []QueuedMail // in the outbox
	Events   []RecordedEvent
}

// PersonalDataStore reads what is stored about one person.
type PersonalDataStore interface {
	// AllSessions returns all sessions of a user, the oldest first.
	AllSessions(ctx context.Context, userID string) ([]Session, error)
	// AllTokens returns all one-time tokens of a user, the oldest first.
	AllTokens(ctx context.Context, userID string) ([]OneTimeToken, error)
}

// ExportPerson returns what is stored about a user, who is found as by FindUser. The
// journal records the export. It is not a snapshot. It is for administrators, who
// must answer when a person asks for the data (GDPR article 15).
func (s *Service) ExportPerson(ctx context.Context, who string, c Client) (p PersonalData, err error) {
	if p.User, err = s.FindUser(ctx, who); err != nil {
		return p, err
	}
	e := Event{Kind: EventUsersExported, At: s.now(), UserID: p.User.ID, Client: c, Detail: "all of one person"}
	if err := s.store.Record(ctx, e); err != nil {
		return p, fmt.Errorf("recording the export: %w", err)
	}
	s.events.Emit(ctx, e)
	if p.Sessions, err = s.store.AllSessions(ctx, p.User.ID); err != nil {
		return p, fmt.Errorf("listing sessions: %w", err)
	}
	if p.Tokens, err = s.store.AllTokens(ctx, p.User.ID); err != nil {
		return p, fmt.Errorf("listing one-time tokens: %w", err)
	}
	for q := (MailQuery{UserID: p.User.ID, Limit: exportPage}); ; q.After = p.Mails[len(p.Mails)-1].ID {
		page, err := s.Mails(ctx, q)
		if err != nil {
			return p, err
		}
		if p.Mails = append(p.Mails, page...); len(page) < exportPage {
			break
		}
	}
	for q := (JournalQuery{UserID: p.User.ID, Limit: exportPage}); ; q.OlderThan = p.Events[len(p.Events)-1].ID {
		page, err := s.Journal(ctx, q)
		if err != nil {
			return p, err
		}
		if p.Events = append(p.Events, page...); len(page) < exportPage {
			return p, nil
		}
	}
}
