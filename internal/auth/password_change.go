package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ChangePasswordInput is the current password and the one that replaces it.
type ChangePasswordInput struct {
	AccessToken     string
	CurrentPassword string
	NewPassword     string
	IdempotencyKey  string // see RefreshInput
	Replaces        string // see LoginInput
	Device          string // see LoginInput
}

// ChangedPassword is the result of a change of the password.
type ChangedPassword struct {
	Revoked int // the number of other sessions that were revoked
	Grant   Grant
}

// ChangePassword replaces the password of the access token's user, revokes the
// user's other sessions, replaces the pair of the token's session, and sends a mail
// about it. All of this is one transaction. The old pair is refused at once: there is no overlap, and no
// grace. If the current password is wrong, ChangePassword returns CodeBadUserInput,
// because clients log people out on CodeUnauthenticated.
//
// A repeated request gets the same result if it has the same access token,
// expired or not, and the same idempotency key, and its new password is the
// account's.
func (s *Service) ChangePassword(ctx context.Context, in ChangePasswordInput, c Client) (_ ChangedPassword, err error) {
	ctx, now, end, err := s.begin(ctx, StepChangePassword, c)
	defer end(&err)
	if err != nil {
		return ChangedPassword{}, err
	}
	retry, err := hashIdempotencyKey(in.IdempotencyKey)
	if err != nil {
		return ChangedPassword{}, err
	}
	claims, refusal := s.verify(ctx, UseAccess, in.AccessToken, now, c)
	if refusal != nil {
		if claims, err = s.expiredButRepeated(ctx, in.AccessToken, retry, refusal, now); err != nil {
			return ChangedPassword{}, err
		}
	}
	p := passwordChange{core: s, in: in, claims: claims, retry: retry, client: c, secret: newSecret()}
	if retry != nil {
		p.secret = deriveAtPasswordChange(s.rotationKeys()[0], claims.SessionID, claims.Secret, *retry)
	}
	result, err := p.run(ctx, refusal, now)
	if err == nil {
		u := result.Grant.User
		result.Grant.Device = s.newDeviceValue(in.Device, s.findDevice(in.Device, u.EmailKey), u)
		s.endReplaced(ctx, in.Replaces, claims.SessionID, now, c)
	}
	return result, err
}

// expiredButRepeated returns the claims of an access token that was refused because
// it has expired, if the request has a key: it may be a repeat. Otherwise it
// returns the refusal.
func (s *Service) expiredButRepeated(ctx context.Context, token string, retry *SecretHash, refusal error, now time.Time) (Claims, error) {
	if AsError(refusal).Reason != ReasonTokenExpired || retry == nil {
		return Claims{}, refusal
	}
	claims, err := s.tokens.VerifyExpired(UseAccess, token, now)
	if err != nil {
		return Claims{}, refusal
	}
	logSession(ctx, claims.SessionID)
	return claims, s.allow(ctx, limitAccess, claims.SessionID)
}

// passwordChange is one change of a password in progress.
type passwordChange struct {
	core   *Service
	in     ChangePasswordInput
	claims Claims
	retry  *SecretHash
	client Client
	secret string // of the next pair
}

// run judges the access token. refusal is the error if it has expired, or nil.
func (p passwordChange) run(ctx context.Context, refusal error, now time.Time) (ChangedPassword, error) {
	st, err := p.core.sessionState(ctx, p.claims.SessionID, HashSecret(p.claims.Secret))
	if errors.Is(err, ErrNotFound) {
		return ChangedPassword{}, isMissing.err()
	}
	if err != nil {
		return ChangedPassword{}, err
	}
	if refusal == nil {
		refusal = p.core.judgeLiveAccess(st, p.claims, now)
	}
	secret, repeats := p.repeats(st, now)
	if refusal != nil && !repeats {
		return ChangedPassword{}, refusal
	}
	if err := p.core.allowChange(ctx, Caller{UserID: st.User.ID, SessionID: st.Session.ID}, st.User.EmailKey, now, p.client); err != nil {
		return ChangedPassword{}, err
	}
	if repeats {
		return p.repeat(ctx, st, secret, now)
	}
	return p.change(ctx, st, now)
}

