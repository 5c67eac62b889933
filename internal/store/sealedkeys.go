package store

import (
	"context"
	"time"

	"rekey/internal/auth"
	"rekey/models"
)

var _ auth.SealedKeys = (*Store)(nil)

// SealedKeys implements [auth.SealedKeys]. It reads the clock first, so that no
// key that is added in between is younger than the time that it returns.
func (s *Store) SealedKeys(ctx context.Context) ([]auth.SealedKey, time.Time, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	rows, err := query[models.SealedKey](ctx, s, `SELECT `+sealedKeyColumns+` FROM sealed_keys ORDER BY purpose, COALESCE(number, 0), kid`, nil)
	if err != nil {
		return nil, time.Time{}, fail("reading the key ring", err)
	}
	return values(rows, func(r models.SealedKey) auth.SealedKey {
		k := auth.SealedKey{
			KID: r.KID, Purpose: auth.KeyPurpose(r.Purpose), Sealed: r.Sealed, Master: r.Master,
			Life: time.Duration(r.Life) * time.Microsecond, CreatedAt: fromMicros(r.CreatedAt),
			SignsFrom: fromMicrosPtr(r.SignsFrom), EndsAt: fromMicrosPtr(r.EndsAt),
		}
		if r.Number != nil {
			k.Number = *r.Number
		}
		return k
	}), now, nil
}

// AddKey implements [auth.SealedKeys].
func (s *Store) AddKey(ctx context.Context, k auth.SealedKey, lead time.Duration, e *auth.Event) (bool, error) {
	const doing = "adding a key"
	if err := checkText(k.KID, k.Master); err != nil {
		return false, fail(doing, err)
	}
	var number *int64
	if k.Number != 0 {
		number = &k.Number
	}
	n, err := s.exec(ctx, e, `INSERT INTO sealed_keys (`+sealedKeyColumns+`)
		SELECT @kid, @purpose, CAST(@number AS bigint), @sealed, @master, @life, c.now,
			CASE WHEN @signs THEN c.now + @lead END, CASE WHEN @signs THEN NULL ELSE c.now + @life END
		FROM (SELECT `+s.dialect.clock+` AS now) c WHERE TRUE
		ON CONFLICT DO NOTHING`,
		params{
			"kid": k.KID, "purpose": string(k.Purpose), "number": number, "signs": k.Number != 0,
			"sealed": k.Sealed, "master": k.Master, "life": k.Life.Microseconds(), "lead": lead.Microseconds(),
		})
	return n == 1, fail(doing, err)
}

// EndKey implements [auth.SealedKeys].
func (s *Store) EndKey(ctx context.Context, kid string, after time.Duration, e *auth.Event) error {
	const doing = "ending a key"
	if err := checkText(kid); err != nil {
		return fail(doing, err)
	}
	n, err := s.exec(ctx, e, `UPDATE sealed_keys SET ends_at = CASE WHEN ends_at < `+s.dialect.clock+` + @after
			THEN ends_at ELSE `+s.dialect.clock+` + @after END
		WHERE kid = @kid`, params{"kid": kid, "after": after.Microseconds()})
	if err == nil && n == 0 {
		err = auth.ErrNotFound
	}
	return fail(doing, err)
}

// RaiseKeyLife implements [auth.SealedKeys].
func (s *Store) RaiseKeyLife(ctx context.Context, kid string, life time.Duration) error {
	_, err := s.exec(ctx, nil, `UPDATE sealed_keys SET life = @life WHERE kid = @kid AND life < @life`,
		params{"kid": kid, "life": life.Microseconds()})
	return fail("raising the lifetime of a key", err)
}

// ResealKey implements [auth.SealedKeys].
func (s *Store) ResealKey(ctx context.Context, kid, from string, sealed []byte, master string, e *auth.Event) (bool, error) {
	n, err := s.exec(ctx, e, `UPDATE sealed_keys SET sealed = @sealed, master = @master WHERE kid = @kid AND master = @from`,
		params{"kid": kid, "from": from, "sealed": sealed, "master": master})
	return n == 1, fail("re-encrypting a key", err)
}

// DeleteKey implements [auth.SealedKeys].
func (s *Store) DeleteKey(ctx context.Context, kid string, e *auth.Event) error {
	_, err := s.exec(ctx, e, `DELETE FROM sealed_keys WHERE kid = @kid`, params{"kid": kid})
	return fail("deleting a key", err)
}
