package e2e

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// goLibraries builds the program of testdata/libraries, a module of its own.
func goLibraries(t *testing.T) (program string) {
	t.Helper()
	dependOn(t, "testdata/libraries/*.go", "testdata/libraries/go.*")
	program = filepath.Join(t.TempDir(), "libraries")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "testdata/libraries"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// lineChecker runs a program that answers a line for each token.
func lineChecker(t *testing.T, dir, program string, args ...string) checker {
	t.Helper()
	run := exec.CommandContext(t.Context(), program, args...)
	run.Dir = dir
	run.Stderr = t.Output()
	lines, say := pipes(t, run)
	t.Cleanup(func() { _ = run.Wait() }) // the end of the test has stopped it
	return func(token string) (sub, problem string) { return line(t, lines, say, token) }
}

// TestKeys_libraries: services keep the published keys with libraries that people
// use, for as long as each of them does. While keys change by schedule, none
// refuses a token, even if it never fetches a key because it is unknown. A key
// that signs at once is refused by such a service, and the command reports this.
func TestKeys_libraries(t *testing.T) {
	const kept = 3 * time.Second
	node, program := throwaway.LookPath(t, "node", "nodejs"), goLibraries(t)
	installPackages(t, "tokens", "jwks-rsa")
	env := map[string]string{
		"DATA_DIR": t.TempDir(), "JWKS_MAX_AGE": "1s", "CLOCK_LEEWAY": "1s", "KEY_LEAD": (4 * kept).String(), "RATE_LIMITS": "off",
	}
	p, c := issuing(t, env), httpClient()
	libraries := map[string]checker{}
	for _, name := range []string{"jwx", "keyfunc"} {
		libraries[name] = lineChecker(t, ".", program, name, p.URL, kept.String())
	}
	for _, name := range []string{"jose", "jwks-rsa", "get-jwks"} {
		libraries[name] = lineChecker(t, "tokens", node, "caches.mjs", name, p.URL, strconv.Itoa(int(kept.Seconds())))
	}
	mine := signUp(t, c, p.URL, "ada@example.com")
	access, current, checked := mine.Access, mine.Refresh, 0
	signsWith := func(kid string) bool {
		next, err := refresh(c, graphqlTransport, p.URL, current, "")
		if err != nil || next.Problem != "" {
			t.Fatal(next.Problem, err)
		}
		access, current = next.Access, next.Refresh
		for name, check := range libraries {
			if sub, problem := check(access); problem != "" || sub == "" {
				t.Fatalf("%s: %q %s after %d tokens", name, sub, problem, checked)
			}
		}
		checked++
		return kidOf(t, access) == kid
	}
	for range 2 {
		for _, k := range runKeys(t, env, "rotate", "--json", "--purpose", "access") {
			eventually(t, "the new key signs", func() bool { return signsWith(k.KID) })
		}
	}
	t.Logf("%d tokens, each checked with %d libraries", checked, len(libraries))

	slow := lineChecker(t, ".", program, "keyfunc", p.URL, "1h")
	if _, problem := slow(access); problem != "" {
		t.Fatalf("the key that signs now: %s", problem)
	}
	now := spawn(t, env, "keys", "rotate", "--now", "--purpose", "access")
	if code := now.wait(); code != 0 || !strings.Contains(now.out.String(), "may refuse new tokens until they fetch the keys again: for up to 1s") {
		t.Errorf("exit code %d, and the cost is not reported:\n%s", code, now.out)
	}
	old := kidOf(t, access)
	eventually(t, "the new key signs", func() bool {
		access = logIn(t, c, p.URL, "ada@example.com").Access
		return kidOf(t, access) != old
	})
	if _, problem := slow(access); problem == "" {
		t.Error("a service with a slow cache accepts a key that signed at once: the reported cost is wrong")
	}
}

// TestVerify_strict: with ACCESS_TOKEN_TYP=at+jwt, libraries that follow RFC 9068
// strictly accept access tokens, and by default they do not. A library that
// introspects finds everything in the metadata of OpenID Connect.
func TestVerify_strict(t *testing.T) {
	node, program := throwaway.LookPath(t, "node", "nodejs"), goLibraries(t)
	installPackages(t, "tokens", "express-oauth2-jwt-bearer")
	for _, typ := range []string{"at+jwt", "JWT"} {
		t.Run(typ, func(t *testing.T) {
			env := map[string]string{"DATA_DIR": t.TempDir(), "ACCESS_TOKEN_TYP": typ, "RATE_LIMITS": "off"}
			p, c := issuing(t, env), httpClient()
			mine := signUp(t, c, p.URL, "ada@example.com")
			t.Setenv("API_KEY", apiKeyFor(t, env, "tokens:introspect"))
			libraries := map[string]checker{"zitadel/oidc": lineChecker(t, ".", program, "zitadel", p.URL, "0s")}
			for _, name := range []string{"express-oauth2-jwt-bearer", "oauth4webapi"} {
				libraries[name] = lineChecker(t, "tokens", node, "strict.mjs", name, p.URL)
			}
			var claims struct{ Sub string }
			decodeClaims(t, mine.Access, &claims)
			for name, check := range libraries {
				sub, problem := check(mine.Access)
				if accepted := typ == "at+jwt" || name == "zitadel/oidc"; (problem == "") != accepted || accepted && sub != claims.Sub {
					t.Errorf("%s: %q %s", name, sub, problem)
				}
				for what, token := range map[string]string{"a refresh token": mine.Refresh, "an altered token": flip(mine.Access)} {
					if _, problem := check(token); problem == "" {
						t.Errorf("%s accepts %s", name, what)
					}
				}
			}
		})
	}
}
