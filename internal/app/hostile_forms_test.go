package app

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"hash"
	"strings"
	"testing"

	"rekey/internal/token"
)

// forge creates tokens of one use, signed with the service's own key of that
// use, with its key of the other use, and with a stranger's key.
type forge struct {
	tb                  testing.TB
	own, other, foreign *ecdsa.PrivateKey
	good                string // a live token
	header, claims      string // of it
	signature           []byte // of it
}

func newForge(tb testing.TB, own, other, foreign *ecdsa.PrivateKey, good string) forge {
	tb.Helper()
	f := forge{tb: tb, own: own, other: other, foreign: foreign, good: good}
	parts := strings.Split(good, ".")
	content := make([]string, 3)
	for i := range content {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			tb.Fatal(err)
		}
		content[i] = string(raw)
	}
	f.header, f.claims, f.signature = content[0], content[1], []byte(content[2])
	return f
}

func segment(content string) string { return base64.RawURLEncoding.EncodeToString([]byte(content)) }

// part returns a segment of the live token.
func (f forge) part(i int) string { return strings.Split(f.good, ".")[i] }

// put replaces a segment and keeps the signature.
func (f forge) put(i int, with string) string {
	parts := strings.Split(f.good, ".")
	parts[i] = with
	return strings.Join(parts, ".")
}

// signSegments signs encoded segments with ES256.
func (f forge) signSegments(key *ecdsa.PrivateKey, header, claims string) string {
	f.tb.Helper()
	signed := header + "." + claims
	digest := sha256.Sum256([]byte(signed))
	return signed + "." + segment(string(f.rawSignature(key, digest[:], 32)))
}

func (f forge) sign(key *ecdsa.PrivateKey, header, claims string) string {
	f.tb.Helper()
	return f.signSegments(key, segment(header), segment(claims))
}

// rawSignature returns r and s with size bytes each.
func (f forge) rawSignature(key *ecdsa.PrivateKey, digest []byte, size int) []byte {
	f.tb.Helper()
	r, s, err := ecdsa.Sign(rand.Reader, key, digest)
	if err != nil {
		f.tb.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

// under signs the live claims under another header, with the service's own key.
func (f forge) under(header string) string { return f.sign(f.own, header, f.claims) }

// member adds a member to the valid header.
func (f forge) member(key *ecdsa.PrivateKey, member string) string {
	return f.sign(key, strings.TrimSuffix(f.header, "}")+","+member+"}", f.claims)
}

// plain returns a header without kid and with one more member.
func plain(member string) string {
	if member != "" {
		member = "," + member
	}
	return `{"alg":"ES256","typ":"JWT"` + member + `}`
}

// claiming signs other claims under the valid header with the service's own key.
func (f forge) claiming(claims string) string { return f.sign(f.own, f.header, claims) }

// claim replaces a number among the live claims.
func (f forge) claim(name, value string) string { return f.claiming(f.replaced(name, value)) }

func (f forge) replaced(name, value string) string {
	f.tb.Helper()
	before, rest, found := strings.Cut(f.claims, fmt.Sprintf(`%q:`, name))
	end := strings.IndexAny(rest, ",}")
	if !found || end < 0 {
		f.tb.Fatalf("no %s in %s", name, f.claims)
	}
	return before + fmt.Sprintf("%q:%s", name, value) + rest[end:]
}

// added adds members to the live claims.
func (f forge) added(members string) string {
	return f.claiming(strings.TrimSuffix(f.claims, "}") + "," + members + "}")
}

// hmacOf signs the live claims with an HMAC under a public key.
func (f forge) hmacOf(alg string, newHash func() hash.Hash, key []byte) string {
	signed := segment(`{"alg":"`+alg+`","typ":"JWT"}`) + "." + f.part(1)
	mac := hmac.New(newHash, key)
	mac.Write([]byte(signed))
	return signed + "." + segment(string(mac.Sum(nil)))
}

// es384 returns a signature of our key by another algorithm.
func (f forge) es384() string {
	signed := segment(`{"alg":"ES384","typ":"JWT"}`) + "." + f.part(1)
	digest := sha512.Sum384([]byte(signed))
	return signed + "." + segment(string(f.rawSignature(f.own, digest[:], 48)))
}

func (f forge) pkix(key *ecdsa.PrivateKey) []byte {
	f.tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		f.tb.Fatal(err)
	}
	return der
}

func (f forge) point(key *ecdsa.PrivateKey) []byte {
	f.tb.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		f.tb.Fatal(err)
	}
	return point
}

func (f forge) publicPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: f.pkix(f.own)})
}

func (f forge) jwk(key *ecdsa.PrivateKey) string {
	point := f.point(key)
	return fmt.Sprintf(`"jwk":{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, segment(string(point[1:33])), segment(string(point[33:])))
}

func kid(key *ecdsa.PrivateKey) string { return `"kid":"` + token.Thumbprint(&key.PublicKey) + `"` }
