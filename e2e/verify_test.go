package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"rekey/internal/test/throwaway"
)

// issuing starts a server with an issuer.
func issuing(t *testing.T, env map[string]string) *process {
	t.Helper()
	addr, err := throwaway.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	_, env["PORT"], _ = strings.Cut(addr, ":")
	env["ISSUER"] = "http://" + addr
	return start(t, env)
}

// checker is a service that checks our tokens with a library. problem is empty
// if the token is valid.
type checker func(token string) (sub, problem string)

// TestVerify_libraries: popular libraries verify our tokens with the published
// keys, and accept no refresh token as an access token.
func TestVerify_libraries(t *testing.T) {
	env := map[string]string{"DATA_DIR": t.TempDir(), "JWKS_MAX_AGE": "1s", "KEY_LEAD": "0s", "CLOCK_LEEWAY": "1s", "RATE_LIMITS": "off"}
	p, c := issuing(t, env), httpClient()
	libraries := map[string]checker{"go-oidc": goOIDC(t, p.URL), "jose": jose(t, p.URL)}
	mine := signUp(t, c, p.URL, "ada@example.com")
	var claims struct{ Sub, Jti string }
	decodeClaims(t, mine.Access, &claims)
	for name, check := range libraries {
		if sub, problem := check(mine.Access); problem != "" || sub != claims.Sub || sub == "" || claims.Jti == "" {
			t.Errorf("%s: access token: %q %s", name, sub, problem)
		}
		if _, problem := check(mine.Refresh); problem == "" {
			t.Errorf("%s: a refresh token passes for an access token", name)
		}
		if _, problem := check(flip(mine.Access)); problem == "" {
			t.Errorf("%s: an altered token is taken", name)
		}
	}
	for _, k := range runKeys(t, env, "rotate", "--json", "--purpose", "access") {
		eventually(t, "the new key signs", func() bool {
			mine = logIn(t, c, p.URL, "ada@example.com")
			return kidOf(t, mine.Access) == k.KID
		})
	}
	for name, check := range libraries {
		if _, problem := check(mine.Access); problem != "" {
			t.Errorf("%s: after a key change: %s", name, problem)
		}
	}
}

// flip changes a character of a token's claims.
func flip(token string) string {
	parts := strings.Split(token, ".")
	b := []byte(parts[1])
	b[10] = map[bool]byte{true: 'B', false: 'A'}[b[10] == 'A']
	return parts[0] + "." + string(b) + "." + parts[2]
}

func goOIDC(t *testing.T, issuer string) checker {
	res, err := http.Get(issuer + "/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var found oidc.ProviderConfig
	if err := json.NewDecoder(res.Body).Decode(&found); err != nil || found.IssuerURL != issuer {
		t.Fatalf("metadata: %+v, %v", found, err)
	}
	verifier := found.NewProvider(context.WithoutCancel(t.Context())).
		Verifier(&oidc.Config{ClientID: issuer, SupportedSigningAlgs: []string{oidc.ES256}})
	return func(token string) (sub, problem string) {
		verified, err := verifier.Verify(t.Context(), token)
		if err != nil {
			return "", err.Error()
		}
		return verified.Subject, ""
	}
}

func jose(t *testing.T, issuer string) checker {
	node := throwaway.LookPath(t, "node", "nodejs")
	installPackages(t, "tokens", "jose")
	run := exec.CommandContext(t.Context(), node, "jose.mjs", issuer)
	run.Dir = "tokens"
	run.Stderr = t.Output()
	lines, say := pipes(t, run)
	t.Cleanup(func() { _ = run.Wait() }) // the end of the test has stopped it
	return func(token string) (sub, problem string) { return line(t, lines, say, token) }
}

func line(t *testing.T, lines *bufio.Scanner, say io.Writer, token string) (sub, problem string) {
	t.Helper()
	tell(t, say, token)
	if !lines.Scan() {
		t.Fatal("no answer")
	}
	var got struct{ Sub, Problem string }
	if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", lines.Bytes(), err))
	}
	return got.Sub, got.Problem
}
