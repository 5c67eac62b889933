package store

import (
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/throwaway"
)

// BenchmarkChanges_rotated reads all rotations after a moment, as followers
// of the blacklist have it done, from a million sessions that were refreshed
// within the last 15 minutes each.
func BenchmarkChanges_rotated(b *testing.B) {
	s, err := Open(b.Context(), Options{URL: throwaway.Postgres(b) + "&statement_timeout=0", Timeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if _, err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO users VALUES ('00000000-0000-7000-8000-000000000000', 'n', 'e', 'e', NULL, 0, 0, NULL, 'h', 0)`,
		`INSERT INTO sessions SELECT ('0196' || lpad(to_hex(i), 8, '0') || '7' || left(md5(i::text), 3) || '8' || right(md5(i::text), 15))::uuid,
			'00000000-0000-7000-8000-000000000000', 5, sha256(i::text::bytea), sha256(md5(i::text)::bytea), (i::bigint * 7919 % 900000) * 1000,
			NULL, 0, 0, 0, 9000000000000000, repeat('u', 100), '203.0.113.7', 0, 0, NULL, NULL, '' FROM generate_series(1, 1000000) i`,
		`ANALYZE sessions`,
	} {
		if err := s.write.db.WithContext(b.Context()).Exec(statement).Error; err != nil {
			b.Fatal(err)
		}
	}
	for name, age := range map[string]time.Duration{"none": 0, "of 70 seconds": 70 * time.Second, "of 15 minutes": 15 * time.Minute} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				entries := 0
				for after := (&auth.ChangeCursor{At: time.UnixMicro(0).Add(15*time.Minute - age)}); after != nil; {
					page, next, err := s.Changes(b.Context(), auth.ChangeRotated, *after, 2000)
					if err != nil {
						b.Fatal(err)
					}
					entries += len(page)
					after = next
				}
				b.ReportMetric(float64(entries), "entries")
			}
		})
	}
}
