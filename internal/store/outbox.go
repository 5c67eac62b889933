package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/models"
)

var _ auth.Outbox = (*Store)(nil)

// mailLease is the name of the lease of the process that sends mails.
const mailLease = "mail"

// addMails adds the mails of events to the outbox, in the transaction of their
// cause. They are due at once.
func addMails(tx *gorm.DB, events ...auth.Event) error {
	var rows []models.Mail
	for _, e := range events {
		for _, m := range e.Mails {
			if err := checkText(string(m.Kind), m.Sealed.Master); err != nil {
				return err
			}
			if err := checkIDs(m.ID); err != nil {
				return err
			}
			rows = append(rows, mailRow(m))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.Create(&rows).Error
}

func mailRow(m auth.SealedMail) models.Mail {
	return models.Mail{
		ID: m.ID, Kind: string(m.Kind), UserID: idPtr(m.UserID), Sealed: m.Sealed.Text, Master: m.Sealed.Master,
		CreatedAt: micros(m.CreatedAt), ExpiresAt: micros(m.ExpiresAt),
	}
}

func fromMailRow(r models.Mail) auth.QueuedMail {
	m := auth.QueuedMail{
		SealedMail: auth.SealedMail{
			ID: r.ID, Kind: auth.MailKind(r.Kind), Sealed: auth.Sealed{Text: r.Sealed, Master: r.Master},
			CreatedAt: fromMicros(r.CreatedAt), ExpiresAt: fromMicros(r.ExpiresAt),
		},
		SendAfter: fromMicros(r.SendAfter), Tries: int(r.Tries), LastError: r.LastError, DeadAt: fromMicrosPtr(r.DeadAt),
	}
	if r.UserID != nil {
		m.UserID = *r.UserID
	}
	return m
}

// ClaimMail implements [auth.Outbox]. The row of the lease is locked until the
// claim commits, so that of several processes one claims at a time. If no mail is
// due, the lease is rolled back.
func (s *Store) ClaimMail(ctx context.Context, holder string, lease time.Duration) (auth.QueuedMail, time.Time, error) {
	const doing = "claiming a mail"
	if err := checkText(holder); err != nil {
		return auth.QueuedMail{}, time.Time{}, fail(doing, err)
	}
	type claimed struct {
		models.Mail
		Now int64
	}
	p := params{"name": mailLease, "holder": holder, "lease": lease.Microseconds()}
	var row claimed
	err := s.transaction(ctx, func(tx *gorm.DB) error {
		taken := tx.Exec(`INSERT INTO leases (name, holder, until) VALUES (@name, @holder, `+s.dialect.clock+` + @lease)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE leases.holder = excluded.holder OR leases.until <= `+s.dialect.clock, p)
		if taken.Error != nil {
			return taken.Error
		}
		if taken.RowsAffected == 0 {
			return auth.ErrNotFound
		}
		rows, err := collect[claimed](tx, `UPDATE mails SET tries = tries + 1, send_after = `+s.dialect.clock+` + @lease
			WHERE id = (SELECT id FROM mails WHERE dead_at IS NULL AND send_after <= (SELECT `+s.dialect.clock+`)
				ORDER BY expires_at, id LIMIT 1)
			RETURNING `+mailColumns+`, `+s.dialect.clock, p)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return auth.ErrNotFound
		}
		row = rows[0]
		return nil
	})
	if err != nil {
		return auth.QueuedMail{}, time.Time{}, fail(doing, err)
	}
	return fromMailRow(row.Mail), fromMicros(row.Now), nil
}

// ReleaseMails implements [auth.Outbox].
func (s *Store) ReleaseMails(ctx context.Context, holder string) error {
	const doing = "releasing the outbox"
	if err := checkText(holder); err != nil {
		return fail(doing, err)
	}
	_, err := s.exec(ctx, nil, `DELETE FROM leases WHERE name = @name AND holder = @holder`, params{"name": mailLease, "holder": holder})
	return fail(doing, err)
}

// DeleteMail implements [auth.Outbox].
func (s *Store) DeleteMail(ctx context.Context, id string, e *auth.Event) error {
	if !isID(id) {
		return auth.ErrNotFound
	}
	n, err := s.exec(ctx, e, `DELETE FROM mails WHERE id = @id`, params{"id": id})
	if err == nil && n == 0 {
		err = auth.ErrNotFound
	}
	return fail("deleting a mail", err)
}

// PostponeMail implements [auth.Outbox].
func (s *Store) PostponeMail(ctx context.Context, id string, try int, wait time.Duration, reason string) error {
	return s.settleMail(ctx, "postponing a mail", `send_after = `+s.dialect.clock+` + @wait`,
		params{"id": id, "try": try, "wait": wait.Microseconds(), "reason": reason})
}

// BuryMail implements [auth.Outbox].
func (s *Store) BuryMail(ctx context.Context, id string, try int, erase bool, reason string) error {
	set := `dead_at = ` + s.dialect.clock
	if erase {
		set += `, sealed = NULL, master = ''`
	}
	return s.settleMail(ctx, "giving up a mail", set, params{"id": id, "try": try, "reason": reason})
}

// settleMail changes a waiting mail after its attempt failed.
func (s *Store) settleMail(ctx context.Context, doing, set string, p params) error {
	if !isID(p["id"].(string)) {
		return nil
	}
	if err := checkText(p["reason"].(string)); err != nil {
		return fail(doing, err)
	}
	_, err := s.exec(ctx, nil, `UPDATE mails SET last_error = @reason, `+set+` WHERE id = @id AND tries = @try AND dead_at IS NULL`, p)
	return fail(doing, err)
}

// RequeueMail implements [auth.Outbox].
func (s *Store) RequeueMail(ctx context.Context, id string, expiresAt time.Time, e *auth.Event) error {
	const doing = "retrying a mail"
	if !isID(id) {
		return auth.ErrNotFound
	}
	n, err := s.exec(ctx, e, `UPDATE mails SET send_after = 0, dead_at = NULL,
			expires_at = CASE WHEN dead_at IS NULL OR expires_at > @expires THEN expires_at ELSE @expires END
		WHERE id = @id AND sealed IS NOT NULL`, params{"id": id, "expires": micros(expiresAt)})
	if err != nil || n > 0 {
		return fail(doing, err)
	}
	_, err = queryOne[string](ctx, s, `SELECT id FROM mails WHERE id = @id`, params{"id": id})
	if err == nil {
		err = auth.ErrMovedOn
	}
	return fail(doing, err)
}

// ResealMail implements [auth.Outbox].
func (s *Store) ResealMail(ctx context.Context, id, from string, to auth.Sealed) (bool, error) {
	n, err := s.exec(ctx, nil, `UPDATE mails SET sealed = @sealed, master = @master WHERE id = @id AND master = @from AND sealed IS NOT NULL`,
		params{"id": id, "from": from, "sealed": to.Text, "master": to.Master})
	return n == 1, fail("re-encrypting a mail", err)
}

// Mails implements [auth.Outbox].
func (s *Store) Mails(ctx context.Context, q auth.MailQuery) ([]auth.QueuedMail, error) {
	where, p := "id > @after", params{"after": auth.MinID, "limit": q.Limit}
	if isID(q.After) {
		p["after"] = q.After
	}
	if q.Dead != nil {
		where += " AND (dead_at IS NOT NULL) = @dead"
		p["dead"] = *q.Dead
	}
	if isID(q.UserID) {
		where += " AND user_id = @user"
		p["user"] = q.UserID
	}
	rows, err := query[models.Mail](ctx, s, `SELECT `+mailColumns+` FROM mails WHERE `+where+` ORDER BY id LIMIT @limit`, p)
	if err != nil {
		return nil, fail("listing mails", err)
	}
	return values(rows, fromMailRow), nil
}

// MailBacklog implements [auth.Outbox].
func (s *Store) MailBacklog(ctx context.Context) (auth.MailBacklog, error) {
	type counts struct {
		Waiting, Due, Dead, Now int64
		Oldest                  *int64
	}
	row, err := queryOne[counts](ctx, s, `SELECT COUNT(id) - COUNT(dead_at),
			COUNT(CASE WHEN dead_at IS NULL AND send_after <= c.now THEN 1 END), COUNT(dead_at), c.now,
			MIN(CASE WHEN dead_at IS NULL THEN created_at END)
		FROM (SELECT `+s.dialect.clock+` AS now) c LEFT JOIN mails ON TRUE GROUP BY c.now`, nil)
	if err != nil {
		return auth.MailBacklog{}, fail("counting mails", err)
	}
	b := auth.MailBacklog{Waiting: int(row.Waiting), Due: int(row.Due), Dead: int(row.Dead)}
	if row.Oldest != nil {
		b.Oldest = max(0, time.Duration(row.Now-*row.Oldest)*time.Microsecond)
	}
	return b, nil
}
