package token_test

import (
	"fmt"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

const plainHeader = `{"alg":"ES256","typ":"JWT"}`

func TestCodec_Verify_clock(t *testing.T) {
	f := newFixture(t)
	now := issuedAt.Unix()
	expired := func(seconds int) auth.TokenFailure {
		return auth.TokenFailure{Fault: auth.FaultExpired, ExpiredBy: time.Duration(seconds) * time.Second}
	}
	future := auth.TokenFailure{Fault: auth.FaultIssuedInFuture}
	early := auth.TokenFailure{Fault: auth.FaultNotYetValid}
	for _, test := range []struct {
		name          string
		exp, iat, nbf int64 // relative to now
		leeway        time.Duration
		want          auth.TokenFailure
	}{
		{"Good", 60, 0, -1, 0, auth.TokenFailure{}},
		{"LastSecond", 1, -9, -10, 0, auth.TokenFailure{}},
		{"JustExpired", 0, -9, -10, 0, expired(0)},
		{"Expired", -60, -90, -91, 0, expired(60)},
		{"LeewayDoesNotExtendExp", -1, -90, -91, 30 * time.Second, expired(1)},
		{"IssuedInASecond", 60, 1, 0, 0, future},
		{"IssuedInTwo", 60, 2, 1, 0, early},
		{"IssuedAtTheLeeway", 60, 30, 29, 30 * time.Second, auth.TokenFailure{}},
		{"IssuedPastTheLeeway", 60, 31, 30, 30 * time.Second, future},
		{"NotBeforePastTheLeeway", 60, 32, 31, 30 * time.Second, early},
		{"IatBeatsExp", -60, 1, 0, 0, future},
		{"NbfBeatsExp", -60, 0, 1, 0, early},
		{"NbfBeatsBoth", -60, 2, 1, 0, early},
	} {
		t.Run(test.name, func(t *testing.T) {
			codec := newCodec(t, token.Options{
				Access:  token.KeySet{Signing: f.access},
				Refresh: token.KeySet{Signing: f.refresh},
				Leeway:  test.leeway,
			})
			tok := sign(t, f.refresh, plainHeader,
				fmt.Sprintf(`{"exp":%d,"iat":%d,"nbf":%d}`, now+test.exp, now+test.iat, now+test.nbf))
			_, err := codec.Verify(auth.UseRefresh, tok, issuedAt)
			if got := failure(t, err); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			want := test.want
			if want.Fault == auth.FaultExpired {
				want = auth.TokenFailure{}
			}
			_, err = codec.VerifyExpired(auth.UseRefresh, tok, issuedAt)
			if got := failure(t, err); got != want {
				t.Errorf("VerifyExpired: %+v, want %+v", got, want)
			}
		})
	}
	t.Run("ASignatureFaultBeatsTheClock", func(t *testing.T) {
		tok := sign(t, f.access, plainHeader, fmt.Sprintf(`{"exp":%d,"iat":%d}`, now-60, now+60))
		_, err := f.codec.Verify(auth.UseRefresh, tok, issuedAt)
		if got := failure(t, err); got.Fault != auth.FaultSignature {
			t.Errorf("%+v, want a signature fault", got)
		}
	})
}

// A NumericDate may have a fraction. The fraction never extends the validity of
// a token.
func TestCodec_Verify_fractions(t *testing.T) {
	f := newFixture(t)
	now := issuedAt.Unix()
	for _, test := range []struct {
		name, claims string
		now          time.Time
		want         auth.TokenFault
	}{
		{"ExpHalfPast", fmt.Sprintf(`{"exp":%d.5,"iat":1}`, now-1), issuedAt, auth.FaultExpired},
		{"ExpWithinThisSecond", fmt.Sprintf(`{"exp":%d.9,"iat":1}`, now), issuedAt, auth.FaultExpired},
		{"ExpLongFraction", fmt.Sprintf(`{"exp":%d.9999999999999999,"iat":1}`, now), issuedAt, auth.FaultExpired},
		{"ExpNextSecond", fmt.Sprintf(`{"exp":%d.0,"iat":1}`, now+1), issuedAt.Add(999 * time.Millisecond), 0},
		{"ExpExponent", `{"exp":2e9,"iat":1}`, issuedAt, 0},
		{"ExpNegativeExponent", `{"exp":20000000009e-1,"iat":1}`, issuedAt, 0},
		{"IatFraction", fmt.Sprintf(`{"exp":%d,"iat":%d.1}`, now+60, now), issuedAt, auth.FaultIssuedInFuture},
		{"NbfFraction", fmt.Sprintf(`{"exp":%d,"iat":1,"nbf":%d.1}`, now+60, now), issuedAt, auth.FaultNotYetValid},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := f.codec.Verify(auth.UseRefresh, sign(t, f.refresh, plainHeader, test.claims), test.now)
			if got := failure(t, err); got.Fault != test.want {
				t.Errorf("%+v, want fault %d", got, test.want)
			}
		})
	}
}
