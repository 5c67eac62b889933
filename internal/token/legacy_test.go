package token_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the recorded zone, whatever the machine has

	"rekey/internal/auth"
	"rekey/internal/token"
)

// exchange is a recorded exchange of the legacy service.
type exchange struct {
	Name    string
	At      time.Time
	Request struct {
		Headers struct{ Authorization string }
	}
	Response struct{ Body string }
}

// recorded is a token of the legacy service and the time of its use.
type recorded struct {
	name, token string
	at          time.Time
	use         auth.TokenUse
}

func recordedTokens(t *testing.T) []recorded {
	t.Helper()
	var exchanges []exchange
	mustJSON(t, "testdata/exchanges.json", &exchanges)
	var out []recorded
	for i, e := range exchanges {
		presented := strings.TrimPrefix(e.Request.Headers.Authorization, "Bearer ")
		use := auth.UseRefresh
		if i == 0 {
			use = auth.UseAccess
		}
		out = append(out, recorded{e.Name, presented, e.At, use})
		var body struct {
			Payload *struct {
				Token        string `json:"token"`
				RefreshToken string `json:"refresh_token"`
			}
		}
		if err := json.Unmarshal([]byte(e.Response.Body), &body); err != nil {
			t.Fatal(err)
		}
		if p := body.Payload; p != nil {
			out = append(out, recorded{"answered token", p.Token, e.At, auth.UseAccess},
				recorded{"answered refresh token", p.RefreshToken, e.At, auth.UseRefresh})
		}
	}
	return out
}

func legacyCodec(t *testing.T) *token.Codec {
	t.Helper()
	access, err := token.LoadVerifyKeys([]string{"testdata/access_public.pem"})
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := token.LoadVerifyKeys([]string{"testdata/refresh_public.pem"})
	if err != nil {
		t.Fatal(err)
	}
	return newCodec(t, options(newKey(t), newKey(t), access, refresh))
}

func TestCodec_Verify_recorded(t *testing.T) {
	codec := legacyCodec(t)
	tokens := recordedTokens(t)
	if len(tokens) != 5 {
		t.Fatalf("%d recorded tokens, want 5", len(tokens))
	}
	for _, r := range tokens {
		t.Run(r.name, func(t *testing.T) {
			got, err := codec.Verify(r.use, r.token, r.at)
			if err != nil {
				t.Fatalf("as %s: %+v", r.use, failure(t, err))
			}
			checkRecorded(t, r, got)
			_, err = codec.Verify(otherUse(r.use), r.token, r.at)
			if f := failure(t, err); f != (auth.TokenFailure{Fault: auth.FaultSignature}) {
				t.Errorf("as %s: %+v, want a signature fault", otherUse(r.use), f)
			}
		})
	}
}

func otherUse(use auth.TokenUse) auth.TokenUse {
	if use == auth.UseAccess {
		return auth.UseRefresh
	}
	return auth.UseAccess
}

// plainClaims are a token's claims as another program would read them.
type plainClaims struct {
	User struct {
		ID, Name, Email string
		EmailVerifiedAt *string   `json:"email_verified_at"`
		CreatedAt       time.Time `json:"created_at"`
		UpdatedAt       time.Time `json:"updated_at"`
		Auth            struct{ ID, Token string }
	}
	Exp, Iat int64
}

func rawClaims(t *testing.T, tok string) plainClaims {
	t.Helper()
	var c plainClaims
	if err := json.Unmarshal(decoded(t, tok, 1), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func checkRecorded(t *testing.T, r recorded, got auth.Claims) {
	t.Helper()
	want := rawClaims(t, r.token)
	if want.User.EmailVerifiedAt != nil || got.User.EmailVerifiedAt != nil {
		t.Errorf("email_verified_at is %v, want none", got.User.EmailVerifiedAt)
	}
	plain := auth.Claims{
		User: auth.ClaimsUser{
			ID: want.User.ID, Name: want.User.Name, Email: want.User.Email,
			CreatedAt: want.User.CreatedAt.UTC(), UpdatedAt: want.User.UpdatedAt.UTC(),
		},
		SessionID: want.User.Auth.ID,
		Secret:    want.User.Auth.Token,
		IssuedAt:  time.Unix(want.Iat, 0).UTC(),
		ExpiresAt: time.Unix(want.Exp, 0).UTC(),
	}
	if !reflect.DeepEqual(got, plain) {
		t.Errorf("claims are\n%+v, want\n%+v", got, plain)
	}
}

// The claims that we mint in the recorded zone are those recorded, byte for byte.
func TestCodec_Mint_recorded(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Budapest")
	if err != nil {
		t.Fatal(err)
	}
	verifier := legacyCodec(t)
	minter := newCodec(t, token.Options{
		Access:   token.KeySet{Signing: newKey(t)},
		Refresh:  token.KeySet{Signing: newKey(t)},
		Location: zone,
	})
	for _, r := range recordedTokens(t) {
		claims, err := verifier.VerifyExpired(r.use, r.token, r.at)
		if err != nil {
			t.Fatal(err)
		}
		minted, err := minter.Mint(r.use, claims)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := decoded(t, minted, 1), decoded(t, r.token, 1); string(got) != string(want) {
			t.Errorf("%s: claims are\n%s, want\n%s", r.name, got, want)
		}
	}
}
