package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// issuedAt is the time of the tests. Tokens are valid from here on.
var issuedAt = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// fixture is a codec with its keys, to forge tokens with.
type fixture struct {
	codec           *token.Codec
	access, refresh *ecdsa.PrivateKey
	spare           *ecdsa.PrivateKey // its public key verifies refresh tokens
}

func newFixture(tb testing.TB) fixture {
	tb.Helper()
	f := fixture{access: newKey(tb), refresh: newKey(tb), spare: newKey(tb)}
	f.codec = newCodec(tb, token.Options{
		Access:  token.KeySet{Signing: f.access},
		Refresh: token.KeySet{Signing: f.refresh, Verify: []*ecdsa.PublicKey{&f.spare.PublicKey}},
	})
	return f
}

func newCodec(tb testing.TB, o token.Options) *token.Codec {
	tb.Helper()
	c, err := token.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func someClaims() auth.Claims {
	verified := issuedAt.Add(-time.Hour).Add(123 * time.Microsecond)
	return auth.Claims{
		User: auth.ClaimsUser{
			ID:              "66312a78-1f9e-4d78-a9fb-231e84967f60",
			Name:            "Ada <b> & Grace",
			Email:           "ada@example.com",
			EmailVerifiedAt: &verified,
			CreatedAt:       issuedAt.Add(-48 * time.Hour).Add(100 * time.Millisecond),
			UpdatedAt:       issuedAt.Add(-24 * time.Hour),
		},
		SessionID: "95a51a3f-56fa-4889-bf80-3c57d054b1c2",
		Secret:    "55c00478da3aae6f05045c364de5305b69d57192dd3e8f29993b05bc5ec187d8",
		IssuedAt:  issuedAt,
		ExpiresAt: issuedAt.Add(15 * time.Minute),
	}
}

func (f fixture) mint(tb testing.TB) string {
	tb.Helper()
	minted, err := f.codec.Mint(auth.UseRefresh, someClaims())
	if err != nil {
		tb.Fatal(err)
	}
	return minted
}

func segment(content string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(content))
}

// sign returns a token with exactly this header and these claims.
func sign(tb testing.TB, key *ecdsa.PrivateKey, header, claims string) string {
	tb.Helper()
	return signSegments(tb, key, segment(header), segment(claims))
}

func signSegments(tb testing.TB, key *ecdsa.PrivateKey, header, claims string) string {
	tb.Helper()
	signed := header + "." + claims
	sig, err := jwt.SigningMethodES256.Sign(signed, key)
	if err != nil {
		tb.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// failure returns the fault of a token, or the zero value if it verified.
func failure(tb testing.TB, err error) auth.TokenFailure {
	tb.Helper()
	if err == nil {
		return auth.TokenFailure{}
	}
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || e.Token == nil {
		tb.Fatalf("error %v has no token failure", err)
	}
	want := auth.ReasonTokenInvalid
	if e.Token.Fault == auth.FaultExpired {
		want = auth.ReasonTokenExpired
	}
	if e.Code != auth.CodeUnauthenticated || e.Reason != want {
		tb.Errorf("error is %s %s, want reason %s", e.Code, e.Reason, want)
	}
	return *e.Token
}

func mustJSON(tb testing.TB, path string, into any) {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		tb.Fatal(err)
	}
}

// decoded is the content of a token's n-th segment.
func decoded(tb testing.TB, tok string, n int) []byte {
	tb.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(tok, ".")[n])
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
