package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// maxLocale is the longest language tag in bytes. RFC 5646 section 4.4.1 derives
// 35 for tags without extensions and private use.
const maxLocale = 35

// UpdateProfileInput holds the fields that a user changes. A nil field stays as
// it is.
type UpdateProfileInput struct {
	Name *string
	// Locale is a BCP 47 language tag, or empty for the default language.
	Locale *string
}

// ProfileChange is a change of fields that need no proof. A nil field stays as it
// is.
type ProfileChange struct {
	UserID string
	Name   *string
	Locale *string
	At     time.Time
}

// UpdateProfile changes the caller's name and locale, and returns the account.
// Access tokens contain a new name from the next refresh on. It returns
// CodeBadUserInput for all invalid fields.
func (s *Service) UpdateProfile(ctx context.Context, caller Caller, in UpdateProfileInput, c Client) (_ User, err error) {
	ctx, now, end, err := s.begin(ctx, StepUpdateProfile, c)
	defer end(&err)
	if err != nil {
		return User{}, err
	}
	if err := s.allow(ctx, limitProfile, caller.UserID); err != nil {
		return User{}, err
	}
	change := ProfileChange{UserID: caller.UserID, At: now.Truncate(time.Microsecond)}
	var fields []string
	var nameErr, localeErr error
	if in.Name != nil {
		var name string
		name, nameErr = personName(*in.Name)
		change.Name, fields = &name, append(fields, "name")
	}
	if in.Locale != nil {
		var locale string
		locale, localeErr = localeTag(*in.Locale)
		change.Locale, fields = &locale, append(fields, "locale")
	}
	if err := joinBadInput(nameErr, localeErr); err != nil {
		return User{}, err
	}
	if len(fields) == 0 {
		return s.account(ctx, caller)
	}
	e := Event{
		Kind: EventProfileChanged, At: now, UserID: caller.UserID, SessionID: caller.SessionID, Client: c, Detail: strings.Join(fields, " "),
	}
	recorded := s.toRecord(ctx, &e)
	changed, u, err := s.store.UpdateProfile(ctx, change, recorded)
	if errors.Is(err, ErrNotFound) {
		return User{}, isMissing.err()
	}
	if err != nil {
		return User{}, fmt.Errorf("changing a profile: %w", err)
	}
	if changed {
		s.changed(ctx, e, recorded)
	}
	return u, nil
}

// localeTag returns the canonical form of a language tag, such as pt-BR for
// pt_br. It returns "" for an empty tag.
func localeTag(raw string) (string, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return "", nil
	}
	invalid := BadInput("locale", fmt.Sprintf("locale must be a BCP 47 language tag of at most %d characters, such as en or pt-BR", maxLocale))
	if len(raw) > maxLocale {
		return "", invalid
	}
	tag, err := language.Parse(raw)
	if err != nil || tag == language.Und {
		return "", invalid
	}
	locale := tag.String()
	if len(locale) > maxLocale {
		return "", invalid
	}
	return locale, nil
}
