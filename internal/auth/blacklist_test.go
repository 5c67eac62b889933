package auth

import (
	"errors"
	"testing"
	"time"
)

// verdicts holds the results of verifying, by use. A nil error is a valid token of
// ada.
type verdicts struct {
	Tokens
	by map[TokenUse]error
}

func (v verdicts) Verify(use TokenUse, _ string, _ time.Time) (Claims, error) {
	return Claims{User: ClaimsUser{ID: "ada"}}, v.by[use]
}

// TestService_ownToken: a token that could not be judged is not reported as invalid,
// and the owner is checked apart from validity.
func TestService_ownToken(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	invalid := InvalidToken(TokenFailure{Fault: FaultSignature})
	expired := InvalidToken(TokenFailure{Fault: FaultExpired})
	unread := Unavailable(errors.New("no keys"))
	for name, tt := range map[string]struct {
		access, refresh error
		caller          string
		database        time.Time
		want            Code
	}{
		"an access token":                 {nil, invalid, "ada", now, ""},
		"a refresh token":                 {invalid, nil, "ada", now, ""},
		"another's access token":          {nil, invalid, "eve", now, CodeForbidden},
		"another's refresh token":         {invalid, nil, "eve", now, CodeForbidden},
		"no token":                        {invalid, invalid, "ada", now, CodeBadUserInput},
		"an expired access token":         {expired, invalid, "ada", now, CodeBadUserInput},
		"an expired refresh token":        {invalid, expired, "ada", now, CodeBadUserInput},
		"expired by a skewed clock":       {invalid, expired, "ada", now.Add(-time.Hour), CodeUnavailable},
		"of a key that is not known":      {unread, invalid, "ada", now, CodeUnavailable},
		"the refresh keys were not read":  {invalid, unread, "ada", now, CodeUnavailable},
		"a good one, other keys not read": {unread, nil, "ada", now, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Service{
				store: &clockStore{now: tt.database}, now: func() time.Time { return now },
				tokens: verdicts{by: map[TokenUse]error{UseAccess: tt.access, UseRefresh: tt.refresh}},
			}
			_, _, err := s.ownToken(t.Context(), Caller{UserID: tt.caller}, "token", now)
			var got Code
			if err != nil {
				got = AsError(err).Code
			}
			if got != tt.want {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