// repeats reports whether the request repeats the change that rotated the session
// last, and returns the secret of the pair of that change. Only the key and the
// access token of that request derive the current secret.
func (p passwordChange) repeats(st SessionState, now time.Time) (secret string, ok bool) {
	sess := st.Session
	if judgeSession(st, p.claims.User.ID, now) != 0 || sess.RotatedBy != RotatedByPasswordChange || st.AccessBlacklisted ||
		sess.RefreshBlacklistedAt != nil || p.retry == nil || !sess.RetryHash.matches(*p.retry) || st.age() > p.core.settings.RetryTTL {
		return "", false
	}
	for _, key := range p.core.rotationKeys() {
		secret = deriveAtPasswordChange(key, sess.ID, p.claims.Secret, *p.retry)
		if sess.SecretHash.Equal(HashSecret(secret)) {
			return secret, true
		}
	}
	return "", false
}

// repeat returns the result of a change that was made before. The new password
// must be the account's: the old one, which can no longer be checked, proved who
// asked for the change.
func (p passwordChange) repeat(ctx context.Context, st SessionState, secret string, now time.Time) (ChangedPassword, error) {
	next, err := normalizePassword("newPassword", p.in.NewPassword)
	same := false
	if err == nil {
		if same, _, err = p.core.passwords.Verify(ctx, p.attempt(st.User), st.User.PasswordHash, next); err != nil {
			return ChangedPassword{}, err
		}
	}
	if !same {
		p.failed(ctx, st.User, now)
		return ChangedPassword{}, isBlacklisted.err()
	}
	refresh{core: p.core, claims: p.claims, client: p.client, now: now}.reportForeign(ctx, st)
	return p.recorded(ctx, st, secret, now)
}

// recorded returns the result of the change that rotated the session last. The
// journal has the number of the sessions that it revoked.
func (p passwordChange) recorded(ctx context.Context, st SessionState, secret string, now time.Time) (ChangedPassword, error) {
	var result ChangedPassword
	events, err := p.core.Journal(ctx, JournalQuery{UserID: st.User.ID, Kinds: []EventKind{EventPasswordChanged}, Limit: 1})
	if err != nil {
		return ChangedPassword{}, err
	}
	if len(events) > 0 {
		result.Revoked = events[0].Count
	}
	result.Grant, err = p.core.grant(ctx, st.User, st.Session, secret, now)
	return result, err
}

// change makes the change. st is the state that the access token was judged by.
func (p passwordChange) change(ctx context.Context, st SessionState, now time.Time) (ChangedPassword, error) {
	hash, err := p.newHash(ctx, st.User)
	if errors.Is(err, errWrongPassword) {
		p.failed(ctx, st.User, now)
	}
	if err != nil {
		return ChangedPassword{}, err
	}
	expected := st.User.PasswordHash
	for range maxInvalidations { // other requests may refresh the session meanwhile
		result, err := p.try(ctx, st, expected, hash)
		if !errors.Is(err, ErrMovedOn) {
			return result, err
		}
		if st, err = p.core.sessionState(ctx, p.claims.SessionID, HashSecret(p.claims.Secret)); err != nil {
			return ChangedPassword{}, err
		}
		now = p.core.now()
		if secret, repeats := p.repeats(st, now); repeats { // the same request, in two copies
			return p.repeat(ctx, st, secret, now)
		}
		if v := p.core.judgeAccess(st, p.claims, now); v != isCurrent {
			return ChangedPassword{}, v.err()
		}
		if st.User.PasswordHash != expected {
			break
		}
	}
	return ChangedPassword{}, Unavailable(fmt.Errorf("the password or the session changed meanwhile: %w", ErrMovedOn))
}

// try changes the password if its hash is the expected one, and if the session is
// as in st. Otherwise it returns ErrMovedOn.
func (p passwordChange) try(ctx context.Context, st SessionState, expected, hash string) (ChangedPassword, error) {
	now := p.core.now() // hashing may have waited, and sessions must be revoked at the present
	if err := p.invalidate(ctx, st.Session, now); err != nil {
		return ChangedPassword{}, err
	}
	own := p.rotation(st.Session, now)
	e := Event{Kind: EventPasswordChanged, At: now, UserID: st.User.ID, SessionID: st.Session.ID, Client: p.client}
	change := EndSessions{
		UserID: st.User.ID, Reason: RevokedByPasswordChange, At: now,
		RaiseEpoch: true, ExpectPasswordHash: expected, PasswordHash: hash, Method: MethodPassword,
	}
	recorded := p.core.withMail(ctx, &e, mailAbout(MailPasswordChanged, st.User, e))
	var result ChangedPassword
	var changed SessionState
	err := p.core.invalidatingFirst(ctx, now, func(before beforeCommit) (err error) {
		var ids []string
		change.BeforeCommit = before
		changed, ids, err = p.core.store.EndOtherSessions(ctx, change, own, recorded)
		result.Revoked = len(ids)
		return err
	})
	if err != nil {
		if result, err = p.confirm(ctx, own, err, now); err == nil {
			e.Count = result.Revoked
			p.core.changed(ctx, e, recorded)
		}
		return result, err
	}
	e.Count = result.Revoked
	p.core.changed(ctx, e, recorded)
	result.Grant, err = p.core.grant(ctx, changed.User, changed.Session, p.secret, now)
	return result, err
}

