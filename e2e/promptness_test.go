package e2e

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// promptness is the time within which a service that follows the blacklist
	// must refuse a revoked token.
	promptness = 2 * time.Second
	// stall is the delay of this process that excuses a service's delay.
	stall = 200 * time.Millisecond
)

// watchStalls returns a function that returns the longest time for which this
// process could not run.
func watchStalls() (longest func() time.Duration) {
	const every = 10 * time.Millisecond
	done, told := make(chan struct{}), make(chan time.Duration)
	go func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		worst, last := time.Duration(0), time.Now()
		for {
			select {
			case <-ticker.C:
			case <-done:
				told <- worst
				return
			}
			now := time.Now()
			worst, last = max(worst, now.Sub(last)-every), now
		}
	}()
	return func() time.Duration { close(done); return <-told }
}

// refusedPromptly requires that a service refuses a revoked token within two
// seconds after the command has returned. It tries up to three times if the
// machine stalls. It returns the tokens.
func refusedPromptly(t *testing.T, env map[string]string, base string, taken, refused func(access string) bool) pair {
	t.Helper()
	for try := range 3 {
		email := fmt.Sprintf("try%d@example.com", try)
		mine := signUp(t, httpClient(), base, email)
		if !taken(mine.Access) {
			t.Fatal("a good token is not taken")
		}
		stalled := watchStalls()
		command(t, env, "users", "disable", email)
		revoked := time.Now()
		eventually(t, "the revoked token is refused", func() bool { return refused(mine.Access) })
		took, worst := time.Since(revoked), stalled()
		t.Logf("refused %v after the revocation had returned", took.Round(10*time.Millisecond))
		if took <= promptness {
			return mine
		}
		if worst < stall {
			t.Fatalf("a revoked token was taken for %v", took)
		}
		t.Logf("the machine stalled for %v", worst)
	}
	t.Fatal("a revoked token was taken for too long, three times")
	return pair{}
}

// importAccessKey creates a key as a legacy service's and imports it for
// verification, beside the key that signs.
func importAccessKey(t *testing.T, env map[string]string) *ecdsa.PrivateKey {
	t.Helper()
	dir := t.TempDir()
	data, err := os.ReadFile(keyFile(t, filepath.Join(dir, "private.pem")))
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwt.ParseECPrivateKeyFromPEM(data)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(dir, "public.pem")
	if err := os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, env, "keys", "import", "--purpose", "access", "--verify-only", public)
	return key
}

// legacyTokens returns tokens that a legacy service might have signed instead of
// ours: without a key id, and with a key id of its own.
func legacyTokens(t *testing.T, key *ecdsa.PrivateKey, access string) map[string]string {
	t.Helper()
	tokens := map[string]string{}
	for what, header := range map[string]map[string]any{
		"without kid": {"alg": "ES256", "typ": "JWT"}, "with a foreign kid": {"alg": "ES256", "typ": "JWT", "kid": "2019-key"},
	} {
		claims := jwt.MapClaims{}
		decodeClaims(t, access, &claims)
		token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
		token.Header = maps.Clone(header)
		signed, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		tokens[what] = signed
	}
	return tokens
}

// tookOver starts a server that also verifies with a legacy service's key, and
// returns that key.
func tookOver(t *testing.T, env map[string]string) (*process, *ecdsa.PrivateKey) {
	t.Helper()
	command(t, env, "migrate")
	key := importAccessKey(t, env)
	p := start(t, env)
	ids, _, err := published(httpClient(), p.URL)
	if err != nil || len(ids) != 2 {
		t.Fatalf("published: %v, %v", ids, err)
	}
	return p, key
}

// checkLegacy requires that a service accepts the legacy service's tokens that
// rekey accepts, and no forged ones.
func checkLegacy(t *testing.T, p *process, key *ecdsa.PrivateKey, access string, taken, refused func(string) bool) {
	t.Helper()
	for what, token := range legacyTokens(t, key, access) {
		if problem := me(t, httpClient(), p.URL, token); problem != "" {
			t.Errorf("rekey, %s: %s", what, problem)
		}
		if !taken(token) {
			t.Errorf("%s: it is not taken", what)
		}
		if !refused(flip(token)) {
			t.Errorf("%s: a forgery is taken", what)
		}
	}
}
