package token_test

import (
	"strings"
	"testing"

	"rekey/internal/auth"
)

func BenchmarkCodec_Mint(b *testing.B) {
	f, in := newFixture(b), someClaims()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.codec.Mint(auth.UseRefresh, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCodec_Verify(b *testing.B) {
	f := newFixture(b)
	good := f.mint(b)
	for name, tok := range map[string]string{
		"Good":         good,
		"WithoutKid":   sign(b, f.spare, plainHeader, goodClaims),
		"Forged":       sign(b, f.access, plainHeader, goodClaims),
		"UnknownAlg":   segment(`{"alg":"none"}`) + "." + segment(goodClaims) + ".",
		"Dots":         strings.Repeat(".", auth.MaxTokenBytes),
		"AMebibyte":    strings.Repeat(".", 1<<20),
		"LongGarbage":  segment(strings.Repeat("{", 3000)) + "." + segment(strings.Repeat("[", 2000)) + ".x",
		"NestedClaims": segment(plainHeader) + "." + segment(strings.Repeat(`{"a":`, 1000)) + ".x",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = f.codec.Verify(auth.UseRefresh, tok, issuedAt)
			}
		})
	}
}