// invalidate invalidates the access tokens of a session that may be valid, at once.
func (p passwordChange) invalidate(ctx context.Context, sess Session, now time.Time) error {
	until := now.Add(p.core.settings.AccessTTL + p.core.settings.ClockLeeway)
	list := []Invalidation{{SessionID: sess.ID, Secret: &sess.SecretHash, Until: until}}
	if sess.PreviousHash != nil {
		list = append(list, Invalidation{SessionID: sess.ID, Secret: sess.PreviousHash, Until: until})
	}
	return p.core.cache.Invalidate(ctx, list...)
}

func (p passwordChange) rotation(sess Session, now time.Time) Rotation {
	iat := now.Truncate(time.Second)
	if iat.Before(sess.IssuedAt) {
		iat = sess.IssuedAt
	}
	settings := p.core.settings
	return Rotation{
		SessionID: sess.ID, UserID: sess.UserID, Current: sess.SecretHash, Next: HashSecret(p.secret),
		RetryHash: p.retry, Attempt: NoRepeat(),
		Now: now, IssuedAt: iat, ClockLeeway: settings.ClockLeeway, ReuseWindow: settings.ReuseWindow,
		AccessExpiresAt: iat.Add(settings.AccessTTL), RefreshExpiresAt: iat.Add(settings.RefreshTTL),
		UserAgent: p.client.UserAgent, IPAddress: p.client.Address, Transport: RotatedByPasswordChange,
	}
}

// confirm finds out whether a change of unknown outcome was committed: the session
// then has the next secret, which no other request has. Otherwise it returns the
// error of the change.
func (p passwordChange) confirm(ctx context.Context, own Rotation, changeErr error, now time.Time) (ChangedPassword, error) {
	if AsError(changeErr).Code != CodeUnavailable || errors.Is(changeErr, ErrNothingDone) || errors.Is(changeErr, errNotInvalidated) {
		return ChangedPassword{}, changeErr
	}
	st, err := p.core.sessionState(ctx, own.SessionID, own.Next)
	if err != nil || !st.Session.SecretHash.Equal(own.Next) || judgeSession(st, own.UserID, now) != 0 {
		return ChangedPassword{}, changeErr
	}
	return p.recorded(ctx, st, p.secret, now)
}

// failed records that a password was wrong.
func (p passwordChange) failed(ctx context.Context, u User, now time.Time) {
	e := Event{Kind: EventPasswordFailed, At: now, UserID: u.ID, SessionID: p.claims.SessionID, Client: p.client}
	p.core.failed(ctx, e, u.EmailKey)
}

// errWrongPassword is the cause of the error for a wrong current password.
var errWrongPassword = errors.New("wrong current password")

// attempt returns for whom passwords are hashed. The caller is signed in, so the
// device is known.
func (p passwordChange) attempt(u User) Attempt {
	return Attempt{Account: u.EmailKey, Network: AddressKey(p.client.Address), Known: true}
}

// newHash checks the current password and hashes the new one.
func (p passwordChange) newHash(ctx context.Context, u User) (string, error) {
	next, err := p.core.choosePassword(ctx, "newPassword", p.in.NewPassword, u)
	if err != nil {
		return "", err
	}
	wrong := BadInput("currentPassword", "current password is wrong")
	wrong.Err = errWrongPassword
	current, err := normalizePassword("currentPassword", p.in.CurrentPassword)
	if err != nil {
		return "", wrong
	}
	ok, _, err := p.core.passwords.Verify(ctx, p.attempt(u), u.PasswordHash, current)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", wrong
	}
	if next == current {
		return "", BadInput("newPassword", "new password is the current one")
	}
	return p.core.passwords.Hash(ctx, p.attempt(u), next)
}
