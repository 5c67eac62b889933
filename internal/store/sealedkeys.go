package store

import (
	"context"
	"time"

	"rekey/internal/auth"
	"rekey/models"
)

var _ auth.SealedKeys = (*Store)(nil)

func sealedKeyFields(k *models.SealedKey) []any {
	return []any{&k.KID, &k.Purpose, &k.Number, &k.Sealed, &k.Master, &k.Life, &k.CreatedAt, &k.SignsFrom, &k.EndsAt}
}

// SealedKeys implements [auth.SealedKeys]. The clock is read first: a key that
// is added in between is not younger than it.
func (s *Store) SealedKeys(ctx context.Context) ([]auth.SealedKey, time.Time, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	rows, err := query(ctx, s.read, `SELECT kid, purpose, number, sealed, master, life, created_at, signs_from, ends_at
		FROM sealed_keys ORDER BY purpose, COALESCE(number, 0), kid`, nil, sealedKeyFields)
	if err != nil {
		return nil, time.Time{}, fail("read the key ring", err)
	}
	keys := make([]auth.SealedKey, len(rows))
	for i, row := range rows {
		keys[i] = fromSealedKeyRow(row)
	}
	return keys, now, nil
}

// AddKey implements [auth.SealedKeys].
func (s *Store) AddKey(ctx context.Context, k auth.SealedKey, lead time.Duration, kept ...auth.Event) (bool, error) {
	const doing = "add a key"
	if err := checkText(k.KID, k.Master); err != nil {
		return false, fail(doing, err)
	}
	var number *int64
	if k.Number != 0 {
		number = &k.Number
	}
	n, err := s.execKeeping(ctx, kept, `INSERT INTO sealed_keys (kid, purpose, number, sealed, master, life, created_at, signs_from, ends_at)
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
func (s *Store) EndKey(ctx context.Context, kid string, after time.Duration, kept ...auth.Event) error {
	const doing = "end a key"
	if err := checkText(kid); err != nil {
		return fail(doing, err)
	}
	n, err := s.execKeeping(ctx, kept, `UPDATE sealed_keys SET ends_at = CASE WHEN ends_at < `+s.dialect.clock+` + @after
			THEN ends_at ELSE `+s.dialect.clock+` + @after END
		WHERE kid = @kid`, params{"kid": kid, "after": after.Microseconds()})
	if err == nil && n == 0 {
		err = auth.ErrNotFound
	}
	return fail(doing, err)
}

// RaiseKeyLife implements [auth.SealedKeys].
func (s *Store) RaiseKeyLife(ctx context.Context, kid string, life time.Duration) error {
	_, err := s.exec(ctx, `UPDATE sealed_keys SET life = @life WHERE kid = @kid AND life < @life`,
		params{"kid": kid, "life": life.Microseconds()})
	return fail("raise the life of a key", err)
}

// ResealKey implements [auth.SealedKeys].
func (s *Store) ResealKey(ctx context.Context, kid, from string, sealed []byte, master string, kept ...auth.Event) (bool, error) {
	n, err := s.execKeeping(ctx, kept, `UPDATE sealed_keys SET sealed = @sealed, master = @master WHERE kid = @kid AND master = @from`,
		params{"kid": kid, "from": from, "sealed": sealed, "master": master})
	return n == 1, fail("encrypt a key anew", err)
}

// DeleteKey implements [auth.SealedKeys].
func (s *Store) DeleteKey(ctx context.Context, kid string, kept ...auth.Event) error {
	_, err := s.execKeeping(ctx, kept, `DELETE FROM sealed_keys WHERE kid = @kid`, params{"kid": kid})
	return fail("delete a key", err)
}

func fromSealedKeyRow(r models.SealedKey) auth.SealedKey {
	k := auth.SealedKey{
		KID: r.KID, Purpose: auth.KeyPurpose(r.Purpose), Sealed: r.Sealed, Master: r.Master,
		Life: time.Duration(r.Life) * time.Microsecond, CreatedAt: fromMicros(r.CreatedAt),
		SignsFrom: fromMicrosPtr(r.SignsFrom), EndsAt: fromMicrosPtr(r.EndsAt),
	}
	if r.Number != nil {
		k.Number = *r.Number
	}
	return k
}
